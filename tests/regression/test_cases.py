"""Which cases overrides describe."""

from __future__ import annotations

import pytest

from bench.config.errors import ConfigError
from bench.regression.cases import parse_cases
from tests.regression.conftest import CASE, CASES


def test_a_case_is_named_by_implementation_architecture_and_batch_size():
    cases = parse_cases(f"{CASES} batch_size=32,64")
    assert [case.name for case in cases] == [CASE, CASE.replace("32", "64")]
    assert cases[1].flops_per_step == 2 * cases[0].flops_per_step


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ("implementation=nowhere", "implementation=nowhere: must be one of"),
        ("implementation='", "No closing quotation"),
        (f"{CASES} seed=1,2", f"{CASE} in several ways"),
    ],
)
def test_what_is_no_case_is_refused(overrides, reason):
    with pytest.raises(ConfigError, match=reason):
        parse_cases(overrides)
