"""Trees to compare: copies of what a side needs of this project, some with a mistake planted."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
CELLS = (
    "implementation=numpy architecture=one_hidden learning_rate=0.01 threads=1 dataset=synthetic"
)
CELL = "numpy-one_hidden-32"
RIGHT_SCALE = "last.delta *= self._scale"


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
