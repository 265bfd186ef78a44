"""How long training takes to reach a validation accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from bench.records import RunRecord


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
