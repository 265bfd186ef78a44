"""The comparison: a row for each condition and implementation, at its best learning rate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.records import RunRecord, is_synthetic, setting
from bench.report import frames
from bench.report.labels import RunView, run_views
from bench.results.store import Sweep
from bench.statistics import half_width
from bench.terminal import SYNTHETIC

MEANS = (
    "validation_accuracy", "test_accuracy", "flops_utilisation", "warm_up_seconds",
    "train_seconds", "total_seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analysis:
    """What every part of a report is made from."""

    sweep: Sweep
    views: tuple[RunView, ...]
    runs: pd.DataFrame  # a row a view, in the same order
    comparison: pd.DataFrame

    @property
    def stamp(self) -> str:
        """What is added to titles: a warning of synthetic data, or nothing."""
        return f" ({SYNTHETIC})" if is_synthetic(self.sweep.records) else ""

    def colours(self) -> list[tuple[str, object]]:
        """Return each run's implementation and the colour that its configuration asks for."""
        return [
            (view.implementation, setting(view.record, "implementation", "colour"))
            for view in self.views
        ]


def analyse(sweep: Sweep, target: float | None = None) -> Analysis:
    """Make the frames of a report.

    Args:
        sweep: one, or several merged ones.
        target: the validation accuracy to time, 0 to 1; None: the highest hundredth that every row
            of a condition has reached.

    Returns:
        The frames, whatever the records hold; empty ones if there are no records.
    """
    views = run_views(sweep.records)
    runs = frames.runs_frame(views, sweep.verdicts)
    compared = add_time_to_accuracy(comparison(runs), sweep.records, target)
    return Analysis(sweep, views, runs, compared)


@dataclass(frozen=True, slots=True)
class Paired:
    """A mean difference over pairs of runs with the same seed, and its 95 % t-interval."""

    mean: float
    half_width: float | None  # None: a single pair has no interval
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
    """Compare the values of two implementations seed by seed.

    Args:
        ours: a value for each seed.
        theirs: the same of the implementation that is subtracted.

    Returns:
        The mean difference, or None if they have no seed in common.
    """
    differences = (ours - theirs).dropna()
    if differences.empty:
        return None
    return Paired(float(differences.mean()), half_width(differences.tolist()), len(differences))


def by_seed(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return a column's mean for each seed: a repeated run is not another seed."""
    return runs.groupby(frames.seeds(runs))[column].mean()


def log_speeds(runs: pd.DataFrame) -> pd.Series:
    """Return the mean logarithm of examples per second for each seed."""
    return by_seed(_with_logs(runs), "log_speed").dropna()


def _with_logs(runs: pd.DataFrame) -> pd.DataFrame:
    speeds = runs["examples_per_second"].where(runs["examples_per_second"] > 0)
    return runs.assign(log_speed=np.log(speeds))


def comparison(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare implementations at their best learning rates.

    Args:
        runs: as `frames.runs_frame` returns it.

    Returns:
        A row for each case that has a finished run. Values are means over seeds; speed is a
        geometric mean, so that ratios are those of the pairs. Only rows with proven parity have a
        `rank`; `ratio` is examples/s over that of the fastest of these under the same condition.
    """
    best = _with_logs(frames.best_rates(runs))
    best["place"] = best.index  # in `runs`
    best["quiet"] = best["quiet"].map(frames.QUIET_WORDS.index)
    best["parity"] = best["parity"].map(frames.PARITY_WORDS.index)
    case = best.groupby(list(frames.CASE), dropna=False, sort=False).ngroup().rename("case")
    seeds = best.groupby([case, frames.seeds(best)])[[*MEANS, "log_speed"]].mean().groupby("case")
    means, tested = seeds.mean(), seeds["test_accuracy"]
    together = best.groupby(case)
    same = together[[*frames.CASE, "learning_rate", "n_tried", "place"]].first()
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
        quiet=together["quiet"].min().map(lambda place: frames.QUIET_WORDS[place]),
        parity=together["parity"].min().map(lambda place: frames.PARITY_WORDS[place]),
    )
    speed = table["examples_per_second"].where(table["parity"] == frames.PASSED)
    by_condition = speed.groupby([table[name] for name in frames.CONDITIONS], dropna=False)
    table["ratio"] = table["examples_per_second"] / by_condition.transform("max")
    table["rank"] = by_condition.rank(ascending=False, method="min")
    order = ["architecture", "rank", "examples_per_second"]
    return table.sort_values(order, ascending=[True, True, False]).reset_index(drop=True)


def conditions(table: pd.DataFrame, most: int) -> tuple[list[tuple[str, pd.DataFrame]], int]:
    """Split a comparison by condition.

    Args:
        table: as `comparison` returns it.
        most: so many conditions are returned.

    Returns:
        The label and the rows of the first conditions, and the number of the other conditions.
    """
    named = frames.varying(table)
    groups = table.groupby(list(frames.CONDITIONS), dropna=False, sort=False)
    first = [
        (frames.condition_label(group.iloc[0], named), group)
        for _, group in itertools.islice(groups, most)
    ]
    return first, groups.ngroups - len(first)


def seconds_to(record: RunRecord, target: float) -> float | None:
    """Return the seconds of training until validation accuracy first reached a target, or None."""
    trained = 0.0
    for epoch in record.epochs:
        trained += epoch.train_seconds
        if epoch.validation_accuracy is not None and epoch.validation_accuracy >= target:
            return trained
    return None


def add_time_to_accuracy(
    compared: pd.DataFrame, records: Sequence[RunRecord], target: float | None = None
) -> pd.DataFrame:
    """Add to a comparison how long training took to reach a validation accuracy.

    Args:
        compared: as `comparison` returns it.
        records: of the runs that it was made from, in the order of their frame.
        target: the validation accuracy, 0 to 1; None: the highest hundredth that at least one run
            of every row under the same condition has reached.

    Returns:
        The comparison with these columns: `target`; `n_reached`, the number of the row's `n_runs`
        that reached it; `seconds_to_target`, their median of training; and
        `cold_seconds_to_target`, the same with warm-up.
    """
    if compared.empty:
        return compared
    by_id = {record.run_id: record for record in records}
    added = compared.copy()
    groups = [[by_id[name] for name in names] for names in compared["run_ids"]]
    added["target"] = target if target is not None else [_highest(group) for group in groups]
    if target is None:
        by_condition = added.groupby(list(frames.CONDITIONS), dropna=False)["target"]
        added["target"] = by_condition.transform("min")
    added["n_runs"] = [len(group) for group in groups]
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
            for group, accuracy in zip(groups, added["target"], strict=True)
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
