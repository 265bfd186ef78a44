"""Faults at random moments, from a seed: a few of each, or all of them with CHAOS=full."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter

import pytest

from tests.conftest import SCRIPTS

FULL = os.environ.get("CHAOS") == "full"
SEED = int(os.environ.get("CHAOS_SEED", "0"))
TRIED: Counter[str] = Counter()
WORDS = (
    "-m", "implementation=numpy", "threads=1", "dataset=synthetic", "dataset.training_size=3000",
    "epochs=2", "learning_rate=0.01,0.03,0.1" if FULL else "learning_rate=0.1", "seed=0,1",
    "sweep_name=night",
)  # fmt: skip
N_RUNS = 6 if FULL else 2
MAX_DELAY_SECONDS = 4 if FULL else 2  # from the start of a sweep to the fault


@pytest.fixture
def randomness(request):
    """Return a generator of random numbers, the same each time and another for every test."""
    return random.Random(f"{SEED} {request.node.name}")  # noqa: S311


@pytest.fixture
def tries():
    """Return how often to cause a fault, and count it for the last line."""

    def count(what, short, full):
        n = full if FULL else short
        TRIED[what] += n
        return n

    return count


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Put code in the place of a framework, scikit-learn."""

    def put(code):
        (tmp_path / "sklearn.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    return put


def begin(folder, *more, words=WORDS):
    """Start a sweep in a folder."""
    return subprocess.Popen(
        [SCRIPTS / "bench", *words, *more],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder, *more, **options):
    """Run a sweep to its end; return its exit status and what it printed to stderr."""
    process = begin(folder, *more, **options)
    errors = process.communicate(timeout=300)[1]
    assert "Traceback" not in errors, errors
    return process.returncode, errors


def stored(folder):
    """Return the bytes of every record of a sweep, by the name of its run."""
    paths = sorted(folder.glob("results/night/*/record.json"))
    return {path.parent.name: path.read_bytes() for path in paths}


def learnt(folder):
    """Return what a sweep's runs have learnt: the part of their records without times."""
    learnt = {}
    for name, content in stored(folder).items():
        record = json.loads(content)
        assert record["status"] == "done", record["error"]
        losses = [
            (epoch["train_loss"], epoch["validation_loss"], epoch["validation_accuracy"])
            for epoch in record["epochs"]
        ]
        learnt[name] = (record["config_hash"], losses, record["confusion_matrix"])
    return learnt


@pytest.fixture(scope="session")
def undisturbed_folder(tmp_path_factory):
    """Return a folder with the sweep, made without a fault."""
    folder = tmp_path_factory.mktemp("undisturbed")
    status, errors = finish(folder)
    assert status == 0, errors
    return folder


@pytest.fixture(scope="session")
def undisturbed(undisturbed_folder):
    """Return what the sweep learns without a fault."""
    found = learnt(undisturbed_folder)
    assert len(found) == N_RUNS
    return found


def pytest_unconfigure(config):
    """Print which faults were caused, after everything else."""
    if TRIED:
        tried = ", ".join(f"{n:,} {what}" for what, n in TRIED.items())
        config.get_terminal_writer().line(f"chaos, seed {SEED}: {tried}")
