"""Which cases overrides describe."""

from __future__ import annotations

import json
import sys
import time

import pytest

from bench.config.errors import ConfigError
from bench.contract import BACKEND_VARIABLE
from bench.machine.facts import cpu_flags, usable_cores
from bench.regression.cases import parse_cases, write_data
from bench.regression.sides.checkout import Side
from bench.regression.sides.process import CaseError, Conditions, SideProcess
from tests.regression.conftest import CASE, CASES


def test_a_case_is_named_by_implementation_architecture_and_batch_size():
    cases = parse_cases(f"{CASES} batch_size=32,64")
    assert [case.name for case in cases] == [CASE, CASE.replace("32", "64")]
    assert cases[1].flops_per_step == 2 * cases[0].flops_per_step


@pytest.mark.skipif(len(usable_cores()) < 2, reason="a machine with one core")
def test_cases_with_several_numbers_of_threads_name_them():
    cases = parse_cases(CASES.replace("threads=1", "threads=1,2"))
    assert [case.name for case in cases] == [f"{CASE}-threads1", f"{CASE}-threads2"]
    assert [len(case.config.cores) for case in cases] == [1, 2]


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="a processor without AVX2")
def test_a_case_with_other_instructions_is_another_case():
    cases = parse_cases(f"{CASES} batch_size=32 instructions=auto,avx2")
    assert [case.name for case in cases] == [CASE, f"{CASE}-avx2"]


def identity(overrides):
    (case,) = parse_cases(overrides)
    return case.identity


@pytest.mark.parametrize(
    "other",
    [
        "learning_rate=0.02", "seed=1", "batch_size=64", "recipe=tanh_softmax_sgd",
        "validation_fraction=0.3", "dataset.training_size=500", "recipe.activation=tanh",
        "architecture.hidden_sizes=[7]", "implementation=notebook",
    ],
)  # fmt: skip
def test_cases_with_other_settings_have_another_identity(other):
    assert identity(f"{CASES} {other}") != identity(CASES)
    assert identity(f"{CASES} {other}") == identity(f"{CASES} {other}")


@pytest.mark.skipif(len(usable_cores()) < 2, reason="a machine with one core")
def test_the_number_of_cores_identifies_a_case_however_it_is_given():
    two = CASES.replace("threads=1", "threads=2")
    assert identity(two) != identity(CASES)
    (automatic,) = parse_cases(CASES.replace("threads=1", "threads=auto"))
    n_cores = len(automatic.config.cores)
    assert automatic.identity == identity(CASES.replace("threads=1", f"threads={n_cores}"))
    assert f"threads={n_cores}" in automatic.settings


def test_the_settings_are_given_in_words():
    (case,) = parse_cases(CASES)
    words = case.settings.split()
    assert {"learning_rate=0.01", "dataset=synthetic", "threads=1", "device=cpu"} <= {*words}
    assert not any(word.startswith(("epochs=", "batch_size=")) for word in words)


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
def test_overrides_that_describe_no_case_are_refused(overrides, reason):
    with pytest.raises(ConfigError, match=reason):
        parse_cases(overrides)


def test_a_side_gets_the_backend_before_it_imports_the_implementation(tmp_path):
    (case,) = parse_cases("implementation=keras_jax dataset=synthetic")
    write_data([case], tmp_path)
    problem = json.loads((tmp_path / case.name / "problem.json").read_text())
    assert problem["environment"] == {BACKEND_VARIABLE: "jax"}
    files = {
        f"implementations/{problem['module']}.py": (
            f"import os\nraise ImportError(os.environ[{BACKEND_VARIABLE!r}])"
        ),
        "bench/contract.py": "Layer = Problem = Recipe = None",
    }
    for name, source in files.items():
        path = tmp_path / name
        path.parent.mkdir()
        (path.parent / "__init__.py").touch()
        path.write_text(source)
    side = Side(label="", tree=tmp_path, python=sys.executable, commit=None)
    conditions = Conditions(folder=tmp_path, until=time.monotonic() + 60)
    process = SideProcess("head", side, usable_cores(), conditions)
    try:
        with pytest.raises(CaseError, match="ImportError: jax"):
            process.request(open=case.name)
    finally:
        process.close()
