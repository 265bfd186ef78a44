"""The comparison: one row per condition and implementation, with rank and time to an accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.records import MIN_LEARNED_ACCURACY, RunRecord
from bench.report.frames import dataframes
from bench.report.frames.pairs import Paired
from bench.report.frames.speed_pairs import SpeedPairs
from bench.statistics import half_width

AT_BEST_RATE = ("score", "validation_accuracy", "test_accuracy")
AT_ALL_RATES = (
    "flops_utilisation", "cores_kept_busy", "warm_up_seconds", "train_seconds", "total_seconds",
)  # fmt: skip
RANK_COLUMNS = ("rank", "last_rank", "times_slower", "low", "high")


def compare(runs: pd.DataFrame, speeds: SpeedPairs) -> pd.DataFrame:
    """Compare implementations: speed at all learning rates, accuracy at their best ones.

    Args:
        runs: as `runs_frame` returns it.
        speeds: of the same runs.

    Returns:
        One row per case. Speed and times are means over all finished runs, since they do not depend
        on the learning rate; speed is a geometric mean, so that its ratios equal those of the
        pairs. Accuracies are means over the seeds at the best learning rate. A case without a
        finished run has its runs' statuses in `status`, and no values. Only rows with proven parity
        have a `rank`; `times_slower` compares all with the fastest of them, see `ranks`; `is_best`
        marks the highest mean `score` among them.
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
    table = table.join(ranks(table, speeds))
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


def ranks(compared: pd.DataFrame, speeds: SpeedPairs) -> pd.DataFrame:
    """Compare the speeds of each condition with each other.

    Args:
        compared: rows with an implementation's speed and parity.
        speeds: of the runs.

    Returns:
        For each row with a speed, if an implementation with proven parity ran under its condition:
        `rank` is 1 + the number of ranked rows that are surely faster, `last_rank` the number of
        ranked rows that are not surely slower, itself included; surely: the 95 % interval of the
        ratio does not include 1; both are NaN without proven parity. `times_slower` is the speed of
        the fastest ranked row over that of this one, `low` and `high` are the ends of its interval.
    """
    timed = compared[compared["examples_per_second"].notna()].sort_values("examples_per_second")
    rows = {}
    for _, group in timed.groupby("condition"):
        condition = int(group["condition"].iloc[0])
        ranked = group[group["parity"] == dataframes.PASSED]
        names = ranked["implementation"].tolist()
        for row in dataframes.rows(group if names else ranked):
            pairs = {
                other: pair
                for other in names
                if other != row.implementation
                and (pair := speeds.compare(condition, row.implementation, other))
            }
            first = 1 + sum(pair.high < 0 for pair in pairs.values())
            last = len(names) - sum(pair.low > 0 for pair in pairs.values())
            place = [first, last] if row.implementation in names else [math.nan] * 2
            highest = ranked["examples_per_second"].iloc[-1] / row.examples_per_second
            rows[row.Index] = [*place, *_slower(pairs.get(names[-1]), highest)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(RANK_COLUMNS), dtype=float)


def _slower(pair: Paired | None, ratio: float) -> list[float]:
    """Return how many times slower than the fastest, with the ends of its interval if known."""
    if pair is None:
        return [ratio, *([1.0] * 2 if ratio == 1 else [math.nan] * 2)]
    return [
        math.exp(-value) if math.isfinite(value) else math.nan
        for value in (pair.mean, pair.high, pair.low)
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
