"""How runs ended, and which versions they used."""

import pytest

from bench.records import RunError
from tests.report.conftest import ENVIRONMENT, make_record
from tests.report.findings.asking import words_of


def test_failed_and_skipped_runs_are_named_with_the_first_reason():
    first, second = (RunError(type="E", message=message) for message in ("no\nluck", "other"))
    missing = RunError(type="Unavailable", message="jax not installed; pip install jax")
    words = words_of(
        make_record(), make_record("torch", status="failed", error=first),
        make_record("torch", seed=1, status="failed", error=second),
        make_record("jax", status="skipped", error=missing),
    )  # fmt: skip
    assert "**Runs: 1 done, 2 failed, 1 skipped.**" in words
    assert "2 runs of torch failed: no\n" in words
    assert "1 run of jax skipped: jax not installed; pip install jax" in words


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"missing": ("a",)}, "**1 planned run is not finished.**"),
        ({"missing": ("a", "b")}, "**2 planned runs are not finished.**"),
        ({"unreadable": ("a",)}, "**Left out: 1 file or folder that cannot be used**"),
        ({"copies": ("a", "b")}, "2 duplicate records are ignored"),
    ],
)
def test_what_is_left_out_is_counted(more, sentence):
    assert sentence in words_of(make_record(), **more)


def test_different_versions_are_stated_only_of_runs_that_are_taken_together():
    records = [
        make_record(seed=seed, environment=ENVIRONMENT | {"cores": list(range(n_cores))})
        for seed, n_cores in enumerate((1, 2, 2))
    ]
    for record, version in zip(records, ("1.0", "2.0", "2.0"), strict=True):
        object.__setattr__(record, "made_with", {"number of cores": version, "numpy": version})
    words = words_of(*records)
    assert "runs are compared only with the same number" in words
    assert "are averaged" not in words
    object.__setattr__(records[2], "made_with", {"number of cores": "2.0", "numpy": "3.0"})
    assert "used different code or versions** (numpy 2.0, 3.0) and" in words_of(*records)
