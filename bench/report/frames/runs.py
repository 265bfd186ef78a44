"""Records as DataFrames: one row per run, one row per epoch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from bench.config.identity import CONDITION_KEYS, GROUPS, LATER_KEYS, REPEAT_KEYS
from bench.nested import setting
from bench.records import SECONDS_PARTS, RunRecord, Seconds, Verdict
from bench.report.frames import dataframes
from bench.report.frames.display_names import RunView, run_views
from bench.scores import last_validation_accuracy, score

SETTINGS = tuple(key for key in (*REPEAT_KEYS, *CONDITION_KEYS) if key not in GROUPS)


def runs_frame(views: Sequence[RunView], verdicts: Sequence[Verdict] = ()) -> pd.DataFrame:
    """Return one row per run: every value of a record that is one number or one word.

    Args:
        views: the runs, with their labels.
        verdicts: verdicts of the parity ladder; a run without a verdict has not been checked.

    Returns:
        The columns that docs/csv_columns.md explains, also if there is no run.
    """
    by_key = {verdict.key: verdict for verdict in verdicts}
    rows = [_run_row(view, by_key.get(view.record.parity_key or "")) for view in views]
    runs = pd.DataFrame(
        rows, columns=None if rows else list(_run_row(run_views([_BLANK])[0], None))
    )
    sweeps = [(view.record.run_id.rpartition("/")[0], view.record.sweep_name) for view in views]
    sweep = pd.Series(sweeps, runs.index, dtype=object)
    _fill_from_siblings(runs, sweep)
    _share_imports(runs, sweep)
    runs.insert(2, "condition", _condition_numbers(runs))
    for name in runs.columns.difference([*GROUPS, "run_id", "machine", "node"]):
        if runs[name].isna().all():  # so that other columns without values are numeric
            runs[name] = runs[name].astype(float)
    return runs


_BLANK = RunRecord(
    schema_version=1, run_id="", sweep_name="", status="skipped", error=None, started_at="",
    finished_at="", config={}, config_hash="", environment={}, seconds=Seconds(),
    parameter_count=0, flops_per_example=0,
)  # fmt: skip


def _run_row(view: RunView, verdict: Verdict | None) -> dict[str, Any]:
    record = view.record
    last = record.epochs[-1] if record.epochs else None
    speeds = epoch_speeds(record)
    row: dict[str, Any] = {"run_id": record.run_id, "status": record.status}
    row |= {group: getattr(view, group) for group in GROUPS}
    row |= {key: setting(record, key) for key in SETTINGS}
    row |= {key: value for key, value in LATER_KEYS.items() if key not in record.config}
    row |= {
        "learning_rate": _number(setting(record, "learning_rate")),
        "train_loss": last.train_loss if last else None,
        "validation_loss": last.validation_loss if last else None,
        "validation_accuracy": last_validation_accuracy(record),
        "score": score(record),
        "test_loss": record.test_loss,
        "test_accuracy": record.test_accuracy,
        "test_size": sum(map(sum, record.confusion_matrix)) if record.confusion_matrix else None,
        "examples_per_second": record.examples_per_second,
        "examples_per_second_min": min(speeds, default=None),
        "examples_per_second_max": max(speeds, default=None),
        "epoch_spread": float(np.std(np.log(speeds), ddof=1)) if len(speeds) > 1 else None,
        "flops_utilisation": record.flops_utilisation,
        "peak_memory_bytes": record.peak_memory_bytes,
        "parameter_count": record.parameter_count,
        "noisy": record.environment.get("noisy") is True,
        "shared_machine": setting(record, "share_machine") is True,
        "quiet": dataframes.quiet(record),
        "parity": dataframes.parity(verdict),
        "machine": view.machine,
        "node": record.node,
        "cores": _count(record.environment.get("cores")),
        "cores_kept_busy": _number(record.environment.get("cores_kept_busy")),
    }
    parts = (*SECONDS_PARTS, "total")
    row |= {f"{part}_seconds": getattr(record.seconds, part) for part in parts}
    row |= {
        "error_type": record.error.type if record.error else None,
        "error_message": record.error.message if record.error else None,
        "started_at": record.started_at,
        "config_hash": record.config_hash,
        "dataset_fingerprint": record.dataset_fingerprint,
    }
    return row


def _fill_from_siblings(runs: pd.DataFrame, sweep: pd.Series) -> None:
    """Fill in a missing machine or fingerprint of the data if the rest of the sweep agrees."""
    for column, keys in (
        ("machine", [sweep]),
        ("cores", [sweep, runs["threads"]]),
        ("dataset_fingerprint", [sweep, runs["dataset"]]),
    ):
        known = runs.groupby(keys, dropna=False)[column]
        sole = known.transform("first").where(known.transform("nunique") == 1)
        runs[column] = runs[column].where(runs[column].notna(), sole)


def _share_imports(runs: pd.DataFrame, sweep: pd.Series) -> None:
    """Spread the seconds of starting up over all runs of an implementation.

    The first run of an implementation in a sweep waits for its import, which all later runs use.
    """
    started = runs["start_up_seconds"] > 0
    groups = runs[started].groupby([sweep, "implementation", "cores"], dropna=False)
    mean = groups["start_up_seconds"].transform("mean")
    runs.loc[started, "total_seconds"] += mean - runs["start_up_seconds"]
    runs.loc[started, "start_up_seconds"] = mean


def _condition_numbers(runs: pd.DataFrame) -> pd.Series:
    """Number the conditions, sorted by their settings: numbers by value, words by appearance."""
    found = runs.groupby(list(dataframes.CONDITIONS), dropna=False, sort=False).ngroup()
    settings = runs.groupby(found)[list(dataframes.CONDITIONS)].nth(0)
    seen = {name: list(dict.fromkeys(map(str, settings[name]))) for name in dataframes.CONDITIONS}

    def key(row: Any) -> list[tuple[bool, Any]]:
        return [
            (False, value) if isinstance(value, Real) and value == value
            else (True, seen[name].index(str(value)))
            for name, value in zip(dataframes.CONDITIONS, row, strict=True)
        ]  # fmt: skip

    order = sorted(range(len(settings)), key=lambda place: key(settings.iloc[place]))
    return found.map({old: new for new, old in enumerate(order)})


def _count(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and abs(value) <= sys.float_info.max:
        return float(value)
    return None


def epoch_speeds(record: RunRecord) -> list[float]:
    """Return examples per second of each epoch after the first record, which is before training."""
    if record.examples_per_epoch is None:
        return []
    seconds = [epoch.train_seconds for epoch in record.epochs if epoch.train_seconds > 0]
    return [record.examples_per_epoch / value for value in seconds]


CURVE_COLUMNS = (
    "run_id", "status", "implementation", "architecture", "learning_rate", "seed", "epoch",
    "train_loss", "training_set_loss", "validation_loss", "validation_accuracy", "train_seconds",
    "evaluate_seconds", "train_seconds_so_far",
)  # fmt: skip


def curves_frame(views: Sequence[RunView]) -> pd.DataFrame:
    """Return one row per epoch: losses, accuracy, and the seconds trained so far.

    Args:
        views: the runs, with their labels.

    Returns:
        The columns that docs/csv_columns.md explains, also if there is no epoch.
    """
    rows = []
    for view in views:
        record, seconds = view.record, 0.0
        run = (
            *(record.run_id, record.status, view.implementation, view.architecture),
            *(setting(record, "learning_rate"), setting(record, "seed")),
        )
        for epoch in record.epochs:
            seconds += epoch.train_seconds
            rows.append(
                (
                    *(*run, epoch.epoch, epoch.train_loss, epoch.training_set_loss),
                    *(epoch.validation_loss, epoch.validation_accuracy),
                    *(epoch.train_seconds, epoch.evaluate_seconds, seconds),
                )
            )
    measured = CURVE_COLUMNS[CURVE_COLUMNS.index("train_loss") :]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS)).astype(dict.fromkeys(measured, float))
