"""Rung 4 of the parity ladder: whole runs with the same seeds reach the same test accuracy."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from bench import provenance
from bench.config import identity
from bench.nested import lookup, setting
from bench.records import PARITY_POINTS, RunRecord

MIN_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """An implementation's runs of one recipe, paired with the baseline's.

    Attributes:
        differences: for each pair, the implementation's test accuracy minus the baseline's, in
            percentage points.
        n_lost: number of conditions without a pair, because a run diverged, failed, is missing or
            used other data.
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

    Runs of a pair have the same settings, seed, data and machine. If an implementation has several
    runs of this kind, each counts: their mean accuracy is compared, and one that is not done makes
    the pair a lost one. Skipped runs, and recipes that the baseline skipped, are left out.

    Args:
        records: the records of one sweep.
        baseline: one of `implementations`.
    """
    runs: dict[tuple[str, str], dict[bytes, list[RunRecord]]] = {}
    skipped = defaultdict[tuple[str, str], set[bytes]](set)
    for record, label in zip(records, _labels(records), strict=True):
        group = label, _name(record, "recipe")
        if record.status == "skipped":
            skipped[group].add(_condition(record))
        else:
            runs.setdefault(group, {}).setdefault(_condition(record), []).append(record)
    for (label, recipe), own in sorted(runs.items()):
        partners = runs.get((baseline, recipe), {})
        if label == baseline or (not partners and skipped[baseline, recipe]):
            continue
        left_out = (skipped[label, recipe] - own.keys()) | (
            skipped[baseline, recipe] - partners.keys()
        )
        pairs = [
            _difference(own.get(condition, []), partners.get(condition, []))
            for condition in {**own, **partners}
            if condition not in left_out
        ]
        differences = tuple(difference for difference in pairs if difference is not None)
        if pairs:
            yield Pairing(
                implementation=label,
                recipe=recipe,
                differences=differences,
                n_lost=len(pairs) - len(differences),
            )


def implementations(records: Sequence[RunRecord]) -> list[str]:
    """Return the implementations in the order of their first runs.

    Returns:
        Names; followed by the options, if the records contain a name with several options.
    """
    return list(dict.fromkeys(_labels(records)))


def _labels(records: Sequence[RunRecord]) -> list[str]:
    """Return the implementation of each record, as in `implementations`."""
    names = [_name(record) for record in records]
    options = [_options(record) for record in records]
    variants = set(zip(names, options, strict=True))
    n_variants = Counter(name for name, _ in variants)
    return [
        f"{name} {text}" if n_variants[name] > 1 else name
        for name, text in zip(names, options, strict=True)
    ]


def _condition(record: RunRecord) -> bytes:
    """Return the settings, seed and machine, which are equal in a pair."""
    machine = [record.made_with.get(key) for key in provenance.MACHINE_KEYS]
    return msgspec.json.encode((identity.paired_content(record.config), machine), order="sorted")


def _difference(own: Sequence[RunRecord], partners: Sequence[RunRecord]) -> float | None:
    """Return the difference of the mean accuracies in percentage points; None if not a pair."""
    if {record.status for record in (*own, *partners)} != {"done"}:
        return None
    if len({record.dataset_fingerprint for record in (*own, *partners)}) > 1:
        return None
    means = []
    for runs in (own, partners):
        accuracies = [run.test_accuracy for run in runs if run.test_accuracy is not None]
        if not runs or len(accuracies) < len(runs):
            return None
        means.append(statistics.mean(accuracies))
    return 100 * (means[0] - means[1])


def _name(record: RunRecord, group: str = "implementation") -> str:
    return str(setting(record, group, "name"))


def _options(record: RunRecord) -> str:
    options = lookup(record.config, "implementation", "options")
    return msgspec.json.encode(options, order="sorted").decode()
