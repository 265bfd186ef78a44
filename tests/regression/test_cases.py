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
        (f"{CASES} seed=1,2", f"{CASE} has several configurations"),
        *(
            (f"{CASES} {key}={value}", f"{key} has no effect on a comparison; leave it out")
            for key, value in [
                ("epochs", 3),
                ("shuffle", "false"),
                ("evaluate_training_set", "true"),
                ("timeout_seconds", 5),
                ("memory_limit", "2GB"),
                ("isolation", "spawn"),
                ("share_machine", "true"),
                ("results_folder", "x"),
                ("sweep_name", "x"),
                ("resume", "false"),
                ("shuffle_runs", "true"),
            ]
        ),
    ],
)
def test_what_is_no_case_is_refused(overrides, reason):
    with pytest.raises(ConfigError, match=reason):
        parse_cases(overrides)
