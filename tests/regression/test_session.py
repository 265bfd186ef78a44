"""The end of a session, and failing cases. Measurements are simulated."""

from __future__ import annotations

import itertools
import math
import time
from contextlib import contextmanager, nullcontext

import pytest

from bench.machine.facts import cpu_flags
from bench.regression import pairs, session
from bench.regression.cases import parse_cases
from bench.regression.outcome import MIN_BOUNDS
from bench.regression.pair_record import Pair
from bench.regression.sides.process import CaseError, OutOfTimeError
from tests.regression.conftest import CASES

DRIFT = 0.1


class FakeProcess:
    """Trains a slice in a hundredth of a second, but fails in some cases."""

    def __init__(self, failing):
        self.failing = failing
        self.dead = False

    def request(self, **request):
        if request.get("open") in self.failing or self.dead:
            self.dead = True
            raise CaseError("base", "a reason")
        return {"seconds": 0.01}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs a session of cases of three batch sizes with made-up pairs."""

    def run_session(
        value_of,
        *,
        failing_steps=(),
        failing_drift=(),
        failing_pairs=(),
        out_of_time=math.inf,
        smallest=None,
        **options,
    ):
        n_measured = 0

        @contextmanager
        def fake_processes(sides, _config, _conditions):
            yield {name: FakeProcess(failing_steps) for name in sides}

        def fake_measure(processes, case, number, _randomness, metrics=(), perturbed=False):
            nonlocal n_measured
            failing = failing_drift if perturbed else failing_pairs
            if case.name in failing or processes["head"].dead:
                processes["head"].dead = True
                raise CaseError("head", "a reason")
            n_measured += not perturbed
            if n_measured > out_of_time:
                raise OutOfTimeError
            return Pair(
                cell=case.name, number=number, base_seconds=(1.0,),
                head_seconds=(math.exp(value_of(number)),), first_difference=0.0,
                losses_difference=DRIFT if perturbed else 0.0, last_difference=0.0,
            )  # fmt: skip

        monkeypatch.setattr(session, "processes_of", fake_processes)
        monkeypatch.setattr(session, "measure", fake_measure)
        monkeypatch.setattr(session, "write_data", lambda *_: None)
        monkeypatch.setattr(pairs, "write_batches", lambda *_: None)
        return session.run(
            parse_cases(f"{CASES} batch_size=16,32,64"),
            {"base": None, "head": None},
            session.Conditions(folder=tmp_path, until=time.monotonic() + 600),
            smallest=smallest or {"step": 0.03},
            **options,
        )

    return run_session


def small_noise(number):
    return 0.001 * (-1) ** number


def test_equal_sides_are_not_slower_at_the_first_look(run):
    for outcome in run(small_noise):
        assert (outcome.answer, len(outcome.pairs)) == ("not slower", 10)
        assert outcome.learning.bounds["losses_difference"] == 5 * DRIFT


@pytest.mark.parametrize("stage", ["failing_steps", "failing_drift", "failing_pairs"])
def test_a_failing_case_does_not_affect_others(run, stage):
    failed, *others = run(small_noise, **{stage: ("numpy-one_hidden-16",)})
    assert failed.answer is None
    assert failed.failed == ("head" if stage == "failing_pairs" else "base")
    for outcome in others:
        assert outcome.error is None
        assert (outcome.answer, len(outcome.pairs)) == ("not slower", 10)
        assert (
            outcome.learning.bounds["losses_difference"]
            == 5 * DRIFT
            > MIN_BOUNDS["losses_difference"]
        )


def test_undecided_cases_end_after_the_last_look(run):
    for outcome in run(lambda number: 0.2 * (-1) ** number):
        assert (outcome.answer, len(outcome.pairs)) == ("can't tell", 80)


def test_a_fixed_number_of_pairs_is_measured_without_stopping_early(run):
    for outcome in run(small_noise, n_pairs=20):
        assert (outcome.answer, len(outcome.pairs)) == ("not slower", 20)


def test_a_case_with_too_few_pairs_was_not_measured(run):
    first, *others = run(small_noise, out_of_time=13)  # in the fifth round
    assert first.answer == "not slower"
    for outcome in others:
        assert outcome.answer is None
        assert not outcome.is_measured
        assert outcome.error == "budget used up after 4 pairs; increase --budget"


def test_with_a_short_budget_a_case_is_answered_before_the_next_begins(run, monkeypatch):
    monkeypatch.setattr(session.budget, "announce_pairs", lambda *_: True)
    first, second, third = run(small_noise, out_of_time=22)
    for outcome in (first, second):
        assert (outcome.answer, len(outcome.pairs)) == ("not slower", 10)
    assert third.error == "budget used up after 2 pairs; increase --budget"


def test_a_session_continues_with_earlier_pairs(run):
    first = run(small_noise, out_of_time=5)  # in rounds of all cases: two, two and one
    assert [len(outcome.pairs) for outcome in first] == [2, 2, 1]
    earlier = {outcome.case.name: outcome.pairs for outcome in first}
    for outcome, before in zip(run(small_noise, earlier=earlier), first, strict=True):
        assert outcome.pairs[: len(before.pairs)] == before.pairs
        assert (outcome.answer, len(outcome.pairs)) == ("not slower", 10)
    finished = {outcome.case.name: outcome.pairs for outcome in run(small_noise)}
    assert [len(o.pairs) for o in run(small_noise, earlier=finished)] == [10, 10, 10]


@pytest.fixture
def find_steps(monkeypatch):
    """Return a function that sizes the slices of a case whose slices take the given seconds."""

    def find(seconds):
        monkeypatch.setattr(session, "write_data", lambda *_: None)
        monkeypatch.setattr(pairs, "write_batches", lambda *_: None)
        times = itertools.cycle(seconds)
        process = FakeProcess(())
        process.request = lambda **request: {"seconds": next(times) if "slice" in request else 0}
        monkeypatch.setattr(session, "processes_of", lambda *_: nullcontext({"base": process}))
        outcomes = [session.Outcome(case) for case in parse_cases(CASES)]
        session.find_steps(outcomes, None, session.Conditions(folder=None, until=math.inf))
        return outcomes[0].n_steps

    return find


def test_a_disturbed_slice_does_not_shorten_the_others(find_steps):
    assert find_steps([0.3, 0.02, 0.2, 0.02]) == find_steps([0.02])
    assert find_steps([0.01]) == pytest.approx(2 * find_steps([0.02]), abs=1)


def test_the_slice_of_training_that_computes_nothing_is_bounded(find_steps):
    assert find_steps([1e-9]) == pairs.MAX_STEPS


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="a processor without AVX2")
def test_the_processes_of_a_case_have_its_instructions(monkeypatch):
    started = []

    def fake_processes(_sides, config, _conditions):
        started.append(config.instructions)
        return nullcontext({"base": FakeProcess(())})

    monkeypatch.setattr(session, "processes_of", fake_processes)
    monkeypatch.setattr(session, "write_data", lambda *_: None)
    monkeypatch.setattr(pairs, "write_batches", lambda *_: None)
    cases = parse_cases(f"{CASES} batch_size=32,64 instructions=avx2,auto")
    conditions = session.Conditions(folder=None, until=math.inf)
    session.find_steps([session.Outcome(case) for case in cases], None, conditions)
    assert sorted(started) == ["auto", "avx2"]
