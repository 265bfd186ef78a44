"""The fourth rung: over the same seeds, whole runs must reach the same test accuracy."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.contract import RunRecord

BOUND_POINTS = 0.3  # percentage points of test accuracy

# Runs form a pair where all of these are the same.
PAIRED = (
    "architecture", "recipe", "dataset", "learning_rate", "batch_size", "epochs", "seed",
    "validation_fraction", "shuffle",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Paired:
    """An implementation less the baseline on one recipe, in percentage points of accuracy."""

    implementation: str
    recipe: str
    differences: tuple[float, ...]  # a pair of runs each

    @property
    def distance(self) -> float:
        """The size of the mean difference."""
        return abs(statistics.mean(self.differences))

    @property
    def passed(self) -> bool:
        """Whether the mean difference is within the bound."""
        return self.distance <= BOUND_POINTS


def compare(records: Sequence[RunRecord], baseline: str) -> Iterator[Paired]:
    """Pair every implementation's runs with the baseline's, recipe by recipe."""
    done = [record for record in records if record.test_accuracy is not None]
    of_baseline = {_cell(record): record for record in done if _name(record) == baseline}
    differences: dict[tuple[str, str], list[float]] = {}
    for record in done:
        partner = of_baseline.get(_cell(record))
        if partner is None or _name(record) == baseline:
            continue
        assert record.test_accuracy is not None  # noqa: S101
        assert partner.test_accuracy is not None  # noqa: S101
        points = 100 * (record.test_accuracy - partner.test_accuracy)
        cell = _name(record), str(_named(record.config.get("recipe")))
        differences.setdefault(cell, []).append(points)
    for (implementation, recipe), found in sorted(differences.items()):
        yield Paired(implementation=implementation, recipe=recipe, differences=tuple(found))


def implementations(records: Iterable[RunRecord]) -> list[str]:
    """Return the names of all implementations in the order of their first runs."""
    return list(dict.fromkeys(_name(record) for record in records))


def _name(record: RunRecord) -> str:
    return str(_named(record.config.get("implementation")))


def _named(value: object) -> object:
    return value.get("name") if isinstance(value, dict) else value


def _cell(record: RunRecord) -> tuple[str, ...]:
    return tuple(repr(_plain(record.config.get(key))) for key in PAIRED)


def _plain(value: object) -> object:
    """Leave out of a part of the configuration where its files are."""
    if isinstance(value, dict):
        return sorted((key, repr(item)) for key, item in value.items() if key != "path")
    return value
