"""Records as tables: a row a run, a row an epoch; and what may be compared with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bench.config.identity import CONDITION_KEYS, GROUPS, REPEAT_COMMAND_KEYS
from bench.records import RunRecord, Seconds, Verdict, last_validation_accuracy, setting
from bench.report import distinct

# Runs are compared only where all of these are the same. With implementation, learning rate and
# seed they are all that decides what a run does.
CONDITIONS = (*CONDITION_KEYS, "cores", "machine")
NAMED = GROUPS
PLAIN = tuple(key for key in REPEAT_COMMAND_KEYS if key != "learning_rate")
PARTS = ("start_up", "data", "setup", "warm_up", "train", "evaluate", "ceiling", "other")

# What is known of the parity of a run's code, on the versions that it ran on.
PASSED, FAILED, NOT_JUDGED = "passed", "failed", "not judged"

# What is known of the machine while a run was timed, the worst first.
NOISY, SHARED, NOT_KNOWN, QUIET = "noisy", "shared", "not known", "quiet"


def runs_table(records: Sequence[RunRecord], verdicts: Sequence[Verdict] = ()) -> pd.DataFrame:
    """Return a row a run, with everything of a record that is one number or one word.

    The columns are explained in docs/records.md.
    """
    judged = {verdict.key: verdict for verdict in verdicts}
    rows = [
        _run_row(record, machine, judged.get(record.parity_key or ""))
        for record, machine in zip(records, distinct.machines(records), strict=True)
    ]
    table = pd.DataFrame(rows, columns=None if rows else list(_run_row(_BLANK, None, None)))
    _fill_from_siblings(table, records)
    for name in table.columns.difference([*NAMED]):
        if table[name].isna().all():  # a column of blanks would not be one of numbers
            table[name] = table[name].astype(float)
    return table


_BLANK = RunRecord(
    schema_version=1, run_id="", sweep_name="", status="skipped", error=None, started_at="",
    finished_at="", config={}, config_hash="", environment={}, seconds=Seconds(),
    parameter_count=0, flops_per_example=0,
)  # fmt: skip


def _fill_from_siblings(table: pd.DataFrame, records: Sequence[RunRecord]) -> None:
    """Give runs that left no word of their machine the one that all others of their sweep had."""
    sweeps = [(record.run_id.rpartition("/")[0], record.sweep_name) for record in records]
    sweep = pd.Series(sweeps, table.index, dtype=object)
    for column, alike in (("machine", [sweep]), ("cores", [sweep, table["threads"]])):
        known = table.groupby(alike, dropna=False)[column]
        sole = known.transform("first").where(known.transform("nunique") == 1)
        table[column] = table[column].where(table[column].notna(), sole)


def parity(verdict: Verdict | None) -> str:
    """Return one word for a verdict."""
    if verdict is None or verdict.error is not None:
        return NOT_JUDGED
    return PASSED if verdict.passed else FAILED


def _run_row(record: RunRecord, machine: str | None, verdict: Verdict | None) -> dict[str, Any]:
    last = record.epochs[-1] if record.epochs else None
    speeds = epoch_speeds(record)
    row: dict[str, Any] = {"run_id": record.run_id, "status": record.status}
    row |= {key: setting(record, key, "name") for key in NAMED}
    row |= {"learning_rate": _number(setting(record, "learning_rate"))}
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
        "quiet": quiet(record),
        "parity": parity(verdict),
        "machine": machine,
        "cores": _count(record.environment.get("cores")),
        "cores_kept_busy": _number(record.environment.get("cores_kept_busy")),
    }
    row |= {f"{part}_seconds": value for part, value in asdict(record.seconds).items()}
    row |= {
        "error_type": record.error.type if record.error else None,
        "error_message": record.error.message if record.error else None,
        "started_at": record.started_at,
        "config_hash": record.config_hash,
    }
    return row


def quiet(record: RunRecord) -> str:
    """Return one word for how quiet the machine was while a run was timed."""
    noisy = record.environment.get("noisy")
    if noisy is True:
        return NOISY
    if setting(record, "share_machine") is True:
        return SHARED
    return QUIET if noisy is False else NOT_KNOWN


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
    """Return a row an epoch: losses, accuracy, and the seconds trained so far.

    The columns are explained in docs/records.md.
    """
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


def best_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep, of the finished runs, those at each implementation's best learning rate.

    Chosen per condition: the fewest seeds without a result, since a rate that mostly diverges is
    not the best for the one seed that survived it; then the highest mean validation accuracy after
    the last epoch, or, where nothing was set aside for validation, the lowest training loss. Adds
    `n_tried`, the seeds that were tried at that rate.
    """
    cell = runs.groupby(["implementation", *CONDITIONS], dropna=False, sort=False).ngroup()
    rate = runs.groupby([cell, "learning_rate"], dropna=False).ngroup()
    seed = seeds(runs)
    n_tried = seed.groupby(rate).nunique()
    done = runs["status"] == "done"
    scored = ["validation_accuracy", "train_loss"]
    by_seed = runs.loc[done, scored].groupby([rate[done].rename("rate"), seed[done]]).mean()
    by_rate = by_seed.groupby("rate").mean().assign(
        cell=cell.groupby(rate).first(), lacking=n_tried - by_seed.groupby("rate").size()
    )  # fmt: skip
    validated = by_rate.groupby("cell")["validation_accuracy"].transform("count") > 0
    by_rate["score"] = by_rate["validation_accuracy"].where(validated, -by_rate["train_loss"])
    ordered = by_rate.sort_values(["lacking", "score"], ascending=[True, False], kind="stable")
    best = ordered.groupby("cell").head(1).index
    return runs.assign(n_tried=rate.map(n_tried))[done & rate.isin(best)]


def seeds(runs: pd.DataFrame) -> pd.Series:
    """Return the seeds as words, so that runs that do not tell theirs have one too."""
    return runs["seed"].map(str).rename("seed")


def is_proven(verdicts: pd.Series) -> bool:
    """Say whether the parity of all these runs is proven."""
    return bool((verdicts == PASSED).all())


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Yield a table's rows as named tuples, whose values have the types their columns have."""
    yield from table.itertuples()


def pareto_front(runs: pd.DataFrame) -> pd.Series:
    """Mark the runs that no other beats: as fast and as accurate, and better at one of the two."""
    seconds, accuracy = runs["train_seconds"], runs["validation_accuracy"]
    known = seconds.notna() & accuracy.notna()
    return pd.Series(
        [
            is_known
            and not (
                (seconds <= mine)
                & (accuracy >= reached)
                & ((seconds < mine) | (accuracy > reached))
            ).any()
            for is_known, mine, reached in zip(known, seconds, accuracy, strict=True)
        ],
        index=runs.index,
        dtype=bool,
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
    words += [
        f"{name.replace('_', ' ')} {plain(row[name])}" for name in named if name != "architecture"
    ]
    return ", ".join(words)


def plain(value: Any) -> str:
    """Write a setting as it would be typed; a dash where it is not known."""
    if isinstance(value, bool):
        return str(value).lower()
    if pd.isna(value):
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
