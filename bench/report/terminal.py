"""Tables for the terminal, 100 columns wide at the most. Light: `bench` prints one after a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.contract import RunRecord

WIDTH = 100


def console() -> Console:
    """Return the terminal, or a plain one of the same width where there is none."""
    terminal = Console(highlight=False)
    terminal.width = min(terminal.width, WIDTH) if terminal.is_terminal else WIDTH
    return terminal


def last_validation_accuracy(record: RunRecord) -> float | None:
    """Return the validation accuracy after the last epoch; None where the run has no result."""
    if record.status != "done" or not record.epochs:
        return None
    return record.epochs[-1].validation_accuracy


def print_runs(records: Sequence[RunRecord]) -> None:
    """Print a line a run; of those that are done, the most accurate is marked."""
    table = Table(title="Runs", caption="* highest validation accuracy after the last epoch")
    for heading in ("run", "status"):
        table.add_column(heading, overflow="fold")
    for heading in ("validation\naccuracy", "test\naccuracy", "examples/s", "train s", "total s"):
        table.add_column(heading, justify="right")
    scores = [last_validation_accuracy(record) for record in records]
    best = max((score for score in scores if score is not None), default=None)
    for record, score in zip(records, scores, strict=True):
        mark = "*" if score is not None and score == best else " "
        table.add_row(
            Text(record.run_id),
            record.status,
            shown(score, ".4f") + mark,
            shown(record.test_accuracy, ".4f"),
            shown(record.examples_per_second, ",.0f"),
            shown(record.seconds.train, ".1f"),
            shown(record.seconds.total, ".1f"),
        )
    out = console()
    if any(record.config.get("dataset", {}).get("name") == "synthetic" for record in records):
        table.title = "Runs, synthetic data"
    out.print(table)
    for record in records:
        if record.error is not None:
            first_line = (record.error.message.splitlines() or [""])[0]
            out.print(Text(f"{record.run_id}: {record.status}: {first_line}"))


def shown(value: float | None, form: str) -> str:
    """Format a number; a dash stands for one that there is not."""
    return "-" if value is None else format(value, form)
