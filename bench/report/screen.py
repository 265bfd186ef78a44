"""The comparison as the terminal shows it."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from bench import terminal
from bench.report import frames
from bench.report.comparing import Analysis
from bench.report.layouts import number, seeds, standard_error

CAPTION = (
    "* best under its conditions; no rank: parity not proven; n: seeds; ± 95 % interval over them, "
    "se: the standard error of one seed from the size of the test set alone"
)
SHORT = {"architecture": "archi-\ntecture", "implementation": "implemen-\ntation"}
DOUBTFUL = "~ the machine was noisy, shared, or not known to be quiet"


def print_comparison(analysis: Analysis) -> None:
    """Print a row per condition and implementation; the fastest and most accurate are marked."""
    comparison = analysis.comparison
    if comparison.empty:
        terminal.print_runs(analysis.sweep.records, analysis.sweep.verdicts)
        return
    named = [*frames.varying(comparison), "implementation"]
    accuracies = ("validation\naccuracy ", "test\naccuracy")
    doubtful = (comparison["quiet"] != frames.QUIET).any()
    table = terminal.new_table(
        title=f"Each implementation at its best learning rate{analysis.stamp}",
        caption=f"{CAPTION}; {DOUBTFUL}" if doubtful else CAPTION,
        words=[SHORT.get(name, name.replace("_", " ")) for name in named],
        numbers=(
            "rate",
            "n",
            *accuracies,
            "examples/s  ",
            "ratio",
            "ceil-\ning",
            "train\n(s)",
        ),
    )
    for column in table.columns[len(named) :]:
        column.no_wrap = True
    proven = comparison["validation_accuracy"].where(comparison["parity"] == frames.PASSED)
    conditions = [comparison[name] for name in frames.CONDITIONS]
    highest = proven.groupby(conditions, dropna=False).transform("max")
    for row, top in zip(frames.rows(comparison), highest, strict=True):
        is_best = row.parity == frames.PASSED and row.validation_accuracy == top
        marks = ("*" if row.rank == 1 else " ") + ("~" if row.quiet != frames.QUIET else " ")
        table.add_row(
            *(terminal.cell(frames.plain(getattr(row, name))) for name in named),
            frames.plain(row.learning_rate),
            seeds(row),
            number(row.validation_accuracy, ".4f") + ("*" if is_best else " "),
            Text(_accuracy(row)),
            number(row.examples_per_second, ",.0f") + marks,
            number(row.ratio, ".2f") if row.parity == frames.PASSED else "no rank",
            number(row.flops_utilisation, ".0%"),
            number(row.train_seconds, ".1f"),
        )
    terminal.console().print(table)


def _accuracy(row: Any) -> str:
    """Show a test accuracy with its error."""
    shown = number(row.test_accuracy, ".4f")
    if row.n_tested > 1:
        return f"{shown} ± {row.test_accuracy_half_width:.4f}"
    error = standard_error(row) if row.n_tested else ""
    return f"{shown} se {error}" if error else shown
