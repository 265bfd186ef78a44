"""Speed over commits: each one's time over that of a pinned reference commit, timed side by side.

What was measured months ago is compared by way of the reference, which was timed both times: a
machine that has become slower since has become slower for both. A line of JSON per commit and
cell, in no particular order, so that git can merge two files by keeping the lines of both.
"""

from __future__ import annotations

import fcntl
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from scipy import stats

from bench.results.store import StoreError
from bench.statistics import (
    LOOKS,
    MARGIN,
    SURE,
    Answer,
    Estimate,
    freedom,
    passing,
    standard_error,
)

N_PAIRS = 20  # of every entry: it does not end earlier for what it finds
LEVEL = sum(LOOKS.values())  # the chance of a false alarm, all cells together
MIN_CHANGE = MARGIN  # that is marked


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The speed of one commit in one cell. Ratios are its time over the reference's."""

    cell: str
    commit: str
    committed_at: str  # ISO 8601
    reference: str
    cpu_model: str
    ratio: float
    low: float  # of the 95 % interval
    high: float
    n_pairs: int


@dataclass(frozen=True, slots=True)
class Change:
    """A commit from which on a cell's speed is another."""

    place: int  # in the series
    ratio: float  # of the times from there on over those before


def read(path: Path) -> list[Entry]:
    """Return all entries, by time of commit; none where there is no file.

    A line that is none, such as a mark that a merge has left, is named and left out.
    """
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if line.strip():
                print(f"{path}, line {number}: left out, no entry: {error}", file=sys.stderr)
    return sorted(dict.fromkeys(entries), key=lambda entry: (entry.committed_at, entry.commit))


def append(path: Path, entries: Sequence[Entry]) -> None:
    """Add entries to a history, each on a line of its own, whoever else is adding some."""
    path.parent.mkdir(parents=True, exist_ok=True)
    added = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    with path.open("a+b") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        out.seek(0)
        kept = out.read()
        out.write(added if kept.endswith(b"\n") or not kept else b"\n" + added)


def reference(entries: Sequence[Entry], path: Path) -> str:
    """Return the commit that a history's ratios refer to.

    Raises:
        StoreError: there is no history yet, or it has several.
    """
    found = sorted({entry.reference for entry in entries})
    if not found:
        raise StoreError(f"{path}: no history yet; begin one with: bench-compare BASE --record")
    if len(found) > 1:
        raise StoreError(f"{path}: ratios to several commits, {', '.join(found)}; keep one")
    return found[0]


def series(entries: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Return what can be compared: entries by cell and kind of processor, the last of a commit."""
    found: dict[tuple[str, str], dict[str, Entry]] = {}
    for entry in entries:
        found.setdefault((entry.cell, entry.cpu_model), {})[entry.commit] = entry
    return {key: list(by_commit.values()) for key, by_commit in sorted(found.items())}


def against(
    now: Mapping[str, Estimate],
    entries: Sequence[Entry],
    *,
    cpu_model: str,
    commit: str | None,
    smallest: float,
) -> dict[str, tuple[Answer, Entry | None]]:
    """Answer for every cell, compared with the last other commit that the history knows of.

    Welch's test (1947) of two logarithms of ratios, each with its standard error, one-sided
    against the margin; several cells share one error rate (Holm 1979).
    """
    known = series(entries)
    last = {
        cell: next(
            (one for one in reversed(known.get((cell, cpu_model), [])) if one.commit != commit),
            None,
        )
        for cell in now
    }
    tested = {cell: _welch(now[cell], then) for cell, then in last.items() if then is not None}
    p_values = {cell: p_value for cell, (p_value, _) in tested.items()}
    slower = passing(p_values, dict.fromkeys(p_values, LEVEL))
    answers: dict[str, tuple[Answer, Entry | None]] = {}
    for cell, then in last.items():
        answer: Answer = "can't tell"
        if cell in slower:
            answer = "slower"
        elif then is not None and tested[cell][1] < math.log1p(smallest):
            answer = "not slower"
        answers[cell] = answer, then
    return answers


def _welch(now: Estimate, then: Entry) -> tuple[float, float]:
    """Return the p-value that it is no slower than the margin, and a bound that is 99 % sure."""
    errors = [standard_error(one.low, one.high, one.n_pairs) ** 2 for one in (now, then)]
    freedoms = [freedom(one.n_pairs) for one in (now, then)]
    error = math.sqrt(sum(errors))
    apart = math.log(now.ratio / then.ratio)
    if error == 0:
        return float(apart <= math.log1p(MARGIN)), apart
    both = sum(errors) ** 2 / sum(e**2 / f for e, f in zip(errors, freedoms, strict=True))
    p_value = float(stats.t.sf((apart - math.log1p(MARGIN)) / error, both))
    return p_value, apart + float(stats.t.ppf(SURE, both)) * error


def changes(entries: Sequence[Entry]) -> list[Change]:
    """Return where a series changes: the split into levels with the least squared error.

    Every level more costs 3 log(n) variances of an entry, as its interval tells it (PELT: Killick,
    Fearnhead and Eckley 2012); changes below the margin are not marked.
    """
    if len(entries) < 2:
        return []
    import numpy as np
    import ruptures

    values = np.log([entry.ratio for entry in entries])
    variance = (
        np.median([standard_error(entry.low, entry.high, entry.n_pairs) ** 2 for entry in entries])
        + (MARGIN / 4) ** 2
    )  # two builds of the same code are never quite alike
    penalty = 3 * math.log(max(len(entries), 3)) * variance
    fitted = ruptures.Pelt("l2", min_size=1, jump=1).fit(values[:, None])
    bounds = [0, *fitted.predict(pen=penalty)]
    levels = [values[start:end].mean() for start, end in itertools.pairwise(bounds)]
    steps = zip(bounds[1:-1], levels, levels[1:], strict=False)
    found = [Change(place, math.exp(after - before)) for place, before, after in steps]
    return [one for one in found if abs(math.log(one.ratio)) > math.log1p(MIN_CHANGE)]
