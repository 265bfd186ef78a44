"""Search seeded histories with a planted slowdown with `bench-compare --bisect`; count the answers.

Every commit changes code. Some commits do not build, and one commit slows NumPy training down, or
none does.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bench.git import run_git
from bench.markdown import table
from bench.regression.arguments import parser
from bench.regression.bisection import command, log
from bench.regression.calibration import plants
from bench.regression.checks import check
from bench.regression.repository import SIDE_CODE

SHARES = (0.05, 0.10, 0.03, 0.05, 0.0)  # planted slowdowns, by seed in turn; 0 for none
BROKEN_SHARE = 0.1  # of the commits
MODULE = "implementations/numpy_mlp.py"
AUTHOR = ("-c", "user.name=calibration", "-c", "user.email=calibration@example.org")
HEADINGS = ("seed", "commits", "planted", "slow commit", "named", "measured", "pairs", "minutes")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A history: commit 0 is GOOD, `n_commits` follow."""

    seed: int
    n_commits: int
    share: float
    slow: int | None
    broken: frozenset[int]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one history; `suspects` and `named` are numbers of commits."""

    seed: int
    n_commits: int
    planted: float
    slow: int | None
    named: int | None
    suspects: list[int]
    ratio: float | None
    low: float | None
    high: float | None
    n_pairs: int
    minutes: float


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
            harmless += plants.WRAPPER.format(share=history.share)
        broken = number in history.broken
        module.write_text(harmless + "(\n" if broken else harmless, encoding="utf-8")
        run_git(folder, "add", "--all")
        run_git(folder, *AUTHOR, "commit", "--quiet", "--message", f"edit {number}")
        module.write_text(harmless, encoding="utf-8")
        commits.append(run_git(folder, "rev-parse", "HEAD"))
    return commits


def search(history: History, project: Path, cases: str, budget: str) -> Row | None:
    """Search a history; return None if the budget was used up before the end."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-compare-history-") as temporary:
        folder, output = Path(temporary) / "repository", Path(temporary) / "output"
        folder.mkdir()
        commits = build(history, project, folder)
        words = ["--bisect", commits[0], f"--cases={cases}", f"--budget={budget}"]
        command_line = parser()
        arguments = command_line.parse_args([*words, f"--output={output}"])
        check(command_line, arguments)
        with contextlib.chdir(folder):
            status = command.run(arguments)
        path = output / log.NAME
        kept = msgspec.json.decode(path.read_bytes(), type=log.Log) if path.exists() else None
    result = kept.result if kept is not None else {}
    if result is None or (kept is None and status != 0):
        return None
    suspects = [commits.index(commit) for commit in result.get("suspects", [])]
    change = result.get("change") or {}
    return Row(
        seed=history.seed,
        n_commits=history.n_commits,
        planted=history.share,
        slow=history.slow,
        named=suspects[0] if result.get("commit") else None,
        suspects=suspects,
        ratio=change.get("ratio"),
        low=change.get("low"),
        high=change.get("high"),
        n_pairs=sum(len(one.pairs) for one in kept.comparisons) if kept is not None else 0,
        minutes=round((time.monotonic() - start) / 60, 2),
    )


def run(path: Path, n_histories: int, budget_seconds: float, cases: str) -> bool:
    """Search histories that are not in a file, and append the answers; print all of them.

    Args:
        path: file with one answer per line.
        n_histories: number of histories in the file at the end.
        budget_seconds: maximum time.
        cases: overrides of the case.

    Returns:
        Whether all are finished.
    """
    until = time.monotonic() + budget_seconds
    rows = _read(path)
    for seed in range(n_histories):
        left = until - time.monotonic()
        if seed in {row.seed for row in rows}:
            continue
        row = search(choose(seed), Path.cwd(), cases, f"{left:.0f}s") if left >= 1 else None
        if row is None:
            break
        with path.open("ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")
        rows.append(row)
        print(_table([row]), flush=True)
    print(f"{_table(rows)}\n\n{_summary(rows)}")
    return len(rows) >= n_histories


def _read(path: Path) -> list[Row]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Row) for line in lines]


def _table(rows: Sequence[Row]) -> str:
    return table(HEADINGS, [
        [
            str(row.seed), str(row.n_commits), f"{row.planted:.0%}", str(row.slow or "none"),
            str(row.named or ("none" if not row.suspects else f"{len(row.suspects)} suspects")),
            "-" if row.ratio is None else f"{row.ratio:.3f} ({row.low:.3f} to {row.high:.3f})",
            str(row.n_pairs or "-"), f"{row.minutes:.1f}",
        ]
        for row in rows
    ])  # fmt: skip


def _summary(rows: Sequence[Row]) -> str:
    planted = [row for row in rows if row.slow is not None]
    wrong = [row for row in rows if row.named not in (None, row.slow)]
    right = [row for row in planted if row.named == row.slow]
    minutes = float(np.median([row.minutes for row in planted])) if planted else 0.0
    return (
        f"{len(right)} of {len(planted)} planted commits named, {len(wrong)} wrong commits named, "
        f"{len(rows) - len(planted)} histories without a slowdown; median of the planted: "
        f"{minutes:.1f} minutes"
    )
