"""The comparison: one row per condition and implementation, with a definition of every column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.console import counted
from bench.report.contents.blocks import Cell, Column, Level, Row, Table
from bench.report.contents.tables import CEILING, LEVELS, keys_of, quiet, reason_of
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.statistics import standard_error_of_accuracy
from bench.terminal import format_number

FASTEST = "fastest"
TO_TARGET, MEMORY, PARITY = "s to target", "memory MB", "parity"
COMPARISON = (
    Column("implementation", is_number=False),
    Column("rank", definition="by speed, of implementations with proven parity; a range if the "
           "measurements do not separate neighbours"),
    Column("examples/s", definition="training speed: median over the epochs of a run, then "
           "geometric mean over all finished runs, at every learning rate and seed"),
    Column("compared", is_number=False, definition="ratio to the speed of the fastest "
           "implementation with a rank: geometric mean over pairs of runs with the same learning "
           "rate and seed"),
    Column("test accuracy", definition="at the best learning rate: mean over seeds with its 95 % "
           "interval; for one seed, 1.96 standard errors from the size of the test set"),
    Column("learning rate", definition="the best: highest validation accuracy after the last "
           "epoch; without a validation set, lowest training loss; rates at which a seed has no "
           "result come last"),
    Column(TO_TARGET, definition="seconds of training until validation accuracy first reaches the "
           "target; median over the runs at the best learning rate; by default, the target is the "
           "highest hundredth that all implementations have reached under this condition; "
           "an outlier is a run that is much slower than similar runs"),
    Column("cores busy", definition="processor time over wall-clock time of training, mean over "
           "runs"),
    Column(MEMORY, definition="largest resident memory of any run"),
    Column(PARITY, is_number=False, definition="whether the parity checks prove that it computes "
           "the equations of the recipe"),
    Column("validation accuracy", is_extra=True),
    Column("seeds", is_extra=True),
    Column("slowest epoch", is_extra=True, definition="examples per second"),
    Column("fastest epoch", is_extra=True, definition="examples per second"),
    Column("ceiling", is_extra=True, definition=CEILING),
    Column("target with warm-up", is_extra=True, definition="seconds to the target, with warm-up"),
    Column("warm-up s", is_extra=True),
    Column("train s", is_extra=True),
    Column("total s", is_extra=True),
    Column("other work", is_number=False, is_extra=True, definition="whether other work was "
           "seen during a run"),
)  # fmt: skip


def comparison(analysis: Analysis) -> Table:
    """Return the comparison: one row per case, in groups by condition, sorted by rank."""
    compared = analysis.comparison
    reasons = {view.record.run_id: reason_of(view.record) for view in analysis.views}
    targets = compared["target"].dropna().unique()
    groups, outliers = [], set(analysis.outliers["run_id"])
    fastest = compared["examples_per_second"].max()  # one scale for the bars of all groups
    for label, group in dataframes.conditions(compared):
        rows = [
            Row(_comparison_row(row, fastest, outliers), keys_of(row))
            if row.status == "done"
            else _unfinished_row(row, reasons)
            for row in dataframes.rows(group)
        ]
        goal = group["target"].dropna().unique() if len(targets) > 1 else ()
        groups.append((label + "".join(f" (target {value:.2f})" for value in goal), rows))
    is_proven = bool((analysis.finished["parity"] == dataframes.PASSED).all())
    changes: dict[str, dict[str, Any]] = {
        PARITY: {"is_extra": is_proven},  # if it is always the same
        MEMORY: {"is_extra": not is_proven},
    }
    if len(targets) == 1:
        changes[TO_TARGET] = {"heading": f"s to validation accuracy {targets[0]:.2f}"}
    columns = [replace(column, **changes.get(column.heading, {})) for column in COMPARISON]
    numbers = {key: analysis.runs[key].nunique() for key in ("learning_rate", "seed")}
    several = [counted(n, key.replace("_", " ")) for key, n in numbers.items() if n > 1]
    over = " and ".join(several) or "all runs"
    caption = f"Comparison: speed: geometric mean over {over}; accuracy: each at its best rate"
    return Table(caption, columns, groups)


def _comparison_row(row: Any, fastest: float, outliers: Set[str]) -> list[Cell | str]:
    speed = row.examples_per_second
    share = speed / fastest if pd.notna(speed) and fastest else None
    words = slower_in_words(row.times_slower, row.last_rank)
    level: Level = "good" if words == FASTEST else ""
    return [
        row.implementation,
        rank_in_words(row),
        Cell(format_number(speed, ",.0f"), share=share),
        Cell(words, level=level, sort=_known(row.times_slower)),
        accuracy(row),
        dataframes.plain(row.learning_rate),
        _seconds_to_target(row, "seconds_to_target")
        + (" (outlier)" if outliers & {*row.run_ids} else ""),
        format_number(row.cores_kept_busy, ".1f"),
        format_number(row.peak_memory_bytes / 1e6, ",.0f"),
        Cell(row.parity, level=LEVELS[row.parity]),
        format_number(row.validation_accuracy, ".4f"),
        seeds(row),
        format_number(row.examples_per_second_min, ",.0f"),
        format_number(row.examples_per_second_max, ",.0f"),
        format_number(row.flops_utilisation, ".0%"),
        _seconds_to_target(row, "cold_seconds_to_target"),
        format_number(row.warm_up_seconds, ".2f"),
        format_number(row.train_seconds, ".1f"),
        format_number(row.total_seconds, ".1f"),
        quiet(row.quiet),
    ]  # fmt: skip


def _unfinished_row(row: Any, reasons: Mapping[str, str]) -> Row:
    """Return the row of an implementation without a finished run: its status and the reason."""
    reason = next((reasons[run_id] for run_id in row.run_ids if reasons[run_id]), "")
    return Row([row.implementation, "-", Cell(row.status, level="bad")], keys_of(row), note=reason)


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def seeds(row: Any) -> str:
    """Return the number of seeds with a result, and of all seeds if some have none."""
    return str(row.n_seeds) if row.n_seeds == row.n_tried else f"{row.n_seeds} of {row.n_tried}"


def _seconds_to_target(row: Any, column: str) -> str:
    """Return the seconds until a row's runs reached the target accuracy."""
    if pd.isna(row.target):
        return "-"
    seconds = getattr(row, column)
    number = "not reached" if pd.isna(seconds) else f"{seconds:.1f}"
    return number + (
        "" if row.n_reached in (0, row.n_runs) else f" ({row.n_reached} of {row.n_runs})"
    )


def accuracy(row: Any) -> str:
    """Return a mean test accuracy with half the width of its 95 % interval."""
    if pd.isna(row.test_accuracy):
        return "-"
    half_width = row.test_accuracy_half_width
    if not (row.n_tested > 1 and half_width > 0):
        error = standard_error(row)
        return f"{row.test_accuracy:.4f}" + (f" \u00b1{1.96 * float(error):.4f}" if error else "")
    some = "" if row.n_tested == row.n_seeds else f" (n = {row.n_tested})"
    return f"{row.test_accuracy:.4f} \u00b1{half_width:.4f}{some}"


def standard_error(row: Any) -> str:
    """Return the standard error of an accuracy from the size of its test set, if that is known."""
    if pd.isna(row.test_size):
        return ""
    return f"{standard_error_of_accuracy(row.test_accuracy, row.test_size):.4f}"


def slower_in_words(value: float, last_rank: float) -> str:
    """Return how many times slower than the fastest, such as `11.3x slower`.

    Args:
        value: the speed of the fastest over that of this row.
        last_rank: of this row; if it is not 1, others may be as fast.
    """
    if math.isnan(value):
        return "-"
    if value == 1:
        return FASTEST if last_rank == 1 else "highest\u00a0speed"
    ratio = max(value, 1 / value)
    digits = 2 if ratio < 9.95 else 1 if ratio < 99.5 else 0
    return f"{ratio:,.{digits}f}x\u00a0{'slower' if value >= 1 else 'faster'}"


def rank_in_words(row: Any) -> str:
    """Return a rank such as `1`, a shared one such as `2–4`, or a dash.

    Args:
        row: a row of the comparison.
    """
    if pd.isna(row.rank):
        return "-"
    first, last = (f"{rank:.0f}" for rank in (row.rank, row.last_rank))
    return first if first == last else f"{first}\N{EN DASH}{last}"
