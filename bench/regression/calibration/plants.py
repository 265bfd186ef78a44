"""Planted increases: copies of the project, and histories of commits, that are made worse."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.git import run_git
from bench.regression.sides.repository import NEEDED, SIDE_CODE
from bench.results.history import STEP

SHARES = (0.05, 0.10, 0.03, 0.05, 0.0)  # planted slowdowns, by seed in turn; 0 for none
BROKEN_SHARE = 0.1  # of the commits
MODULE = "implementations/numpy_mlp.py"
AUTHOR = ("-c", "user.name=calibration", "-c", "user.email=calibration@example.org")
DATES = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00Z")
# Appended to an implementation: replaces its class, so that a side imports it as before.
WRAPPER = '''

import time as _time

import numpy as _np

_MLP = MLP


def _slowly(share, action, batches):
    """Do something, and wait for a share of its time."""
    start = _time.perf_counter()
    result = action(batches)
    end = _time.perf_counter()
    while _time.perf_counter() < end + share * (end - start):
        pass
    return result


def _peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _grow(share):
    """Return blocks of 1 MB that raise the peak memory of the process by a share."""
    blocks = []
    end = (1 + share) * _peak() if share else 0
    while share and _peak() < end:
        blocks.append(_np.ones(125_000))
    return blocks


class MLP(_MLP):
    """The implementation above, which needs more by a share."""

    def warm_up(self, batches):
        _slowly({warm_up}, super().warm_up, batches)
        self._ballast = _grow({memory})

    def train_epoch(self, batches):
        return _slowly({step}, super().train_epoch, batches)
'''


def wrapper(shares: Mapping[str, float]) -> str:
    """Return code that increases what an implementation needs, by metric and relative increase."""
    return WRAPPER.format_map({"step": 0, "memory": 0, "warm_up": 0, **shares})


def plant(tree: Path, planted: Path, shares: Mapping[str, float], modules: Iterable[str]) -> None:
    """Copy the folders of a side, and increase what implementations of the copy need.

    Args:
        tree: folder of a project.
        planted: folder of the copy.
        shares: relative increases of step, memory and warm_up.
        modules: modules or packages in implementations/ with a class MLP.
    """
    for folder in NEEDED:
        shutil.copytree(tree / folder, planted / folder, dirs_exist_ok=True)
    for module in modules:
        package = planted / "implementations" / module
        path = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        with path.open("a", encoding="utf-8") as out:
            out.write(wrapper(shares))


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
    ends = {0, n_commits, slow - 1, slow}  # GOOD, BAD, and what names the slow commit
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
            harmless += wrapper({STEP: history.share})
        broken = number in history.broken
        module.write_text(harmless + "(\n" if broken else harmless, encoding="utf-8")
        run_git(folder, "add", "--all")
        message = f"edit {number}"
        run_git(folder, *AUTHOR, "commit", "--quiet", "--message", message, **DATES)
        module.write_text(harmless, encoding="utf-8")
        commits.append(run_git(folder, "rev-parse", "HEAD"))
    return commits
