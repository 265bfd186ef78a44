"""The comparison: each implementation at its best learning rate, a row a condition."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bench.records import RunRecord
from bench.report import tables

CONFIDENCE = 0.95
# The worst first.
QUIETNESS = (tables.NOISY, tables.SHARED, tables.NOT_KNOWN, tables.QUIET)
PARITY = (tables.FAILED, tables.NOT_JUDGED, tables.PASSED)
CELL = (*tables.CONDITIONS, "implementation")
MEANS = (
    "validation_accuracy", "test_accuracy", "flops_utilisation", "warm_up_seconds",
    "train_seconds", "total_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Paired:
    """A mean of differences over pairs, and half of its interval; None where one pair gives none.

    mean +- t(0.975, n - 1) s / sqrt(n). Student 1908.
    """

    mean: float
    half_width: float | None
    n_pairs: int

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return -math.inf if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return math.inf if self.half_width is None else self.mean + self.half_width


def paired(ours: pd.Series, theirs: pd.Series) -> Paired | None:
    """Compare two implementations' values over the seeds that both have; None where none is."""
    differences = (ours - theirs).dropna()
    if differences.empty:
        return None
    return Paired(float(differences.mean()), half_width(differences.tolist()), len(differences))


def by_seed(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return a column's mean for each seed: a run that was repeated is no further seed."""
    return runs.groupby(tables.seeds(runs))[column].mean()


def log_speeds(runs: pd.DataFrame) -> pd.Series:
    """Return the mean logarithm of examples per second for each seed."""
    return by_seed(_with_logs(runs), "log_speed").dropna()


def _with_logs(runs: pd.DataFrame) -> pd.DataFrame:
    speeds = runs["examples_per_second"].where(runs["examples_per_second"] > 0)
    return runs.assign(log_speed=np.log(speeds))


def comparison(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare implementations at their best learning rates: a row per condition and implementation.

    Means over seeds, of speed the geometric one, so that ratios are those of the pairs. Only rows
    whose parity is proven have a `rank`; `ratio` is examples/s over that of the fastest of these
    under the same condition.
    """
    best = _with_logs(tables.best_rates(runs))
    best["place"] = best.index  # among the runs
    best["quiet"] = best["quiet"].map(QUIETNESS.index)
    best["parity"] = best["parity"].map(PARITY.index)
    cell = best.groupby(list(CELL), dropna=False, sort=False).ngroup().rename("cell")
    seeds = best.groupby([cell, tables.seeds(best)])[[*MEANS, "log_speed"]].mean().groupby("cell")
    means, tested = seeds.mean(), seeds["test_accuracy"]
    together = best.groupby(cell)
    same = together[[*CELL, "learning_rate", "n_tried", "place"]].first()
    table = same.join(means[list(MEANS)]).assign(
        n_seeds=seeds.size(),
        run_ids=together["run_id"].agg(tuple),
        test_accuracy_half_width=tested.apply(lambda values: half_width(values.dropna().tolist())),
        n_tested=tested.count(),
        test_size=together["test_size"].max(),
        examples_per_second=np.exp(means["log_speed"]),
        examples_per_second_min=together["examples_per_second_min"].min(),
        examples_per_second_max=together["examples_per_second_max"].max(),
        peak_memory_bytes=together["peak_memory_bytes"].max(),
        quiet=together["quiet"].min().map(lambda place: QUIETNESS[place]),
        parity=together["parity"].min().map(lambda place: PARITY[place]),
    )
    speed = table["examples_per_second"].where(table["parity"] == tables.PASSED)
    by_condition = speed.groupby([table[name] for name in tables.CONDITIONS], dropna=False)
    table["ratio"] = table["examples_per_second"] / by_condition.transform("max")
    table["rank"] = by_condition.rank(ascending=False, method="min")
    order = ["architecture", "rank", "examples_per_second"]
    return table.sort_values(order, ascending=[True, True, False]).reset_index(drop=True)


def conditions(table: pd.DataFrame, most: int) -> tuple[list[tuple[str, pd.DataFrame]], int]:
    """Return the first few conditions' names and rows, and how many more conditions there are."""
    named = tables.varying(table)
    groups = table.groupby(list(tables.CONDITIONS), dropna=False, sort=False)
    first = [
        (tables.condition_label(group.iloc[0], named), group)
        for _, group in itertools.islice(groups, most)
    ]
    return first, groups.ngroups - len(first)


def seconds_to(record: RunRecord, target: float) -> float | None:
    """Return seconds of training until validation accuracy first reached a target, or None."""
    trained = 0.0
    for epoch in record.epochs:
        trained += epoch.train_seconds
        if epoch.validation_accuracy is not None and epoch.validation_accuracy >= target:
            return trained
    return None


def add_time_to_accuracy(
    compared: pd.DataFrame, records: Sequence[RunRecord], target: float | None = None
) -> pd.DataFrame:
    """Add to a comparison how long it took to reach a validation accuracy.

    Columns: `target`, the accuracy; where none is given, the highest hundredth that at least one
    run of every row under the same condition has reached. `n_reached`, how many of the row's
    `n_runs` did; `seconds_to_target`, their median of training, and `cold_seconds_to_target`, with
    warm-up.
    """
    if compared.empty:
        return compared
    by_id = {record.run_id: record for record in records}
    added = compared.copy()
    mine = [[by_id[name] for name in names] for names in compared["run_ids"]]
    added["target"] = target if target is not None else [_highest(group) for group in mine]
    if target is None:
        by_condition = added.groupby(list(tables.CONDITIONS), dropna=False)["target"]
        added["target"] = by_condition.transform("min")
    added["n_runs"] = [len(group) for group in mine]
    for name, with_warm_up in (("seconds_to_target", False), ("cold_seconds_to_target", True)):
        taken = [
            pd.Series(
                [
                    seconds + with_warm_up * record.seconds.warm_up
                    for record in group
                    if (seconds := seconds_to(record, accuracy)) is not None
                ],
                dtype=float,
            )
            for group, accuracy in zip(mine, added["target"], strict=True)
        ]
        added[name] = [values.median() for values in taken]
        added["n_reached"] = [len(values) for values in taken]
    return added


def _highest(records: Sequence[RunRecord]) -> float:
    """Return the highest hundredth that validation accuracy reached in any of these runs."""
    reached = [
        epoch.validation_accuracy
        for record in records
        for epoch in record.epochs
        if epoch.validation_accuracy is not None
    ]
    # 100 * 0.29 is a little less than 29.
    return math.floor(100 * max(reached) + 1e-9) / 100 if reached else math.nan


def half_width(values: Sequence[float]) -> float | None:
    """Return half of the 95 % t-interval of a mean; None for fewer than two values.

    mean +- t(0.975, n - 1) s / sqrt(n). Student 1908.
    """
    if len(values) < 2:
        return None
    interval = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values)
    return float(interval)


def standard_error(accuracy: float, test_size: float) -> float:
    """Return the standard error of an accuracy from the size of its test set alone."""
    return math.sqrt(accuracy * (1 - accuracy) / test_size)
