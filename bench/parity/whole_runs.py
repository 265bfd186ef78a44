"""Rung 4 of the parity ladder: over the same seeds, whole runs reach the same test accuracy."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.config import identity
from bench.records import PARITY_POINTS, RunRecord

MIN_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """An implementation's runs of one recipe, paired with the baseline's.

    Attributes:
        differences: of each pair, the implementation's test accuracy minus the baseline's, in
            percentage points.
        n_lost: runs of either without a pair: one of the two diverged, failed or is missing.
    """

    implementation: str
    recipe: str
    differences: tuple[float, ...]
    n_lost: int

    @property
    def mean(self) -> float | None:
        """The mean difference; None without a pair."""
        return statistics.mean(self.differences) if self.differences else None

    @property
    def enough(self) -> bool:
        """Whether there are enough pairs, and none is lost."""
        return self.n_lost == 0 and len(self.differences) >= MIN_PAIRS

    @property
    def close(self) -> bool:
        """Whether the mean difference is within the bound."""
        return self.mean is not None and abs(self.mean) <= PARITY_POINTS

    @property
    def passed(self) -> bool:
        """Whether the two reach the same accuracy."""
        return self.enough and self.close


def compare(records: Sequence[RunRecord], baseline: str) -> Iterator[Pairing]:
    """Pair every implementation's runs with the baseline's, recipe by recipe.

    Skipped runs are left out, and recipes that the baseline skipped: there is nothing to compare.

    Args:
        records: of one sweep.
        baseline: name of an implementation.
    """
    runs: dict[tuple[str, str], dict[tuple[str, ...], float | None]] = {}
    skipped: set[tuple[str, str]] = set()
    for record in records:
        subject = _name(record), str(_named(record.config.get("recipe")))
        if record.status == "skipped":
            skipped.add(subject)
        else:
            runs.setdefault(subject, {})[_condition(record)] = record.test_accuracy
    for (name, recipe), accuracies in sorted(runs.items()):
        partners = runs.get((baseline, recipe), {})
        if name == baseline or (not partners and (baseline, recipe) in skipped):
            continue
        conditions = {**accuracies, **partners}
        pairs = [(accuracies.get(key), partners.get(key)) for key in conditions]
        differences = [100 * (a - b) for a, b in pairs if a is not None and b is not None]
        yield Pairing(
            implementation=name,
            recipe=recipe,
            differences=tuple(differences),
            n_lost=len(pairs) - len(differences),
        )


def implementations(records: Iterable[RunRecord]) -> list[str]:
    """Return the names of all implementations in the order of their first runs."""
    return list(dict.fromkeys(_name(record) for record in records))


def _name(record: RunRecord) -> str:
    return str(_named(record.config.get("implementation")))


def _named(value: object) -> object:
    return value.get("name") if isinstance(value, dict) else value


def _condition(record: RunRecord) -> tuple[str, ...]:
    content = identity.paired_content(record.config)
    return tuple(repr(_plain(value)) for value in content.values())


def _plain(value: object) -> object:
    """Sort a group's keys."""
    if isinstance(value, dict):
        return sorted((key, repr(item)) for key, item in value.items())
    return value
