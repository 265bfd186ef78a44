"""`bench-compare --record A..B` end to end: real processes, short slices and few pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.regression import command
from bench.regression.history.backfill import from_coarse_to_fine
from bench.results import history
from tests.regression.conftest import CASE, CASES, commit, run_git

MODULE = Path("implementations", "numpy_mlp.py")
CHANGES = {
    "does not build": {"import numpy as np": "import numpi as np"},
    "slower": {
        "import numpi as np": "import numpy as np",
        "return loss": "sum(range(200_000))\n        return loss",
    },
    "another gradient": {"* change": "* 1.05 * change"},
}


@pytest.fixture
def commits(repository):
    """Make commits with these changes and one of the documentation; return them by subject."""
    made = {"first": run_git(repository, "rev-parse", "HEAD")}
    for subject, replacements in CHANGES.items():
        text = (repository / MODULE).read_text()
        for old, new in replacements.items():
            assert old in text
            text = text.replace(old, new)
        (repository / MODULE).write_text(text)
        made[subject] = commit(repository, subject)
    (repository / "README.md").touch()
    commit(repository, "documentation")
    return made


@pytest.fixture
def record(few_pairs, call, monkeypatch):
    """Run `bench-compare --record`; return its exit status and what it printed."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words):
        options = ["--record", "--cases", CASES]
        status, out, err = call(command.main, *options, *words)
        return status, out + err

    return run


def entries_by_subject(repository):
    read = history.read(repository / "results" / "history.jsonl")
    return {entry.subject: entry for entry in read if entry.metric == "step"}


def test_a_range_is_recorded_once_and_in_order(record, repository, commits):
    status, printed = record(f"{commits['first']}..HEAD", "--metrics=step,memory")
    assert status == 0, printed
    assert "4 commits change training, 4 to record" in printed
    assert f"{CASE}: skipped: HEAD: ModuleNotFoundError: No module named 'numpi'" in printed
    assert f"slower from {commits['slower'][:7]} (slower) on" in printed
    other = commits["another gradient"][:10]
    assert f"{CASE}: learns something else from {other} (another gradient) on" in printed
    entries = entries_by_subject(repository)
    assert [*entries] == ["first", "slower", "another gradient"]
    assert {entry.reference for entry in entries.values()} == {commits["first"]}
    assert [entry.learns_something_else for entry in entries.values()] == [False, False, True]

    status, printed = record(f"{other}^..{other}", "--accept", "a better rate")
    assert status == 0, printed
    assert entries_by_subject(repository)["another gradient"].accepted == "a better rate"
    assert "learns something else from" not in printed
    later = f"{commits['slower']}..HEAD"
    status, printed = record(later, "--metrics=step,memory")
    assert status == 0, printed
    assert "1 commits change training, 0 to record" in printed
    status, printed = record("--accept=why", f"{commits['first']}..HEAD")
    assert status == 2
    assert "has 3 commits that change training; accept one" in printed


def test_a_range_is_continued_after_its_budget(record, repository, commits):
    status, printed = record(f"{commits['first']}..HEAD", "--budget", "0.1s")
    assert status == 3, printed
    assert "run the command again to continue" in printed
    status, printed = record(f"{commits['first']}..HEAD~2")
    assert status == 0, printed
    assert [*entries_by_subject(repository)] == ["first", "slower"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["HEAD~1..HEAD", "--against-history"], "HEAD~1..HEAD: a range of commits needs --record"),
        (["v1..v2", "--record"], "v1..v2: fatal: bad revision 'v1..v2'"),
        (["HEAD..", "--record", "--cant-tell=pass"], "--cant-tell: has no effect on a range"),
        (["HEAD..", "--record", "--output=folder"], "--output: has no effect on a range"),
    ],
)
def test_a_mistake_in_a_range_is_refused(call, repository, words, reason):
    status, _, err = call(command.main, *words)
    assert status == 2
    assert reason in err


@pytest.mark.parametrize("n", range(12))
def test_the_first_commits_to_measure_are_spread_over_the_range(n):
    commits = [str(number) for number in range(n)]
    order = from_coarse_to_fine(commits)
    assert sorted(order, key=int) == commits
    if n > 4:
        assert order[:3] == [commits[-1], commits[0], commits[(n - 1) // 2]]
