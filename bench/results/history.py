"""History of training speed: the time of each commit over the time of one reference commit.

A commit and the reference are timed together, so a slower machine slows both. The file has one line
of JSON per commit and case, in any order, so that git can merge two files by keeping all lines.
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
import numpy as np

from bench.files import read_plain_file
from bench.results.store import StoreError
from bench.statistics import (
    CERTAINTY,
    LOOKS,
    MARGIN,
    Answer,
    Estimate,
    degrees_of_freedom,
    significant,
    standard_error_from_interval,
    t_quantile,
    t_upper_tail,
)

N_PAIRS = 20  # of every entry
LEVEL = sum(LOOKS.values())  # probability of a false alarm, all cases together
MIN_CHANGE = MARGIN  # smaller changes are not marked


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speed of one commit in one case. Ratios are its time over the time of the reference."""

    cell: str  # the case; files of the first edition have this key
    commit: str
    committed_at: str  # ISO 8601
    reference: str  # commit
    cpu_model: str
    ratio: float
    low: float  # ends of the 95 % interval
    high: float
    n_pairs: int

    def __post_init__(self) -> None:
        """Refuse numbers that no comparison has."""
        if not 1e-9 < self.low <= self.ratio <= self.high < 1e9 or self.n_pairs < 2:
            raise ValueError("ratio, low, high or n_pairs is impossible")

    @property
    def standard_error(self) -> float:
        """Standard error of the logarithm of the ratio."""
        return standard_error_from_interval(self.low, self.high, self.n_pairs)


@dataclass(frozen=True, slots=True)
class Change:
    """A commit that changed the speed of a case."""

    place: int  # index in the series
    ratio: float  # time since this commit / time before it


def read(path: Path) -> list[Entry]:
    """Return all entries by time of commit; none if the file does not exist.

    A line that is not an entry, such as a conflict marker, is reported and left out.

    Raises:
        StoreError: the file cannot be read.
    """
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(read_plain_file(path).splitlines(), 1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if line.strip():
                print(f"{path}, line {number}: left out, not an entry: {error}", file=sys.stderr)
    return sorted(dict.fromkeys(entries), key=lambda entry: (entry.committed_at, entry.commit))


def append(path: Path, entries: Sequence[Entry]) -> None:
    """Append entries, one per line. Several processes may append at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    added = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    with path.open("a+b") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        out.seek(0)
        content = out.read()
        out.write(added if content.endswith(b"\n") or not content else b"\n" + added)


def reference(entries: Sequence[Entry], path: Path) -> str:
    """Return the commit that the ratios of a history refer to.

    Raises:
        StoreError: the history is empty, or its entries refer to several commits.
    """
    commits = sorted({entry.reference for entry in entries})
    if not commits:
        raise StoreError(f"{path}: no history yet; begin one with: bench-compare BASE --record")
    if len(commits) > 1:
        raise StoreError(f"{path}: ratios to several commits, {', '.join(commits)}; keep one")
    return commits[0]


def series(entries: Sequence[Entry]) -> dict[tuple[str, str, str], list[Entry]]:
    """Group entries by case, processor and reference; of a commit's entries, keep the last."""
    by_case: dict[tuple[str, str, str], dict[str, Entry]] = {}
    for entry in entries:
        key = (entry.cell, entry.cpu_model, entry.reference)
        by_case.setdefault(key, {})[entry.commit] = entry
    return {key: list(by_commit.values()) for key, by_commit in sorted(by_case.items())}


def last_before(
    entries: Sequence[Entry], case: str, *, cpu_model: str, commit: str | None
) -> Entry | None:
    """Return the last entry of a case on this processor; skip entries of `commit`."""
    return next(
        (
            entry
            for entry in reversed(entries)
            if (entry.cell, entry.cpu_model) == (case, cpu_model) and entry.commit != commit
        ),
        None,
    )


def compare(
    estimates: Mapping[str, Estimate], earlier: Mapping[str, Entry], smallest: float
) -> dict[str, Answer]:
    """Compare estimates with earlier entries that refer to the same commit.

    Welch's test (1947) of two logarithms of ratios, one-sided against the margin. All cases share
    one error rate (Holm 1979).

    Args:
        estimates: ratio to the reference, by case.
        earlier: entry to compare with, by case.
        smallest: the relative slowdown that matters, such as 0.03.
    """
    tests = {case: _welch(estimated, earlier[case]) for case, estimated in estimates.items()}
    p_values = {case: p_value for case, (p_value, _) in tests.items()}
    slower = significant(p_values, dict.fromkeys(p_values, LEVEL))
    answers: dict[str, Answer] = {}
    for case, (_, upper) in tests.items():
        if case in slower:
            answers[case] = "slower"
        else:
            answers[case] = "not slower" if upper < math.log1p(smallest) else "can't tell"
    return answers


def _welch(now: Estimate, then: Entry) -> tuple[float, float]:
    """Return the p-value against the margin, and the 99 % upper bound of the log of the ratio."""
    errors = [
        standard_error_from_interval(now.low, now.high, now.n_pairs) ** 2,
        then.standard_error**2,
    ]
    freedoms = [degrees_of_freedom(now.n_pairs), degrees_of_freedom(then.n_pairs)]
    error = math.sqrt(sum(errors))
    difference = math.log(now.ratio / then.ratio)
    if error == 0:
        return float(difference <= math.log1p(MARGIN)), difference
    freedom = sum(errors) ** 2 / sum(e**2 / f for e, f in zip(errors, freedoms, strict=True))
    p_value = t_upper_tail((difference - math.log1p(MARGIN)) / error, freedom)
    return p_value, difference + t_quantile(CERTAINTY, freedom) * error


def changes(entries: Sequence[Entry]) -> list[Change]:
    """Return where a series changes: the split into levels with the least squared error.

    PELT (Killick, Fearnhead and Eckley 2012) with a penalty of 3 log(n) variances of an entry per
    level. Changes below the margin are not returned.
    """
    if len(entries) < 2:
        return []
    import ruptures

    values = np.log([entry.ratio for entry in entries])
    variances = [entry.standard_error**2 for entry in entries]
    # Second term: two builds of the same code never have exactly the same speed.
    penalty = 3 * math.log(max(len(entries), 3)) * (np.median(variances) + (MARGIN / 4) ** 2)
    fitted = ruptures.Pelt("l2", min_size=1, jump=1).fit(values[:, None])
    bounds = [0, *fitted.predict(pen=penalty)]
    levels = [values[start:end].mean() for start, end in itertools.pairwise(bounds)]
    steps = zip(bounds[1:-1], levels, levels[1:], strict=False)
    candidates = [Change(place, math.exp(after - before)) for place, before, after in steps]
    return [change for change in candidates if abs(math.log(change.ratio)) > math.log1p(MIN_CHANGE)]
