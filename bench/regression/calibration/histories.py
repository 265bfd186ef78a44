"""Seeded histories: some commits do not build, and one slows NumPy training down, or none does."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.git import run_git
from bench.regression.calibration import plants
from bench.regression.sides.repository import SIDE_CODE
from bench.results.history import STEP

SHARES = (0.05, 0.10, 0.03, 0.05, 0.0)  # planted slowdowns, by seed in turn; 0 for none
BROKEN_SHARE = 0.1  # of the commits
MODULE = "implementations/numpy_mlp.py"
AUTHOR = ("-c", "user.name=calibration", "-c", "user.email=calibration@example.org")
DATES = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A history: commit 0 is GOOD, `n_commits` follow."""

    seed: int
    n_commits: int
    share: float
    slow: int | None
    broken: frozenset[int]


def choose(seed: int) -> History:
    """Return the history of a seed."""
    randomness = np.random.default_rng(seed)
    n_commits = int(randomness.integers(16, 65))
    share = SHARES[seed % len(SHARES)]
    slow = int(randomness.integers(1, n_commits + 1))
    broken = np.flatnonzero(randomness.random(n_commits) < BROKEN_SHARE).tolist()
    ends = {0, n_commits, slow - 1, slow}  # the slow commit can be told from its parent
    return History(
        seed=seed, n_commits=n_commits, share=share, slow=slow if share else None,
        broken=frozenset(broken) - ends,
    )  # fmt: skip


def build(history: History, project: Path, folder: Path) -> list[str]:
    """Make a repository with the code of a project; return its commits, GOOD first."""
    for part in SIDE_CODE:
        source, target = project / part, folder / part
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (folder / "bench" / "__init__.py").touch()
    module = folder / MODULE
    run_git(folder, "init", "--quiet")
    commits = []
    for number in range(history.n_commits + 1):
        harmless = f"{module.read_text(encoding='utf-8')}\n# edit {number}\n"
        if number == history.slow:
            harmless += plants.wrapper({STEP: history.share})
        broken = number in history.broken
        module.write_text(harmless + "(\n" if broken else harmless, encoding="utf-8")
        run_git(folder, "add", "--all")
        message = f"edit {number}"
        run_git(folder, *AUTHOR, "commit", "--quiet", "--message", message, **DATES)
        module.write_text(harmless, encoding="utf-8")
        commits.append(run_git(folder, "rev-parse", "HEAD"))
    return commits
