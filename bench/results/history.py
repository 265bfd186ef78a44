"""History of training speed: the time of each commit over the time of one reference commit.

A commit and the reference are timed together, so a slower machine slows both. The file has one line
of JSON per commit, case and metric, in any order, so that git can merge two files by keeping all
lines.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.files import read_plain_file
from bench.results.store import StoreError
from bench.statistics import MARGIN, standard_error_from_interval

N_PAIRS = 20  # of every entry
UNKNOWN_SETTINGS = "settings not recorded"  # entries of earlier editions
STEP = "step"  # the metric of entries that name none: the time of a training step


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One metric of one commit in one case. Ratios are the commit's value over the reference's.

    Attributes:
        cell: the case; files of the first edition have this key.
        commit: the full name of the commit.
        committed_at: ISO 8601.
        reference: commit that was measured in turns with this one.
        cpu_model: the processor's name.
        ratio: value of the commit / value of the reference.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        n_pairs: number of pairs of processes, 2 or more.
        metric: what was measured.
        margin: relative increase of the metric that is never reported as a change.
        n_ancestors: number of the commit's ancestors, itself included; this orders the commits.
            None in files of the first edition.
        subject: first line of the commit's message.
        learning_reference: commit whose models were compared with this commit's; empty if unknown.
        learns_something_else: whether the models differ by more than rounding explains.
        accepted: why this commit may learn something else; later commits are compared with it.
        identity: hash of all settings that act on the training of the case. Entries with different
            settings are never compared. Empty in files of earlier editions: unknown settings, which
            are compared with unknown settings only.
        settings: the settings in words, for readers.
    """

    cell: str
    commit: str
    committed_at: str
    reference: str
    cpu_model: str
    ratio: float
    low: float
    high: float
    n_pairs: int
    metric: str = STEP
    margin: float = MARGIN
    n_ancestors: int | None = None
    subject: str = ""
    learning_reference: str = ""
    learns_something_else: bool = False
    accepted: str | None = None
    identity: str = ""
    settings: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that no comparison has."""
        if not 1e-9 < self.low <= self.ratio <= self.high < 1e9 or self.n_pairs < 2:
            raise ValueError("ratio, low, high or n_pairs is impossible")

    @property
    def standard_error(self) -> float:
        """Standard error of the logarithm of the ratio."""
        return standard_error_from_interval(self.low, self.high, self.n_pairs)


class SeriesKey(NamedTuple):
    """What the entries of a series have in common."""

    case: str
    metric: str
    cpu_model: str
    reference: str
    identity: str
    settings: str

    @property
    def settings_words(self) -> str:
        """The settings with their hash, which also covers settings that are not listed."""
        return f"{self.settings} ({self.identity})" if self.identity else UNKNOWN_SETTINGS


def read(path: Path) -> list[Entry]:
    """Return all entries in the order of `in_order`; none if the file does not exist.

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
    return in_order(dict.fromkeys(entries))


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Sort entries so that a commit is always after its ancestors.

    A commit has more ancestors than each of its ancestors has. The times of commits do not give
    this order: commits of a rebase have the same second. An entry without a number of ancestors
    comes after the entries with earlier times.
    """
    by_time = sorted(entries, key=lambda entry: (entry.committed_at, entry.commit))
    keys = []
    last = 0
    for entry in by_time:
        if entry.n_ancestors is not None:
            last = entry.n_ancestors
        keys.append(last)
    places = sorted(range(len(by_time)), key=keys.__getitem__)
    return [by_time[place] for place in places]


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


def series(entries: Sequence[Entry]) -> dict[SeriesKey, list[Entry]]:
    """Group entries by all fields of `SeriesKey`; of a commit's entries, keep the last."""
    by_key: dict[SeriesKey, dict[str, Entry]] = {}
    for entry in entries:
        key = SeriesKey(
            entry.cell, entry.metric, entry.cpu_model, entry.reference, entry.identity,
            entry.settings,
        )  # fmt: skip
        by_key.setdefault(key, {})[entry.commit] = entry
    # The time of a step comes first.
    keys = sorted(by_key, key=lambda key: (key.case, key.metric != STEP, key))
    return {key: list(by_key[key].values()) for key in keys}


def not_accepted(entries: Sequence[Entry]) -> Entry | None:
    """Return the first entry of a series that learns something else and was not accepted since."""
    first = None
    for entry in entries:
        if entry.accepted is not None:
            first = None
        elif entry.learns_something_else and first is None:
            first = entry
    return first
