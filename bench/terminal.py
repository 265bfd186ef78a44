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
from bench.records import (
    RunRecord,
    Verdict,
    best_runs,
    has_learned,
    is_synthetic,
    last_validation_accuracy,
)

MAX_WIDTH = 100
SYNTHETIC = "synthetic data"
RUN_KEYS = {  # the settings that a line about a run shows at least, and their headings
    "implementation.name": "implemen-\ntation",
    "architecture.name": "archi-\ntecture",
    "learning_rate": "rate",
    "seed": "seed",
}


def console() -> Console:
    """Return the terminal, at most 100 columns wide; where there is none, 100 columns of text."""
    terminal = Console(highlight=False)
    terminal.width = min(terminal.width, MAX_WIDTH) if terminal.is_terminal else MAX_WIDTH
    return terminal


def cell(value: object) -> Text:
    """Return a value from a record for a table: without markup and control characters."""
    return Text(printable(f"{value:g}" if isinstance(value, float) else value))


def new_table(title: str, caption: str, words: Iterable[str], numbers: Iterable[str]) -> Table:
    """Return an empty table.

    Args:
        title: the line above it.
        caption: the line below it.
        words: headings of the first columns, which hold text.
        numbers: headings of the others, which hold numbers.
    """
    table = Table(
        title=title, caption=caption, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def in_words(verdict: Verdict) -> str:
    """Say in half a line what the parity ladder found about an implementation."""
    if verdict.error is not None:
        return f"was not checked: {first_line(verdict.error.message)}"
    failed = [rung for rung in verdict.rungs if not rung.passed]
    if not failed:
        return "computes what the recipe says"
    named = ", ".join(f"{rung.number} ({shown_distance(rung.distance)})" for rung in failed)
    return f"does NOT compute what the recipe says: fails rung {named}"


def shown_distance(distance: float | None) -> str:
    """Format a distance on the parity ladder; None is one that is not finite."""
    return "not finite" if distance is None else f"{distance:.1e}"


def shown_setting(config: Mapping[str, Any], key: str) -> str:
    """Format one setting of a configuration as it is typed on the command line.

    Args:
        config: as records hold it; it may be of any shape, as it comes from a file.
        key: such as `recipe.momentum`.
    """
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "-" if value is None else as_typed(value)


def print_runs(
    records: Sequence[RunRecord],
    verdicts: Sequence[Verdict] = (),
    varying: Sequence[str] = (),
) -> None:
    """Print a table with one row per run; of the runs with parity, the most accurate is marked.

    Args:
        records: the runs.
        verdicts: of the parity ladder.
        varying: the settings in which the runs differ, such as `batch_size`; each gets a column.
    """
    proven = {verdict.key for verdict in verdicts if verdict.passed}
    others = [key for key in varying if key not in RUN_KEYS]
    # There is room for more only where what is the same in all rows is left out.
    always = [key for key in RUN_KEYS if not others or key in ("implementation.name", *varying)]
    headings = {key: key.replace(".", " ").replace("_", " ") for key in others} | RUN_KEYS
    columns = [*always, *others]
    table = new_table(
        f"Runs ({SYNTHETIC})" if is_synthetic(records) else "Runs",
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
    best = best_runs(record for record in records if record.parity_key in proven)
    best_ids = {record.run_id for record in best}
    for record in records:
        accuracy = last_validation_accuracy(record)
        is_best = record.run_id in best_ids and has_learned([accuracy])
        table.add_row(
            *(cell(shown_setting(record.config, key)) for key in columns),
            record.status,
            format_number(accuracy, ".4f") + ("*" if is_best else " "),
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
            out.print(cell(f"{record.run_id}: {record.status}: {reason}"))
    for verdict in verdicts:
        if not verdict.passed:
            out.print(cell(f"{verdict.implementation} has no rank: it {in_words(verdict)}"))


def format_number(value: float | None, form: str) -> str:
    """Format a number; None and NaN become a dash."""
    return "-" if value is None or math.isnan(value) else format(value, form)
