"""bisect.json: every pair that was measured, so that the same command continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bench.files import read_plain_file, write_json
from bench.regression.bisection.decisions import Comparisons, Measured
from bench.regression.pair_record import Pair
from bench.results.store import StoreError

NAME = "bisect.json"


class Comparison(msgspec.Struct, kw_only=True):
    """The pairs of two commits, the time they took, and why the later one fails, if so."""

    base: str
    head: str
    pairs: list[Pair] = []
    seconds: float = 0.0
    error: str | None = None


class Log(msgspec.Struct, kw_only=True):
    """A bisection so far.

    Attributes:
        conditions: what a command must have in common with the log to continue it.
        case: name of the case; None before it is known to be slower in BAD than in GOOD.
        first_step: pairs of GOOD and BAD by name of the case, while `case` is None.
        environment: facts of the machine that began it.
        comparisons: what was measured, in order.
        result: the conclusion; None before the end.
    """

    conditions: dict[str, Any]
    case: str | None = None
    first_step: dict[str, list[Pair]] = {}
    environment: dict[str, Any] = {}
    comparisons: list[Comparison] = []
    result: dict[str, Any] | None = None

    def of(self, base: str, head: str) -> Comparison:
        """Return the comparison of two commits; begin it if there is none."""
        for comparison in self.comparisons:
            if (comparison.base, comparison.head) == (base, head):
                return comparison
        self.comparisons.append(Comparison(base=base, head=head))
        return self.comparisons[-1]

    def measured(self) -> Comparisons:
        """Return what was measured, by the earlier and the later commit."""
        return {
            (comparison.base, comparison.head): Measured(
                values=tuple(pair.value for pair in comparison.pairs), error=comparison.error
            )
            for comparison in self.comparisons
        }


def read(path: Path, conditions: dict[str, Any]) -> Log:
    """Read a log, or begin one if there is no file.

    Raises:
        StoreError: it is not a log, or was begun under other conditions.
    """
    if not path.exists():
        return Log(conditions=conditions)
    try:
        log = msgspec.json.decode(read_plain_file(path), type=Log)
    except msgspec.DecodeError as error:
        raise StoreError(f"{path}: not a log of a bisection: {error}") from error
    for key, value in conditions.items():
        if log.conditions.get(key) != value:
            raise StoreError(
                f"{path}: begun with {key}={log.conditions.get(key)}, not {value}; delete it or "
                "give another --output"
            )
    return log


def write(path: Path, log: Log) -> None:
    """Write a log."""
    write_json(path, log)
