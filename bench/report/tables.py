"""Records as tables: a row a run, a row an epoch, and the comparison made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from scipy import stats

from bench.contract import RunRecord, Verdict
from bench.report.terminal import last_validation_accuracy, setting

# Runs are compared only where all of these are the same.
CONDITIONS = (
    "architecture", "batch_size", "recipe", "dataset", "epochs", "device", "threads", "machine",
)  # fmt: skip
NAMED = ("implementation", "architecture", "recipe", "dataset")
PLAIN = (
    "learning_rate",
    "batch_size",
    "epochs",
    "seed",
    "device",
    "threads",
    "validation_fraction",
)
PARTS = ("start_up", "data", "setup", "warm_up", "train", "evaluate", "ceiling", "other")
CONFIDENCE = 0.95

# What is known of the parity of a run's code, on the versions that it ran on.
PASSED, FAILED, NOT_JUDGED = "passed", "failed", "not judged"


def runs_table(records: Sequence[RunRecord], verdicts: Sequence[Verdict] = ()) -> pd.DataFrame:
    """Return a row a run, with everything of a record that is one number or one word."""
    judged = {verdict.key: verdict for verdict in verdicts}
    return pd.DataFrame(
        [_run_row(record, judged.get(record.parity_key or "")) for record in records]
    )


def parity(verdict: Verdict | None) -> str:
    """Return one word for a verdict."""
    if verdict is None or verdict.error is not None:
        return NOT_JUDGED
    return PASSED if verdict.passed else FAILED


def _run_row(record: RunRecord, verdict: Verdict | None) -> dict[str, Any]:
    last = record.epochs[-1] if record.epochs else None
    speeds = epoch_speeds(record)
    row: dict[str, Any] = {"run_id": record.run_id, "status": record.status}
    row |= {key: setting(record, key, "name") for key in NAMED}
    row |= {key: setting(record, key) for key in PLAIN}
    row |= {
        "train_loss": last.train_loss if last else None,
        "validation_loss": last.validation_loss if last else None,
        "validation_accuracy": last_validation_accuracy(record),
        "test_loss": record.test_loss,
        "test_accuracy": record.test_accuracy,
        "test_size": sum(map(sum, record.confusion_matrix)) if record.confusion_matrix else None,
        "examples_per_second": record.examples_per_second,
        "examples_per_second_min": min(speeds, default=None),
        "examples_per_second_max": max(speeds, default=None),
        "flops_utilisation": record.flops_utilisation,
        "peak_memory_bytes": record.peak_memory_bytes,
        "parameter_count": record.parameter_count,
        "noisy": record.environment.get("noisy") is True,
        "shared_machine": setting(record, "share_machine") is True,
        "parity": parity(verdict),
        "machine": machine(record),
        "cores": _count(record.environment.get("cores")),
        "cores_kept_busy": _number(record.environment.get("cores_kept_busy")),
    }
    row |= {f"{part}_seconds": value for part, value in asdict(record.seconds).items()}
    row |= {
        "error_type": record.error.type if record.error else None,
        "error_message": record.error.message if record.error else None,
        "started_at": record.started_at,
    }
    return row


def machine(record: RunRecord) -> str:
    """Name what a run's speed depends on beside its settings."""
    named = (record.environment.get(key) for key in ("cpu_model", "gpu"))
    return ", ".join(str(name) for name in named if name) or "unknown"


def _count(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def epoch_speeds(record: RunRecord) -> list[float]:
    """Return examples per second of each epoch."""
    if record.examples_per_epoch is None:
        return []
    seconds = [epoch.train_seconds for epoch in record.epochs if epoch.train_seconds > 0]
    return [record.examples_per_epoch / value for value in seconds]


def curves_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return a row an epoch: losses, accuracy, and the seconds trained so far."""
    rows = []
    for record in records:
        trained = 0.0
        for epoch in record.epochs:
            trained += epoch.train_seconds
            rows.append(
                {
                    "run_id": record.run_id,
                    "status": record.status,
                    "implementation": setting(record, "implementation", "name"),
                    "architecture": setting(record, "architecture", "name"),
                    "learning_rate": setting(record, "learning_rate"),
                    "seed": setting(record, "seed"),
                    "epoch": epoch.epoch,
                    "train_loss": epoch.train_loss,
                    "training_set_loss": epoch.training_set_loss,
                    "validation_loss": epoch.validation_loss,
                    "validation_accuracy": epoch.validation_accuracy,
                    "train_seconds": epoch.train_seconds,
                    "evaluate_seconds": epoch.evaluate_seconds,
                    "train_seconds_so_far": trained,
                }
            )
    return pd.DataFrame(rows)


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
    run of every row under the same condition has reached. `n_reached`, how many of the row's runs
    did; `seconds_to_target`, their median of training, and `cold_seconds_to_target`, with warm-up.
    """
    if compared.empty:
        return compared
    by_id = {record.run_id: record for record in records}
    added = compared.copy()
    mine = [[by_id[name] for name in names] for names in compared["run_ids"]]
    added["target"] = target if target is not None else [_highest(group) for group in mine]
    if target is None:
        by_condition = added.groupby(list(CONDITIONS), dropna=False)["target"]
        added["target"] = by_condition.transform("min")
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
    return math.floor(100 * max(reached, default=math.nan)) / 100 if reached else math.nan


def best_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep, of the finished runs, those at each implementation's best learning rate.

    Chosen per condition on mean validation accuracy after the last epoch, or, where nothing was set
    aside for validation, on the training loss.
    """
    done = runs[runs["status"] == "done"]
    kept = []
    for _, group in done.groupby(["implementation", *CONDITIONS], dropna=False, sort=False):
        by_rate = group.groupby("learning_rate", dropna=False)
        if group["validation_accuracy"].notna().any():
            best = by_rate["validation_accuracy"].mean().idxmax()
        else:
            best = by_rate["train_loss"].mean().idxmin()
        kept.append(group[group["learning_rate"] == best])
    return pd.concat(kept) if kept else done


def comparison(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare implementations at their best learning rates: a row per condition and implementation.

    Means over seeds. Only rows whose parity is proven have a `rank`; `ratio` is examples/s over
    that of the fastest of these under the same condition.
    """
    rows = []
    for key, group in best_rates(runs).groupby(
        [*CONDITIONS, "implementation"], dropna=False, sort=False
    ):
        row = dict(zip([*CONDITIONS, "implementation"], key, strict=True))
        row |= {
            "learning_rate": group["learning_rate"].iloc[0],
            "n_seeds": len(group),
            "run_ids": tuple(group["run_id"]),
            "validation_accuracy": group["validation_accuracy"].mean(),
            "test_accuracy": group["test_accuracy"].mean(),
            "test_accuracy_half_width": half_width(group["test_accuracy"].tolist()),
            "test_size": group["test_size"].max(),
            "examples_per_second": group["examples_per_second"].median(),
            "examples_per_second_min": group["examples_per_second_min"].min(),
            "examples_per_second_max": group["examples_per_second_max"].max(),
            "flops_utilisation": group["flops_utilisation"].mean(),
            "warm_up_seconds": group["warm_up_seconds"].mean(),
            "train_seconds": group["train_seconds"].mean(),
            "total_seconds": group["total_seconds"].mean(),
            "peak_memory_bytes": group["peak_memory_bytes"].max(),
            "noisy": group["noisy"].any(),
            "parity": _worst(group["parity"]),
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    speed = table["examples_per_second"].where(table["parity"] == PASSED)
    by_condition = speed.groupby([table[name] for name in CONDITIONS], dropna=False)
    table["ratio"] = table["examples_per_second"] / by_condition.transform("max")
    table["rank"] = by_condition.rank(ascending=False, method="min")
    order = ["architecture", "rank", "examples_per_second"]
    return table.sort_values(order, ascending=[True, True, False]).reset_index(drop=True)


def is_proven(verdicts: pd.Series) -> bool:
    """Say whether the parity of all these runs is proven."""
    return _worst(verdicts) == PASSED


def _worst(verdicts: pd.Series) -> str:
    """Return what several runs' parity comes to: proven only if it is for each."""
    return next(word for word in (FAILED, NOT_JUDGED, PASSED) if (verdicts == word).any())


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Yield a table's rows as named tuples, whose values have the types their columns have."""
    yield from table.itertuples()


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


def pareto_front(runs: pd.DataFrame) -> pd.Series:
    """Mark the runs that no other beats in both training seconds and validation accuracy."""
    seconds, accuracy = runs["train_seconds"], runs["validation_accuracy"]
    return pd.Series(
        [
            not ((seconds < mine) & (accuracy > reached)).any()
            for mine, reached in zip(seconds, accuracy, strict=True)
        ],
        index=runs.index,
    )


def varying(table: pd.DataFrame, columns: Sequence[str] = CONDITIONS) -> list[str]:
    """Return those of the columns that have more than one value, and architecture always."""
    return [
        name
        for name in columns
        if name in table and (name == "architecture" or table[name].nunique(dropna=False) > 1)
    ]


def condition_label(row: pd.Series, named: Sequence[str]) -> str:
    """Name a condition by what tells it from the others, such as `one_hidden, batch size 32`."""
    words = [str(row["architecture"])]
    words += [f"{name.replace('_', ' ')} {row[name]}" for name in named if name != "architecture"]
    return ", ".join(words)
