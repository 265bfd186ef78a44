"""Small projects to compare, with an implementation that is quick to start and to train."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bench import decisions
from bench.machine import lock
from bench.regression import command, pairs, session, turns
from bench.regression.sides import repository as git
from bench.results import history

PROJECT = Path(__file__).parents[2]
CASES = (
    "implementation=numpy architecture=one_hidden learning_rate=0.01 threads=1 dataset=synthetic"
)
CASE = "numpy-one_hidden-32"
IMPLEMENTATION = """
import numpy as np

from bench.contract import Layer


class MLP:
    def setup(self, problem, parameters):
        self.problem = problem
        self.layers = [[weights.copy(), bias.copy()] for weights, bias in parameters]
        self.epochs = 0

    def warm_up(self, batches):
        pass

    def train_epoch(self, batches):
        self.epochs += 1
        return float(np.mean([self.step(rows) for rows in batches]))

    def step(self, rows):
        sum(range(30_000))  # most of the time: it varies less than that of small matrix products
        labels = self.problem.train_labels[rows]
        inputs = [self.problem.train_images[rows]]
        for weights, bias in self.layers:
            inputs.append(np.maximum(inputs[-1] @ weights + bias, 0))
        exponentials = np.exp(inputs[-1])
        delta = exponentials / exponentials.sum(1, keepdims=True)
        loss = -np.log(delta[np.arange(len(rows)), labels]).mean()
        delta[np.arange(len(rows)), labels] -= 1
        for layer, layer_inputs in zip(self.layers[::-1], inputs[-2::-1]):
            gradient = layer_inputs.T @ delta / len(rows), delta.sum(0) / len(rows)
            delta = delta @ layer[0].T * (layer_inputs > 0)
            for parameters, change in zip(layer, gradient):
                parameters -= np.float32(self.problem.learning_rate) * change
        return loss

    def predict_scores(self, images):
        for weights, bias in self.layers[:-1]:
            images = np.maximum(images @ weights + bias, 0)
        return images @ self.layers[-1][0] + self.layers[-1][1]

    def parameters(self):
        return tuple(Layer(weights.copy(), bias.copy()) for weights, bias in self.layers)
"""

SHORT_LOOKS = {6: 0.004, 8: 0.003, 20: 0.003}  # the last one for a busy machine
SHORT_SESSIONS = (
    (pairs, "SLICE_SECONDS", 0.005),
    (turns, "N_TURNS", 4),
    (decisions, "FIRST_LOOK", 5),
    (decisions, "LOOKS", SHORT_LOOKS),
    (session, "LOOKS", SHORT_LOOKS),
    (history, "N_PAIRS", 6),
)


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes a project, with texts in its implementations replaced."""

    def make(name, **edits):
        return make_tree(tmp_path / name, **edits)

    return make


def make_tree(folder, contract=None, **edits):
    """Make a project.

    `contract` is the text of bench/contract.py, by default this project's. `edits` gives pairs of
    texts, old and new, by name of the module.
    """
    (folder / "implementations").mkdir(parents=True)
    (folder / "implementations" / "__init__.py").touch()
    for module in ("notebook_mlp", "numpy_mlp"):
        old, new = edits.get(module, ("", ""))
        assert old in IMPLEMENTATION
        path = folder / "implementations" / f"{module}.py"
        path.write_text(IMPLEMENTATION.replace(old, new) if old else IMPLEMENTATION)
    (folder / "bench").mkdir()
    (folder / "bench" / "__init__.py").touch()
    (folder / git.CONTRACT).write_text(contract or (PROJECT / git.CONTRACT).read_text())
    return folder


@pytest.fixture
def repository(tree, monkeypatch):
    """Return a git repository with one commit, and change into it."""
    folder = tree("repository")
    run_git(folder, "init", "--quiet")
    commit(folder, "first")
    monkeypatch.chdir(folder)
    return folder


def run_git(folder, *words):
    """Run git with a name and an address; return its output."""
    author = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    return subprocess.run(
        ["git", "-C", folder, *author, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder, message):
    """Commit everything; return the commit."""
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--message", message)
    return run_git(folder, "rev-parse", "HEAD")


@pytest.fixture
def few_pairs(monkeypatch, tmp_path):
    """Make sessions short: small slices, few of them, few pairs, no waiting for other tests."""
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "lock")
    for module, name, value in SHORT_SESSIONS:
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def compare(few_pairs, call, monkeypatch, tmp_path):
    """Run the command; return its exit status, what it printed and its pairs.json."""

    def run(*words, cases=CASES, smallest="100%"):
        output = tmp_path / "output"
        options = ["--cases", cases, "--output", str(output), "--smallest", smallest]
        monkeypatch.setenv("COLUMNS", "120")
        status, out, err = call(command.main, *options, *words)
        written = output / "pairs.json"
        content = json.loads(written.read_text()) if written.exists() else None
        return status, out + err, content

    return run
