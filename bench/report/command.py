"""`bench-report`: reads a sweep's records and writes tables, plots and a page about them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import store

if TYPE_CHECKING:
    import pandas as pd

REPORT_NAME = "report"


def main() -> None:
    """Write the report that the command line asks for; exit status 2 where there is nothing."""
    arguments = _parser().parse_args()
    try:
        sweep = store.read_sweep(arguments.folder)
        if not sweep.records:
            raise store.StoreError(_nothing(sweep))
        page = write_report(sweep, arguments.folder / REPORT_NAME)
    except store.StoreError as error:
        sys.exit(_refuse(str(error)))
    except OSError as error:
        sys.exit(_refuse(f"{error.filename}: can't be written: {error.strerror}"))
    print(f"Report: {page}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench-report",
        description="Compares the runs of a sweep. Writes report.md, runs.csv, curves.csv and "
        "plots into the sweep's folder, below report/, and prints the comparison.",
    )
    parser.add_argument("folder", type=Path, help="the sweep's folder, such as results/default")
    return parser


def _refuse(reason: str) -> int:
    print(f"bench-report: {reason}", file=sys.stderr)
    return 2


def _nothing(sweep: store.Sweep) -> str:
    reasons = [f"{sweep.folder}: no records, so there is nothing to report"]
    if sweep.missing:
        reasons.append(f"{len(sweep.missing)} runs are planned and not finished")
    return "; ".join([*reasons, *sweep.unreadable])


def write_report(sweep: store.Sweep, folder: Path) -> Path:
    """Write everything about a sweep into `folder`, print the comparison, return the page's path.

    Raises:
        OSError: `folder` can't be written to.
    """
    # Imported here because `--help` and a mistyped folder must not wait for them.
    from bench.report import pages, pictures, tables
    from bench.report.plots import Plots

    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.png"):
        stale.unlink()
    runs = tables.runs_table(sweep.records, sweep.verdicts)
    comparison = tables.comparison(runs)
    runs.to_csv(folder / "runs.csv", index=False)
    tables.curves_table(sweep.records).to_csv(folder / "curves.csv", index=False)
    plots = Plots(sweep.records, folder, sweep.verdicts).draw()
    plots |= pictures.draw(sweep.records, sweep.datasets, folder)
    page = folder / "report.md"
    page.write_text(pages.markdown(sweep, runs, comparison, plots), encoding="utf-8")
    _print_comparison(sweep, comparison)
    return page


def _print_comparison(sweep: store.Sweep, comparison: pd.DataFrame) -> None:
    """Print a row per condition and implementation; the fastest and most accurate are marked."""
    from rich.text import Text

    from bench.report import tables, terminal
    from bench.report.pages import accuracy, number

    if comparison.empty:
        terminal.print_runs(sweep.records, sweep.verdicts)
        return
    stamp = f" ({terminal.SYNTHETIC})" if terminal.is_synthetic(sweep.records) else ""
    named = [*tables.varying(comparison), "implementation"]
    accuracies = ("validation\naccuracy ", "test\naccuracy")
    table = terminal.new_table(
        title=f"Each implementation at its best learning rate{stamp}",
        caption="* best under its conditions; no rank: parity not proven",
        words=[name.replace("_", " ") for name in named],
        numbers=("rate", *accuracies, "examples/s ", "ratio", "ceiling", "train s"),
    )
    proven = comparison["validation_accuracy"].where(comparison["parity"] == tables.PASSED)
    conditions = [comparison[name] for name in tables.CONDITIONS]
    highest = proven.groupby(conditions, dropna=False).transform("max")
    for row, top in zip(tables.rows(comparison), highest, strict=True):
        is_best = row.parity == tables.PASSED and row.validation_accuracy == top
        best_accuracy = "*" if is_best else " "
        table.add_row(
            *(Text(str(getattr(row, name))) for name in named),
            f"{row.learning_rate:g}",
            number(row.validation_accuracy, ".4f") + best_accuracy,
            accuracy(row),
            number(row.examples_per_second, ",.0f") + ("*" if row.rank == 1 else " "),
            number(row.ratio, ".2f") if row.parity == tables.PASSED else "no rank",
            number(row.flops_utilisation, ".0%"),
            number(row.train_seconds, ".1f"),
        )
    terminal.console().print(table)


if __name__ == "__main__":
    main()
