"""The packages that `make gpu` needs, and its messages about missing ones."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.gpu import __main__ as command

ROOT = Path(__file__).parents[2]
# Not needed: libraries import these if they are there.
OPTIONAL = {"attrs", "charset-normalizer", "setuptools", "typing_extensions"}
IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sys.modules)
"""


def test_everything_that_the_commands_import_is_required():
    entries = (
        "bench.gpu.session", "bench.sweep.scheduler", "bench.sweep.summary",
        "bench.parity.schedule", "bench.regression.comparison", "bench.process.fork_server",
        "bench.process.worker", "bench.parity.ladder_worker",
    )  # fmt: skip
    imported = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *entries],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout.split()  # fmt: skip
    distributions = importlib.metadata.packages_distributions()
    names = {
        name for module in imported for name in distributions.get(module.partition(".")[0], ())
    }
    assert names - OPTIONAL - {"mlp-bench"} <= set(command.REQUIRED.values())


def test_missing_packages_are_named_in_one_line():
    completed = subprocess.run(
        [sys.executable, "-S", "-m", "bench.gpu"],  # -S: without the installed packages
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert completed.returncode == 2
    assert completed.stdout == ""
    names = ", ".join(command.REQUIRED.values())
    assert completed.stderr == (
        f"make gpu: {sys.executable} lacks {names}: install them as docs/gpu.md says, or choose "
        "another interpreter: make gpu PYTHON=...\n"
    )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("batch_size=0", "make gpu: batch_size=0: must be a whole number"),
        ("--seconds=9", "argument --seconds: '9': must be whole seconds, 60 or more"),
    ],
)
def test_a_mistake_is_refused_in_one_line(word, message, tmp_path):
    completed = subprocess.run(
        [sys.executable, "-m", "bench.gpu", word],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert completed.returncode == 2
    assert message in completed.stderr
    assert list(tmp_path.iterdir()) == []


def make(*words, **variables):
    # The tests may run under another make, which passes its own variables on.
    return subprocess.run(
        ["make", "--dry-run", "gpu", *words],
        capture_output=True, text=True, check=True, cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
    ).stdout  # fmt: skip


def test_make_chooses_the_interpreter_and_passes_the_dataset():
    expected = ".venv/bin/python" if (ROOT / ".venv/bin/python").exists() else "python3"
    assert f" {expected} -m bench.gpu" in make()
    assert " /some/python -m bench.gpu" in make("PYTHON=/some/python")
    assert " /some/python -m bench.gpu" in make(PYTHON="/some/python")
    assert f"dataset.path='{ROOT}/data'" in make("DATA=data")
    assert "dataset.path" not in make()
    assert "--seconds 300 seed=1" in make("GPU=--seconds 300 seed=1")
