"""The comparison: one row per condition and implementation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.records import MIN_LEARNED_ACCURACY, RunRecord, is_synthetic, setting
from bench.report import dataframes
from bench.report.accuracy_pairs import AccuracyPairs
from bench.report.display_names import RunView, run_views
from bench.report.pairs import SpeedPairs
from bench.results.store import Sweep
from bench.statistics import half_width
from bench.terminal import SYNTHETIC

AT_BEST_RATE = ("score", "validation_accuracy", "test_accuracy")
RATIOS = ("rank", "last_rank", "ratio", "ratio_low", "ratio_high")
AT_ALL_RATES = ("flops_utilisation", "warm_up_seconds", "train_seconds", "total_seconds")


@dataclass(frozen=True, slots=True)
class Analysis:
    """The records of a report, and the frames that all of its parts are computed from."""

    sweep: Sweep
    views: tuple[RunView, ...]
    runs: pd.DataFrame  # one row per view, in the same order
    comparison: pd.DataFrame  # as `compare` returns it, with the time to accuracy
    conditions: tuple[str, ...]  # labels; `condition` in the frames is an index into them
    speeds: SpeedPairs
    accuracies: AccuracyPairs

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
    speeds = SpeedPairs(runs)
    compared = add_time_to_accuracy(compare(runs, speeds), sweep.records, target)
    labels = tuple(label for label, _ in dataframes.conditions(runs))
    accuracies = AccuracyPairs(runs, views)
    return Analysis(sweep, views, runs, compared, labels, speeds, accuracies)


def compare(runs: pd.DataFrame, speeds: SpeedPairs) -> pd.DataFrame:
    """Compare implementations: speed at all learning rates, accuracy at their best ones.

    Args:
        runs: as `dataframes.runs_frame` returns it.
        speeds: of the same runs.

    Returns:
        One row per case. Speed and times are means over all finished runs, since they do not depend
        on the learning rate; speed is a geometric mean, so that its ratios equal those of the
        pairs. Accuracies are means over the seeds at the best learning rate. A case without a
        finished run has its runs' statuses in `status`, and no values. Only rows with proven parity
        have a `rank`, see `_against_fastest`; `ratio` is the speed over that of the fastest of
        them under the same condition; `is_best` marks the highest mean `score` among them.
    """
    best = dataframes.best_rates(runs)
    if best.empty:
        return best
    best = best.assign(place=best.index)  # in `runs`
    timed = _by_case(runs[runs["status"] == "done"])
    at_best = _by_case(best)
    seeds = best.groupby(["condition", "implementation", dataframes.seeds(best)])[
        list(AT_BEST_RATE)
    ].mean()
    tested = _by_case(seeds)["test_accuracy"]
    table = at_best[[*dataframes.CONDITIONS, "learning_rate", "n_tried", "place"]].first()
    table = table.join([timed[list(AT_ALL_RATES)].mean(), _by_case(seeds).mean()]).assign(
        status="done",
        examples_per_second=np.exp(speeds.means()),
        n_seeds=_by_case(seeds).size(),
        n_timed=timed.size(),
        run_ids=at_best["run_id"].agg(tuple),
        timed_run_ids=timed["run_id"].agg(tuple),
        test_accuracy_half_width=tested.apply(lambda values: half_width(values.dropna().tolist())),
        n_tested=tested.count(),
        test_size=at_best["test_size"].max(),
        examples_per_second_min=timed["examples_per_second_min"].min(),
        examples_per_second_max=timed["examples_per_second_max"].max(),
        peak_memory_bytes=timed["peak_memory_bytes"].max(),
        quiet=timed["quiet"].agg(lambda words: min(words, key=dataframes.QUIET_WORDS.index)),
        parity=timed["parity"].agg(_worst_parity),
    )
    table = table.reset_index()
    proven = table["parity"] == dataframes.PASSED
    table = table.join(_against_fastest(table[proven], speeds))
    fastest = table["examples_per_second"].where(proven).groupby(table["condition"])
    table["ratio"] = table["ratio"].fillna(table["examples_per_second"] / fastest.transform("max"))
    score = table["score"].where(proven & (table["score"] >= MIN_LEARNED_ACCURACY))
    table["is_best"] = score == score.groupby(table["condition"]).transform("max")
    table = pd.DataFrame([*table.to_dict("records"), *_without_result(runs)])
    table["no_rank"] = table["rank"].isna()
    order = ["condition", "no_rank", "examples_per_second"]
    table = table.sort_values(order, ascending=[True, True, False], ignore_index=True)
    return table.drop(columns="no_rank")


def _by_case(frame: pd.DataFrame) -> Any:
    return frame.groupby(["condition", "implementation"])


def _against_fastest(proven: pd.DataFrame, pairs: SpeedPairs) -> pd.DataFrame:
    """Compare the speeds of one condition with each other.

    The first rank is 1 + the number of rows that are surely faster; the last rank is the number of
    rows that are not surely slower. Surely: the 95 % interval of the ratio does not include 1.
    """
    timed = proven[proven["examples_per_second"].notna()].sort_values("examples_per_second")
    rows = {}
    for _, group in timed.groupby("condition"):
        condition = int(group["condition"].iloc[0])
        names = group["implementation"].tolist()
        for place, name, speed in group[["implementation", "examples_per_second"]].itertuples():
            others = [pairs.compare(condition, name, other) for other in names if other != name]
            slower = others[-1] if others and name != names[-1] else None
            rows[place] = {
                "rank": 1.0 + sum(pair is not None and pair.high < 0 for pair in others),
                "last_rank": float(len(names))
                - sum(pair is not None and pair.low > 0 for pair in others),
                "ratio": math.exp(slower.mean)
                if slower
                else speed / group["examples_per_second"].iloc[-1],
                "ratio_low": math.exp(slower.low) if slower else math.nan,
                "ratio_high": math.exp(slower.high) if slower else math.nan,
            }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(RATIOS), dtype=float)


def rank_in_words(row: Any) -> str:
    """Return a rank such as `1`, a shared one such as `2–4`, or a dash.

    Args:
        row: a row of the comparison.
    """
    if pd.isna(row.rank):
        return "-"
    first, last = (f"{rank:.0f}" for rank in (row.rank, row.last_rank))
    return first if first == last else f"{first}\N{EN DASH}{last}"


def _worst_parity(words: pd.Series) -> str:
    return str(min(words, key=dataframes.PARITY_WORDS.index))


def _without_result(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per case that has no finished run."""
    return [
        {name: group.iloc[0][name] for name in ("condition", *dataframes.CASE)}
        | {
            "place": group.index[0],
            "status": dataframes.statuses(group["status"]),
            "run_ids": tuple(group["run_id"]),
            "timed_run_ids": (),
            "parity": _worst_parity(group["parity"]),
            "quiet": "-",
            "is_best": False,
            "n_seeds": 0,
            "n_tested": 0,
            "n_timed": 0,
            "n_tried": dataframes.seeds(group).nunique(),
        }
        for _, group in _by_case(runs)
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
        targets = highest.groupby(compared["condition"]).transform("min")
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
