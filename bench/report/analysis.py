"""The comparison: one row per condition and implementation, at its best learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.records import MIN_LEARNED_ACCURACY, RunRecord, is_synthetic, setting
from bench.report import dataframes
from bench.report.display_names import RunView, run_views
from bench.results.store import Sweep
from bench.statistics import half_width
from bench.terminal import SYNTHETIC

MEANS = (
    "score", "validation_accuracy", "test_accuracy", "flops_utilisation", "warm_up_seconds",
    "train_seconds", "total_seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analysis:
    """The records of a report, and the frames that all of its parts are computed from."""

    sweep: Sweep
    views: tuple[RunView, ...]
    runs: pd.DataFrame  # one row per view, in the same order
    comparison: pd.DataFrame  # as `compare` returns it, with the time to accuracy

    @property
    def finished(self) -> pd.DataFrame:
        """The rows of the comparison that have a finished run."""
        compared = self.comparison
        return compared if compared.empty else compared[compared["status"] == "done"]

    @property
    def stamp(self) -> str:
        """The suffix of titles: a warning of synthetic data, or nothing."""
        return f" ({SYNTHETIC})" if is_synthetic(self.sweep.records) else ""

    def colours(self) -> list[tuple[str, object]]:
        """Return each run's implementation and the colour that its configuration asks for."""
        return [
            (view.implementation, setting(view.record, "implementation", "colour"))
            for view in self.views
        ]


def analyse(sweep: Sweep, target: float | None = None) -> Analysis:
    """Compute the frames of a report.

    Args:
        sweep: one sweep, or several sweeps merged into one.
        target: the validation accuracy to time, 0 to 1; None: the highest hundredth that every row
            of a condition has reached.

    Returns:
        The frames, for records of any content; empty frames if there are no records.
    """
    views = run_views(sweep.records)
    runs = dataframes.runs_frame(views, sweep.verdicts)
    compared = add_time_to_accuracy(compare(runs), sweep.records, target)
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


def paired(values: pd.Series, baseline: pd.Series) -> Paired | None:
    """Compare the values of two implementations seed by seed.

    Args:
        values: one value per seed.
        baseline: the values that are subtracted, one per seed.

    Returns:
        The mean difference, or None if they have no seed in common.
    """
    differences = (values - baseline).dropna()
    if differences.empty:
        return None
    return Paired(float(differences.mean()), half_width(differences.tolist()), len(differences))


def by_seed(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return a column's mean for each seed; a repeated run does not count as another seed."""
    return runs.groupby(dataframes.seeds(runs))[column].mean()


def log_speeds(runs: pd.DataFrame) -> pd.Series:
    """Return the mean logarithm of examples per second for each seed."""
    return by_seed(_with_logs(runs), "log_speed").dropna()


def _with_logs(runs: pd.DataFrame) -> pd.DataFrame:
    speeds = runs["examples_per_second"].where(runs["examples_per_second"] > 0)
    return runs.assign(log_speed=np.log(speeds))


def compare(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare implementations at their best learning rates.

    Args:
        runs: as `dataframes.runs_frame` returns it.

    Returns:
        One row per case. Values are means over the seeds of finished runs; speed is a geometric
        mean, so that its ratios equal those of the pairs. A case without a finished run has its
        runs' statuses in `status`, and no values. Only rows with proven parity have a `rank`;
        `ratio` is examples/s over that of the fastest of them under the same condition; `is_best`
        marks the highest mean `score` among them.
    """
    best = _with_logs(dataframes.best_rates(runs))
    if best.empty:
        return best
    best["place"] = best.index  # in `runs`
    case = best.groupby(list(dataframes.CASE), dropna=False, sort=False).ngroup().rename("case")
    seeds = best.groupby([case, dataframes.seeds(best)])[[*MEANS, "log_speed"]].mean()
    means, tested = seeds.groupby("case").mean(), seeds["test_accuracy"].groupby("case")
    groups = best.groupby(case)
    same = groups[[*dataframes.CASE, "learning_rate", "n_tried", "place"]].first()
    table = same.join(means[list(MEANS)]).assign(
        status="done",
        n_seeds=seeds.groupby("case").size(),
        run_ids=groups["run_id"].agg(tuple),
        test_accuracy_half_width=tested.apply(lambda values: half_width(values.dropna().tolist())),
        n_tested=tested.count(),
        test_size=groups["test_size"].max(),
        examples_per_second=np.exp(means["log_speed"]),
        examples_per_second_min=groups["examples_per_second_min"].min(),
        examples_per_second_max=groups["examples_per_second_max"].max(),
        peak_memory_bytes=groups["peak_memory_bytes"].max(),
        quiet=groups["quiet"].agg(lambda words: min(words, key=dataframes.QUIET_WORDS.index)),
        parity=groups["parity"].agg(_worst_parity),
    )
    proven = table["parity"] == dataframes.PASSED
    conditions = [table[name] for name in dataframes.CONDITIONS]
    speed = table["examples_per_second"].where(proven).groupby(conditions, dropna=False)
    table["ratio"] = table["examples_per_second"] / speed.transform("max")
    table["rank"] = speed.rank(ascending=False, method="min")
    score = table["score"].where(proven & (table["score"] >= MIN_LEARNED_ACCURACY))
    table["is_best"] = score == score.groupby(conditions, dropna=False).transform("max")
    order = ["architecture", "rank", "examples_per_second"]
    table = pd.DataFrame([*table.to_dict("records"), *_without_result(runs)])
    return table.sort_values(order, ascending=[True, True, False]).reset_index(drop=True)


def _worst_parity(words: pd.Series) -> str:
    return str(min(words, key=dataframes.PARITY_WORDS.index))


def _without_result(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per case that has no finished run."""
    return [
        dict(zip(dataframes.CASE, group.iloc[0][list(dataframes.CASE)], strict=True))
        | {
            "place": group.index[0],
            "status": dataframes.statuses(group["status"]),
            "run_ids": tuple(group["run_id"]),
            "parity": _worst_parity(group["parity"]),
            "quiet": "-",
            "is_best": False,
            "n_seeds": 0,
            "n_tested": 0,
            "n_tried": dataframes.seeds(group).nunique(),
        }
        for _, group in runs.groupby(list(dataframes.CASE), dropna=False, sort=False)
        if "done" not in group["status"].array
    ]


def seconds_to(record: RunRecord, target: float) -> float | None:
    """Return the seconds of training until validation accuracy first reached a target, or None."""
    seconds = 0.0
    for epoch in record.epochs:
        seconds += epoch.train_seconds
        if epoch.validation_accuracy is not None and epoch.validation_accuracy >= target:
            return seconds
    return None


def add_time_to_accuracy(
    compared: pd.DataFrame, records: Sequence[RunRecord], target: float | None = None
) -> pd.DataFrame:
    """Add to a comparison how long training took to reach a validation accuracy.

    Args:
        compared: as `compare` returns it.
        records: the records of the compared runs.
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
    groups = [[by_id[name] for name in names] for names in compared["run_ids"]]
    if target is None:
        done = compared["status"] == "done"
        highest = pd.Series([_highest(group) for group in groups], compared.index).where(done)
        conditions = [compared[name] for name in dataframes.CONDITIONS]
        targets = highest.groupby(conditions, dropna=False).transform("min")
    else:
        targets = pd.Series(target, compared.index)
    reached = [
        pd.DataFrame(
            [
                (seconds, seconds + record.seconds.warm_up)
                for record in group
                if (seconds := seconds_to(record, accuracy)) is not None
            ],
            columns=["warm", "cold"],
            dtype=float,
        )
        for group, accuracy in zip(groups, targets, strict=True)
    ]
    return compared.assign(
        target=targets,
        n_runs=[len(group) for group in groups],
        n_reached=[len(times) for times in reached],
        seconds_to_target=[times["warm"].median() for times in reached],
        cold_seconds_to_target=[times["cold"].median() for times in reached],
    )


def _highest(records: Sequence[RunRecord]) -> float:
    """Return the highest hundredth that validation accuracy reached in any of these runs."""
    accuracies = [
        epoch.validation_accuracy
        for record in records
        for epoch in record.epochs
        if epoch.validation_accuracy is not None
    ]
    # In floating point, 100 * 0.29 is less than 29.
    return math.floor(100 * max(accuracies) + 1e-9) / 100 if accuracies else math.nan
