"""Tables for the terminal, at most 100 columns wide. Light: `bench` prints one after a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.console import printable, shorten
from bench.records import (
    RunRecord,
    Verdict,
    best_runs,
    has_learned,
    is_synthetic,
    last_validation_accuracy,
    setting,
)

WIDTH = 100
SYNTHETIC = "synthetic data"


def console() -> Console:
    """Return the terminal, or a plain one of the same width where there is none."""
    terminal = Console(highlight=False)
    terminal.width = min(terminal.width, WIDTH) if terminal.is_terminal else WIDTH
    return terminal


def cell(value: object) -> Text:
    """Return a value from a record for a cell of a table: never markup, and steering nothing."""
    return Text(printable(f"{value:g}" if isinstance(value, float) else value))


def new_table(title: str, caption: str, words: Iterable[str], numbers: Iterable[str]) -> Table:
    """Return an empty table with columns of words, then columns of numbers."""
    table = Table(
        title=title, caption=caption, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def in_words(verdict: Verdict) -> str:
    """Say how an implementation did on the parity ladder, in half a line."""
    if verdict.error is not None:
        return f"was not judged: {first_line(verdict.error.message)}"
    failed = [rung for rung in verdict.rungs if not rung.passed]
    if not failed:
        return "computes what the recipe says"
    named = ", ".join(f"{rung.number} ({shown_distance(rung.distance)})" for rung in failed)
    return f"does NOT compute what the recipe says: fails rung {named}"


def shown_distance(distance: float | None) -> str:
    """Format a distance of the parity ladder."""
    return "not finite" if distance is None else f"{distance:.1e}"


def print_runs(records: Sequence[RunRecord], verdicts: Sequence[Verdict] = ()) -> None:
    """Print a line a run; of those that are done and proven, the most accurate is marked."""
    proven = {verdict.key for verdict in verdicts if verdict.passed}
    title = f"Runs ({SYNTHETIC})" if is_synthetic(records) else "Runs"
    caption = "* best validation accuracy after the last epoch"
    table = new_table(
        title,
        caption,
        words=("implementation", "architecture", "rate", "seed", "status"),
        numbers=(
            "validation\naccuracy ",
            "test\naccuracy",
            "examples/s",
            "train\n(s)",
            "total\n(s)",
        ),
    )
    best = best_runs(record for record in records if record.parity_key in proven)
    for record in records:
        accuracy = last_validation_accuracy(record)
        is_best = record in best and has_learned([accuracy])
        named = [
            setting(record, "implementation", "name"),
            setting(record, "architecture", "name"),
            setting(record, "learning_rate"),
            setting(record, "seed"),
        ]
        table.add_row(
            *(cell(value) for value in named),
            record.status,
            shown(accuracy, ".4f") + ("*" if is_best else " "),
            shown(record.test_accuracy, ".4f"),
            shown(record.examples_per_second, ",.0f"),
            shown(record.seconds.train, ".1f"),
            shown(record.seconds.total, ".1f"),
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


def first_line(text: str) -> str:
    """Return the first line of a message, of a length that can be read, steering no terminal."""
    return shorten(printable((text.splitlines() or [""])[0]), 300)


def shown(value: float | None, form: str) -> str:
    """Format a number; a dash stands for one that there is not."""
    return "-" if value is None else format(value, form)
