"""Search seeded histories with `bench-compare --bisect`, and count how often it errs."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.markdown import table
from bench.regression.bisection import command, log
from bench.regression.calibration.plants import History, build, choose
from bench.regression.settings import Bisection

HEADINGS = ("seed", "commits", "planted", "slow commit", "named", "measured", "pairs", "minutes")


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


def search(
    history: History, project: Path, output: Path, cases: str, budget_seconds: float
) -> Row | None:
    """Search a history, and delete its log; return None, and keep the log, if time is up before.

    Args:
        history: the history.
        project: folder whose code is used.
        output: folder for the log; a log in it is continued.
        cases: overrides of the case.
        budget_seconds: maximum time of the search.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-compare-history-") as folder:
        commits = build(history, project, Path(folder))
        settings = Bisection(
            base=commits[0], cases=cases, budget_seconds=budget_seconds, output=output.absolute()
        )
        with contextlib.chdir(folder):
            command.run(settings)
    seconds = time.monotonic() - start
    path = output / log.NAME
    kept = log.Log(conditions={}, result={})
    if path.exists():
        kept = msgspec.json.decode(path.read_bytes(), type=log.Log)
        seconds = sum(comparison.seconds for comparison in kept.comparisons)
    if kept.result is None:
        return None
    shutil.rmtree(output)
    return _row(history, kept, commits, seconds)


def _row(history: History, kept: log.Log, commits: Sequence[str], seconds: float) -> Row:
    result = kept.result or {}
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
        n_pairs=sum(len(comparison.pairs) for comparison in kept.comparisons),
        minutes=round(seconds / 60, 2),
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
    lines = path.read_bytes().splitlines() if path.exists() else []
    rows = [msgspec.json.decode(line, type=Row) for line in lines]
    for seed in range(n_histories):
        remaining_seconds = until - time.monotonic()
        if seed in {row.seed for row in rows}:
            continue
        output = path.with_name(f"{path.stem}-{seed}")
        if remaining_seconds < 1:
            break
        row = search(choose(seed), Path.cwd(), output, cases, remaining_seconds)
        if row is None:
            break
        with path.open("ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")
        rows.append(row)
        print(_table([row]), flush=True)
    print(f"{_table(rows)}\n\n{_summary(rows)}")
    return len(rows) >= n_histories


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
