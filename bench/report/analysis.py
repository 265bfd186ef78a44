"""The comparison: one row per condition and implementation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.records import MIN_LEARNED_ACCURACY, is_synthetic, setting
from bench.report import dataframes
from bench.report.accuracy_pairs import AccuracyPairs
from bench.report.display_names import RunView, run_views
from bench.report.pairs import SpeedPairs
from bench.report.ranking import ranks
from bench.report.time_to_target import add_time_to_accuracy
from bench.results.store import Sweep
from bench.statistics import half_width
from bench.terminal import SYNTHETIC

AT_BEST_RATE = ("score", "validation_accuracy", "test_accuracy")
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
        have a `rank`, see `ranks`; `ratio` is the speed over that of the fastest of
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
    table = table.join(ranks(table[proven], speeds))
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
            "n_tried": dataframes.seeds(group).nunique(),
        }
        for _, group in _by_case(runs)
        if "done" not in group["status"].array
    ]
