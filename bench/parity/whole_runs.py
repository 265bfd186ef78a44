"""Rung 4 of the parity ladder: whole runs with the same seeds reach the same test accuracy."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from bench.config import identity
from bench.records import PARITY_POINTS, RunRecord, setting

MIN_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """An implementation's runs of one recipe, paired with the baseline's.

    Attributes:
        differences: for each pair, the implementation's test accuracy minus the baseline's, in
            percentage points.
        n_lost: number of runs without a partner, because a run diverged, failed or is missing.
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
    def close(self) -> bool:
        """Whether the mean difference is within the bound."""
        return self.mean is not None and abs(self.mean) <= PARITY_POINTS

    @property
    def passed(self) -> bool:
        """Whether the accuracies are close, over enough pairs and without a lost run."""
        return self.close and self.n_lost == 0 and len(self.differences) >= MIN_PAIRS


def compare(records: Sequence[RunRecord], baseline: str) -> Iterator[Pairing]:
    """Pair every implementation's runs with the baseline's, recipe by recipe.

    Skipped runs, and recipes that the baseline skipped, are left out.

    Args:
        records: the records of one sweep.
        baseline: name of an implementation.
    """
    runs: dict[tuple[str, str], dict[bytes, float | None]] = {}
    skipped: set[tuple[str, str]] = set()
    for record in records:
        group = _name(record), _name(record, "recipe")
        if record.status == "skipped":
            skipped.add(group)
        else:
            condition = msgspec.json.encode(identity.paired_content(record.config), order="sorted")
            runs.setdefault(group, {})[condition] = record.test_accuracy
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


def _name(record: RunRecord, group: str = "implementation") -> str:
    return str(setting(record, group, "name"))
