"""Records: the parts of the seconds, and when a verdict passes."""

from dataclasses import fields, replace

import pytest

from bench.records import N_CLASSES, N_PIXELS, SECONDS_PARTS, RunError, Rung, Seconds
from bench.terminal import describe_verdict
from tests.report.conftest import make_verdict


def test_the_parts_of_the_seconds_are_all_of_them_but_their_total():
    assert {*SECONDS_PARTS, "total"} == {field.name for field in fields(Seconds)}
    assert (N_PIXELS, N_CLASSES) == (784, 10)


def verdict_with(*rungs):
    rungs = tuple(Rung(number=n, distance=distance, bound=bound) for n, distance, bound in rungs)
    return replace(make_verdict("numpy"), rungs=rungs)


PASSED = (1, 1e-7, 1e-5), (2, 1e-7, 1e-5), (3, 1e-6, 3e-6)


@pytest.mark.parametrize(
    ("rungs", "passed", "description"),
    [
        (PASSED, True, "computes what the recipe says"),
        (PASSED[:1], False, "was not checked completely: rung 2, 3 is missing"),
        (PASSED[1:], False, "was not checked completely: rung 1 is missing"),
        ((), False, "was not checked completely: rung 1, 2, 3 is missing"),
        ((*PASSED, (3, 1.0, 3e-6)), False, "fails rung 3 (1.0e+00)"),
        (((1, 1.0, 1e300), *PASSED[1:]), False, "fails rung 1 (1.0e+00)"),
        ((*PASSED[:2], (3, 1.0, 1e300)), False, "fails rung 3 (1.0e+00)"),
        ((*PASSED[:2], (3, -1.0, 3e-6)), False, "fails rung 3 (-1.0e+00)"),
        ((*PASSED, (4, 0.0, 1.0)), False, "fails rung 4 (0.0e+00)"),
    ],
)
def test_a_verdict_passes_with_all_rungs_and_bounds_of_the_ladder(rungs, passed, description):
    verdict = verdict_with(*rungs)
    assert verdict.passed is passed
    assert describe_verdict(verdict).endswith(description)
    assert not replace(verdict, error=RunError(type="Error", message="no memory")).passed
