"""Trees to compare: copies of what a side needs of this project, some with a mistake planted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.regression import command, pairs, session

PROJECT = Path(__file__).parents[2]
CELLS = (
    "implementation=numpy architecture=one_hidden learning_rate=0.01 threads=1 dataset=synthetic"
)
CELL = "numpy-one_hidden-32"
LARGE = ("--smallest", "25%")  # an equal tree must be sure to pass on any machine
RIGHT_SCALE = "gradient_scale(problem) / batch_size"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(session, "BLOCK_SECONDS", 0.02)
    monkeypatch.setattr(pairs, "N_TURNS", 6)


@pytest.fixture
def compare(short, monkeypatch, capsys, tmp_path):
    """Run the command; return its exit status, what it printed and its pairs.json."""

    def run(*words, cells=CELLS):
        words = ["--cells", cells, "--output", str(tmp_path / "output"), *map(str, words)]
        monkeypatch.setattr(sys, "argv", ["bench-compare", *words])
        monkeypatch.setenv("COLUMNS", "120")
        with pytest.raises(SystemExit) as ended:
            command.main()
        printed = capsys.readouterr()
        written = tmp_path / "output" / "pairs.json"
        content = json.loads(written.read_text()) if written.exists() else None
        return ended.value.code, printed.out + printed.err, content

    return run


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes a tree, with texts in files replaced."""

    def make(name, *edits):
        folder = tmp_path / name
        shutil.copytree(PROJECT / "implementations", folder / "implementations")
        (folder / "bench").mkdir()
        for file in ("__init__.py", "contract.py"):
            shutil.copy(PROJECT / "bench" / file, folder / "bench" / file)
        for file, old, new in edits:
            code = (folder / file).read_text()
            assert old in code
            (folder / file).write_text(code.replace(old, new))
        return folder

    return make


@pytest.fixture
def repository(tree, monkeypatch):
    """Return a git repository of one commit, and go there."""
    folder = tree("repository")
    git(folder, "init", "--quiet")
    commit(folder, "first")
    monkeypatch.chdir(folder)
    return folder


def git(folder, *words):
    """Run git as somebody, and return what it prints."""
    named = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    ended = subprocess.run(
        ["git", "-C", folder, *named, *words], check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def commit(folder, message):
    """Commit all there is."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")
