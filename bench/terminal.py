"""Tables for the terminal, at most 100 columns wide: what `bench` and other commands print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.console import as_typed, first_line, printable
from bench.nested import lookup, setting
from bench.records import RunRecord, Verdict
from bench.scores import best_ranked_runs, last_validation_accuracy

MAX_WIDTH = 100
SYNTHETIC = "synthetic data"
RUN_KEYS = {  # settings in every line about a run, and their headings in tables
    "implementation.name": "implemen-\ntation",
    "architecture.name": "archi-\ntecture",
    "learning_rate": "rate",
    "seed": "seed",
}


def console() -> Console:
    """Return the terminal, at most 100 columns wide; without a terminal, 100 columns of text."""
    terminal = Console(highlight=False)
    terminal.width = min(terminal.width, MAX_WIDTH) if terminal.is_terminal else MAX_WIDTH
    return terminal


def plain_cell(value: object) -> Text:
    """Format a value from a record without markup and control characters."""
    return Text(printable(f"{value:g}" if isinstance(value, float) else value))


def new_table(title: str, caption: str, words: Iterable[str], numbers: Iterable[str]) -> Table:
    """Return an empty table.

    Args:
        title: the line above it.
        caption: the line below it.
        words: headings of the first columns, which contain text.
        numbers: headings of the other columns, which contain numbers.
    """
    table = Table(
        title=title, caption=caption, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def record_datasets(records: Iterable[RunRecord]) -> set[str]:
    """Return the names of the datasets that runs were trained on."""
    names = {setting(record, "dataset", "name") for record in records}
    return {str(name) for name in names if name is not None}


def dataset_stamp(names: Iterable[str]) -> str:
    """Return the suffix of titles that warns of datasets other than Fashion-MNIST, or ""."""
    others = {*names} - {"fashion_mnist"}
    if "synthetic" in others:
        return f" ({SYNTHETIC})"
    return f" ({printable(', '.join(sorted(others)))}, not Fashion-MNIST)" if others else ""


def describe_verdict(verdict: Verdict) -> str:
    """Describe the result of the parity ladder in half a line."""
    if verdict.error is not None:
        return f"was not checked: {first_line(verdict.error.message)}"
    failed = [rung for rung in verdict.rungs if not rung.passed]
    if not failed and verdict.missing_rungs:
        numbers = ", ".join(map(str, verdict.missing_rungs))
        return f"was not checked completely: rung {numbers} is missing"
    if not failed:
        return "computes what the recipe says"
    rungs = ", ".join(f"{rung.number} ({format_distance(rung.distance)})" for rung in failed)
    return f"does NOT compute what the recipe says: fails rung {rungs}"


def format_distance(distance: float | None) -> str:
    """Format a distance on the parity ladder; None means not finite."""
    return "not finite" if distance is None else f"{distance:.1e}"


def format_setting(config: Mapping[str, Any], key: str) -> str:
    """Format one setting of a configuration as it is typed on the command line.

    Args:
        config: from a record; it may have any structure, because it comes from a file.
        key: such as `recipe.momentum`.
    """
    value = lookup(config, *key.split("."))
    return "-" if value is None else as_typed(value)


def print_runs(
    records: Sequence[RunRecord],
    verdicts: Sequence[Verdict] = (),
    varying: Sequence[str] = (),
) -> None:
    """Print a table with one row per run; `*` marks the most accurate run that passed parity.

    Args:
        records: the runs.
        verdicts: results of the parity ladder.
        varying: settings that differ between runs, such as `batch_size`; each gets a column.
    """
    others = [key for key in varying if key not in RUN_KEYS]
    # To make room for other columns, leave out the settings that are the same in all rows.
    always = [key for key in RUN_KEYS if not others or key in ("implementation.name", *varying)]
    headings = {key: key.replace(".", " ").replace("_", " ") for key in others} | RUN_KEYS
    columns = [*always, *others]
    table = new_table(
        f"Runs{dataset_stamp(record_datasets(records))}",
        "* best validation accuracy after the last epoch",
        words=(*(headings[key] for key in columns), "status"),
        numbers=(
            "validation\naccuracy ",
            "test\naccuracy",
            "examples\n/s",
            "train\n(s)",
            "total\n(s)",
        ),
    )
    best_ids = best_ranked_runs(records, verdicts)
    for record in records:
        accuracy = last_validation_accuracy(record)
        table.add_row(
            *(plain_cell(format_setting(record.config, key)) for key in columns),
            record.status,
            format_number(accuracy, ".4f") + ("*" if record.run_id in best_ids else " "),
            format_number(record.test_accuracy, ".4f"),
            format_number(record.examples_per_second, ",.0f"),
            format_number(record.seconds.train, ".1f"),
            format_number(record.seconds.total, ".1f"),
        )
    out = console()
    out.print(table)
    for record in records:
        if record.error is not None:
            reason = first_line(record.error.message)
            out.print(plain_cell(f"{record.run_id}: {record.status}: {reason}"))
    for verdict in verdicts:
        if not verdict.passed:
            out.print(
                plain_cell(f"{verdict.implementation} has no rank: it {describe_verdict(verdict)}")
            )


def format_number(value: float | None, form: str) -> str:
    """Format a number; None and NaN become a dash."""
    return "-" if value is None or math.isnan(value) else format(value, form)
