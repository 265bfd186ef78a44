"""Records as pandas DataFrames, grouped by condition; and the best learning rates.

Every table, chart and sentence of a report is computed from these frames.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from numbers import Real
from typing import Any, Final

import numpy as np
import pandas as pd

from bench.config.identity import CONDITION_KEYS, GROUPS, LATER_KEYS, REPEAT_KEYS
from bench.console import as_typed
from bench.records import (
    SECONDS_PARTS,
    RunRecord,
    Seconds,
    Verdict,
    last_validation_accuracy,
    score,
    setting,
)
from bench.report.frames.display_names import RunView, run_views

# Runs are compared only where all of these are the same.
CONDITIONS = (*CONDITION_KEYS, "dataset_fingerprint", "cores", "machine")
# A case is one implementation under one condition; its runs differ in learning rate and seed.
CASE = (*CONDITIONS, "implementation")
# Columns of seconds, and the names of these parts of a run in words.
PARTS = {f"{part}_seconds": part.replace("_", " ") for part in SECONDS_PARTS}
SETTINGS = tuple(key for key in (*REPEAT_KEYS, *CONDITION_KEYS) if key not in GROUPS)

# Whether the code and versions of a run compute the recipe's equations; the worst first.
FAILED: Final = "failed"
NOT_CHECKED: Final = "not checked"
PASSED: Final = "passed"
PARITY_WORDS = (FAILED, NOT_CHECKED, PASSED)

# How quiet the machine was while a run was timed; the worst first.
NOISY: Final = "noisy"
SHARED: Final = "shared"
NOT_KNOWN: Final = "not known"
QUIET: Final = "quiet"
QUIET_WORDS = (NOISY, SHARED, NOT_KNOWN, QUIET)


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
    for name in runs.columns.difference([*GROUPS, "run_id"]):
        if runs[name].isna().all():  # so that a column without values is numeric
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
        "quiet": quiet(record),
        "parity": parity(verdict),
        "machine": view.machine,
        "node": record.node,
        "cores": _count(record.environment.get("cores")),
        "cores_kept_busy": _number(record.environment.get("cores_kept_busy")),
    }
    row |= {f"{part}_seconds": value for part, value in asdict(record.seconds).items()}
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
    found = runs.groupby(list(CONDITIONS), dropna=False, sort=False).ngroup()
    settings = runs.groupby(found)[list(CONDITIONS)].nth(0)
    seen = {name: list(dict.fromkeys(map(str, settings[name]))) for name in CONDITIONS}

    def key(row: Any) -> list[tuple[bool, Any]]:
        return [
            (False, value) if isinstance(value, Real) and value == value
            else (True, seen[name].index(str(value)))
            for name, value in zip(CONDITIONS, row, strict=True)
        ]  # fmt: skip

    order = sorted(range(len(settings)), key=lambda place: key(settings.iloc[place]))
    return found.map({old: new for new, old in enumerate(order)})


def parity(verdict: Verdict | None) -> str:
    """Return the verdict in one or two words."""
    if verdict is None or verdict.error is not None:
        return NOT_CHECKED
    return PASSED if verdict.passed else FAILED


def quiet(record: RunRecord) -> str:
    """Return how quiet the machine was while a run was timed, in one or two words."""
    noisy = record.environment.get("noisy")
    if noisy is True:
        return NOISY
    if setting(record, "share_machine") is True:
        return SHARED
    return QUIET if noisy is False else NOT_KNOWN


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


def rate_accuracy(runs: pd.DataFrame) -> str:
    """Return which accuracy is compared over learning rates: of the validation set if there is one.

    Args:
        runs: as `runs_frame` returns it.
    """
    validated = runs["validation_accuracy"].notna().any()
    return "validation_accuracy" if validated else "test_accuracy"


def by_rate(runs: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the accuracy by learning rate.

    Args:
        runs: as `runs_frame` returns it.
        keys: columns that are equal in the runs of a row, the learning rate among them.

    Returns:
        One row per condition and values of `keys`: number of `runs`, mean `accuracy` over seeds,
        and how the runs `ended`.
    """
    groups = runs.groupby(["condition", *keys], dropna=False)
    rates = groups.agg(
        runs=("run_id", "size"),
        accuracy=(rate_accuracy(runs), "mean"),
        ended=("status", statuses),
    )
    return rates.reset_index().astype({"accuracy": float})


def best_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the finished runs at each case's best learning rate.

    A rate at which every seed has a result wins over one at which some have none; among equals, the
    highest mean `score` over seeds wins, and then the lowest rate.

    Args:
        runs: as `runs_frame` returns it.

    Returns:
        These rows, with the number of seeds tried at the rate as `n_tried`.
    """
    case = runs.groupby(list(CASE), dropna=False, sort=False).ngroup()
    rate = runs.groupby([case, runs["learning_rate"]], dropna=False).ngroup()
    seed, done = seeds(runs), runs["status"] == "done"
    n_tried = seed.groupby(rate).nunique()
    by_seed = runs.loc[done, "score"].groupby([rate[done].rename("rate"), seed[done]]).mean()
    by_rate = by_seed.groupby("rate")
    rates = pd.DataFrame(
        {
            "score": by_rate.mean(),
            "case": case.groupby(rate).first(),
            "n_missing": n_tried - by_rate.size(),
        }
    ).dropna(subset="n_missing")
    ordered = rates.sort_values(["n_missing", "score"], ascending=[True, False], kind="stable")
    best = ordered.groupby("case").head(1).index
    return runs.assign(n_tried=rate.map(n_tried))[done & rate.isin(best)]


def seeds(runs: pd.DataFrame) -> pd.Series:
    """Return the seeds as text, so that runs without a recorded seed have one as well."""
    return runs["seed"].map(str).rename("seed")


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield a frame's rows as named tuples, whose values have the types of their columns."""
    yield from frame.itertuples()


def varying(frame: pd.DataFrame, columns: Sequence[str] = CONDITIONS) -> list[str]:
    """Return the columns that have more than one value, and always the architecture."""
    return [
        name
        for name in columns
        if name in frame and (name == "architecture" or frame[name].nunique(dropna=False) > 1)
    ]


def condition_label(row: pd.Series, named: Sequence[str]) -> str:
    """Return the label of a condition, such as `one_hidden, batch size 32`.

    Args:
        row: a row of the condition.
        named: the columns in the label; the architecture is always part of it.
    """
    words = [str(row["architecture"])]
    words += [
        f"{name.replace('_', ' ')} {plain(row[name])}" for name in named if name != "architecture"
    ]
    return ", ".join(words)


def plain(value: Any) -> str:
    """Return a setting of a frame as it is typed on the command line, or a dash if missing."""
    if pd.isna(value):
        return "-"
    return f"{value:g}" if isinstance(value, float) else as_typed(value)


def statuses(column: pd.Series) -> str:
    """Return how runs ended, each status once: `failed, timeout`."""
    return ", ".join(dict.fromkeys(column)).replace("_", " ")


def conditions(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the label and the rows of each condition, sorted by their settings.

    Args:
        runs: rows with the columns of `CONDITIONS` and `condition`.
    """
    named = varying(runs)
    return [
        (condition_label(group.iloc[0], named), group) for _, group in runs.groupby("condition")
    ]
