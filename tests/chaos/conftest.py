"""What goes wrong at random moments, from a seed: a few tries, or all in `make chaos`."""

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
    "-m", "implementation=numpy", "dataset=synthetic", "dataset.training_size=3000", "epochs=2",
    "learning_rate=0.01,0.03,0.1", "seed=0,1", "sweep_name=night",
)  # fmt: skip
N_RUNS = 6


@pytest.fixture
def randomness(request):
    """Chance that is the same every time, and another for every test."""
    return random.Random(f"{SEED} {request.node.name}")  # noqa: S311


@pytest.fixture
def tries():
    """Return how often to try something, and keep count for the last line."""

    def count(what, short, full):
        n = full if FULL else short
        TRIED[what] += n
        return n

    return count


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Put code in the place of a framework."""

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
    """Run a sweep to its end."""
    process = begin(folder, *more, **options)
    said = process.communicate(timeout=300)[1]
    assert "Traceback" not in said, said
    return process.returncode, said


def stored(folder):
    """The bytes of every record of a sweep by the name of its run."""
    found = sorted(folder.glob("results/night/*/record.json"))
    return {path.parent.name: path.read_bytes() for path in found}


def learnt(folder):
    """What a sweep's runs have learnt: all of their records that time has no part in."""
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
def undisturbed(tmp_path_factory):
    """What the sweep learns when nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    status, said = finish(folder)
    assert status == 0, said
    found = learnt(folder)
    assert len(found) == N_RUNS
    return found


def pytest_unconfigure(config):
    """Say what was tried, after everything else."""
    if TRIED:
        tried = ", ".join(f"{n:,} {what}" for what, n in TRIED.items())
        config.get_terminal_writer().line(f"chaos, seed {SEED}: {tried}")
