"""The comparison in the terminal, and the findings as its last lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from bench import markdown, terminal
from bench.config.identity import varying_keys
from bench.console import counted, first_line, shorten
from bench.report.contents.comparison_table import rank_in_words, seeds, standard_error
from bench.report.findings.finding import Finding
from bench.report.findings.findings import sentences
from bench.report.findings.speed import times
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.terminal import format_number

CAPTION = (
    "* best under its condition; n: number of seeds; ± 95 % interval over seeds; se: standard "
    "error of one seed, from the size of the test set alone; examples/s: median over epochs, "
    "geometric mean over runs"
)
NOT_QUIET = "~ the machine was noisy, shared, or not known to be quiet"
MAX_STATUS_CHARACTERS = 16  # in the column of the test accuracy
NUMBERS = (
    "rank", "rate", "n", "validation\naccuracy ", "test\naccuracy", "examples/s  ", "times\nslower",
    "ceil-\ning", "train\n(s)",
)  # fmt: skip


def print_findings(found: Sequence[Finding]) -> None:
    """Print what needs attention, then the answers on accuracy and speed."""
    answers = [
        [one for one in found if one.question == question]
        for question in ("accuracy", "cores", "speed")
    ]
    doubts = [
        one
        for one in found
        if one.question not in ("accuracy", "cores", "speed") and one.level in ("attention", "bad")
    ]
    out = terminal.console()
    for line in (line for group in (doubts, *answers) for line in sentences(group)):
        out.print(terminal.plain_cell(markdown.plain(line)))


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
    is_quiet = (analysis.finished["quiet"] == dataframes.QUIET).all()
    out.print(Text(f"Speed at all learning rates, accuracy at the best{analysis.stamp}\n"))
    for number, group in comparison.groupby("condition", sort=True):
        out.print(terminal.plain_cell(analysis.conditions[int(str(number))]))
        out.print(_table(group))
    out.print(Text(CAPTION if is_quiet else f"{CAPTION}; {NOT_QUIET}"))
    errors = {record.run_id: record.error for record in sweep.records}
    for name, parity in analysis.finished.groupby("implementation")["parity"].min().items():
        if parity != dataframes.PASSED:
            out.print(terminal.plain_cell(f"{name} has no rank: parity {parity}"))
    for row in dataframes.rows(comparison[comparison["status"] != "done"]):
        reason = next((error.message for run_id in row.run_ids if (error := errors[run_id])), "")
        label = f"{row.implementation} has no finished run ({row.architecture}): {row.status}"
        out.print(terminal.plain_cell(f"{label}: {first_line(reason)}" if reason else label))


def _table(rows: pd.DataFrame) -> Table:
    """Return the table of one condition."""
    table = terminal.new_table("", "", words=["implementation"], numbers=NUMBERS)
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in dataframes.rows(rows):
        name = terminal.plain_cell(row.implementation)
        if row.status != "done":
            status = shorten(row.status, MAX_STATUS_CHARACTERS)
            table.add_row(name, "-", "-", seeds(row), "-", status)
            continue
        marks = ("*" if row.last_rank == 1 else " ") + (
            "~" if row.quiet != dataframes.QUIET else " "
        )
        table.add_row(
            name,
            rank_in_words(row),
            dataframes.plain(row.learning_rate),
            seeds(row),
            format_number(row.validation_accuracy, ".4f") + ("*" if row.is_best else " "),
            Text(_accuracy(row)),
            format_number(row.examples_per_second, ",.0f") + marks,
            times(row.times_slower) if row.times_slower > 0 else "-",
            format_number(row.flops_utilisation, ".0%"),
            format_number(row.train_seconds, ".1f"),
        )
    return table


def _accuracy(row: Any) -> str:
    """Return a test accuracy with its interval, or with the standard error of one seed."""
    accuracy = format_number(row.test_accuracy, ".4f")
    if row.n_tested > 1 and row.test_accuracy_half_width > 0:
        return f"{accuracy} ± {row.test_accuracy_half_width:.4f}"
    error = standard_error(row) if row.n_tested else ""
    return f"{accuracy} se {error}" if error else accuracy
