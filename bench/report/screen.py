"""The comparison in the terminal."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from bench import terminal
from bench.config.identity import varying_keys
from bench.records import has_learned
from bench.report import frames
from bench.report.comparing import Analysis
from bench.report.layouts import number, seeds, standard_error

CAPTION = (
    "* best under its condition; no rank: parity not proven; n: number of seeds; ± 95 % interval "
    "over seeds; se: standard error of one seed, from the size of the test set alone"
)
SHORT = {"architecture": "archi-\ntecture", "implementation": "implemen-\ntation"}
NOT_QUIET = "~ the machine was noisy, shared, or not known to be quiet"


def print_comparison(analysis: Analysis) -> None:
    """Print a row for each case; the fastest and the most accurate of a condition are marked.

    Args:
        analysis: of the report; its runs are listed if none has a result.
    """
    comparison = analysis.comparison
    if comparison.empty:
        varying = varying_keys([record.config for record in analysis.sweep.records])
        terminal.print_runs(analysis.sweep.records, analysis.sweep.verdicts, varying)
        return
    named = [*frames.varying(comparison), "implementation"]
    accuracies = ("validation\naccuracy ", "test\naccuracy")
    not_quiet = (comparison["quiet"] != frames.QUIET).any()
    table = terminal.new_table(
        title=f"Each implementation at its best learning rate{analysis.stamp}",
        caption=f"{CAPTION}; {NOT_QUIET}" if not_quiet else CAPTION,
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
        is_best = is_best and has_learned([top])
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
    """Return a test accuracy with its interval, or of one seed its standard error."""
    shown = number(row.test_accuracy, ".4f")
    if row.n_tested > 1 and row.test_accuracy_half_width > 0:
        return f"{shown} ± {row.test_accuracy_half_width:.4f}"
    error = standard_error(row) if row.n_tested else ""
    return f"{shown} se {error}" if error else shown
