"""The comparison in the terminal."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from bench import terminal
from bench.config.identity import varying_keys
from bench.console import first_line, shorten
from bench.report import dataframes
from bench.report.analysis import Analysis
from bench.report.sweep_summary import counted
from bench.report.tables import seeds, standard_error
from bench.terminal import format_number

CAPTION = (
    "* best under its condition; no rank: parity not proven; n: number of seeds; ± 95 % interval "
    "over seeds; se: standard error of one seed, from the size of the test set alone"
)
NOT_QUIET = "~ the machine was noisy, shared, or not known to be quiet"
MAX_STATUS_CHARACTERS = 16  # in the column of the test accuracy
HEADINGS = {"architecture": "archi-\ntecture", "implementation": "implemen-\ntation"}
NUMBERS = (
    "rate", "n", "validation\naccuracy ", "test\naccuracy", "examples/s  ", "ratio",
    "ceil-\ning", "train\n(s)",
)  # fmt: skip


def print_comparison(analysis: Analysis) -> None:
    """Print one row per case; the fastest and the most accurate of a condition are marked.

    Args:
        analysis: the analysis of the report; its runs are listed if none has a result.
    """
    sweep, comparison = analysis.sweep, analysis.comparison
    out = terminal.console()
    if sweep.missing:
        runs = counted(len(sweep.missing), "planned run")
        out.print(terminal.plain_cell(f"Not finished: {runs}, such as {sweep.missing[0]}"))
    for line in sweep.unreadable:
        out.print(terminal.plain_cell(f"Not read: {line}"))
    if comparison.empty:
        varying = varying_keys([record.config for record in sweep.records])
        terminal.print_runs(sweep.records, sweep.verdicts, varying)
        return
    columns = [*dataframes.varying(comparison), "implementation"]
    is_quiet = (analysis.finished["quiet"] == dataframes.QUIET).all()
    table = terminal.new_table(
        title=f"Each implementation at its best learning rate{analysis.stamp}",
        caption=CAPTION if is_quiet else f"{CAPTION}; {NOT_QUIET}",
        words=[HEADINGS.get(name, name.replace("_", " ")) for name in columns],
        numbers=NUMBERS,
    )
    for column in table.columns[len(columns) :]:
        column.no_wrap = True
    for row in dataframes.rows(comparison):
        labels = [terminal.plain_cell(dataframes.plain(getattr(row, name))) for name in columns]
        if row.status != "done":
            table.add_row(*labels, "-", seeds(row), "-", shorten(row.status, MAX_STATUS_CHARACTERS))
            continue
        marks = ("*" if row.rank == 1 else " ") + ("~" if row.quiet != dataframes.QUIET else " ")
        table.add_row(
            *labels,
            dataframes.plain(row.learning_rate),
            seeds(row),
            format_number(row.validation_accuracy, ".4f") + ("*" if row.is_best else " "),
            Text(_accuracy(row)),
            format_number(row.examples_per_second, ",.0f") + marks,
            format_number(row.ratio, ".2f") if row.parity == dataframes.PASSED else "no rank",
            format_number(row.flops_utilisation, ".0%"),
            format_number(row.train_seconds, ".1f"),
        )
    out.print(table)
    errors = {record.run_id: record.error for record in analysis.sweep.records}
    for row in dataframes.rows(comparison[comparison["status"] != "done"]):
        reason = next((error.message for run_id in row.run_ids if (error := errors[run_id])), "")
        label = f"{row.implementation} has no finished run ({row.architecture}): {row.status}"
        out.print(terminal.plain_cell(f"{label}: {first_line(reason)}" if reason else label))


def _accuracy(row: Any) -> str:
    """Return a test accuracy with its interval, or with the standard error of one seed."""
    accuracy = format_number(row.test_accuracy, ".4f")
    if row.n_tested > 1 and row.test_accuracy_half_width > 0:
        return f"{accuracy} ± {row.test_accuracy_half_width:.4f}"
    error = standard_error(row) if row.n_tested else ""
    return f"{accuracy} se {error}" if error else accuracy
