"""`bench-report`: reads a sweep's records and writes tables, plots and a page about them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Set
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import store
from bench.contract import BROKEN

if TYPE_CHECKING:
    import pandas as pd

REPORT_NAME = "report"
HISTORY_NAME = "history.jsonl"
FORMATS = ("html", "md", "csv", "terminal")


def main() -> None:
    """Write the report that the command line asks for.

    The exit status is 1 where runs failed and `--fail-on failed` is given, 2 where there is nothing
    to report or the command is wrong.
    """
    arguments = _parser().parse_args()
    try:
        if arguments.history is not None and not arguments.history.is_file():
            raise store.StoreError(f"--history={arguments.history}: no such file")
        sweep = store.merged([store.read_sweep(folder) for folder in arguments.folders])
        if not sweep.records:
            raise store.StoreError(_nothing(sweep))
        folder = arguments.output or (
            arguments.folders[0] / REPORT_NAME if len(arguments.folders) == 1 else Path(REPORT_NAME)
        )
        formats = set(FORMATS) if "all" in arguments.format else set(arguments.format)
        history = arguments.history or arguments.folders[0].resolve().parent / HISTORY_NAME
        page = write_report(sweep, folder, formats, arguments.target, history)
    except store.StoreError as error:
        sys.exit(_refuse(str(error)))
    except OSError as error:
        sys.exit(_refuse(f"{error.filename}: can't be written: {error.strerror}"))
    if page is not None:
        print(f"Report: {page}")
    broken = [record for record in sweep.records if record.status in BROKEN]
    sys.exit(1 if broken and arguments.fail_on == "failed" else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench-report",
        description="Compares the runs of one or several sweeps. Writes index.html, report.md, "
        "runs.csv, curves.csv and plots (PNG and SVG) and prints the comparison.",
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="folder", help="a sweep, such as results/default"
    )
    parser.add_argument(
        "--output", type=Path,
        help="where to write (report/ in the sweep's folder; for several sweeps, in this one)",
    )  # fmt: skip
    parser.add_argument(
        "--format", type=lambda words: words.split(","), default=["all"], action=_Formats,
        help=f"{', '.join(FORMATS)} with commas between, or all (all)",
    )  # fmt: skip
    parser.add_argument(
        "--target", type=float, metavar="ACCURACY",
        help="time to this validation accuracy, 0 to 1 (the highest that all have reached)",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=Path,
        help=f"what bench-compare --record wrote ({HISTORY_NAME} beside the sweep, if any)",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", choices=["failed"], help="exit with status 1 where a run has failed"
    )
    return parser


class _Formats(argparse.Action):
    """Refuses formats that there are not."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any
    ) -> None:
        for value in values:
            if value not in (*FORMATS, "all"):
                parser.error(f"--format={value}: must be one of {', '.join((*FORMATS, 'all'))}")
        setattr(namespace, self.dest, values)


def _refuse(reason: str) -> int:
    print(f"bench-report: {reason}", file=sys.stderr)
    return 2


def _nothing(sweep: store.Sweep) -> str:
    reasons = [f"{sweep.folder}: no records, so there is nothing to report"]
    if sweep.missing:
        reasons.append(f"{len(sweep.missing)} runs are planned and not finished")
    return "; ".join([*reasons, *sweep.unreadable])


def write_report(
    sweep: store.Sweep,
    folder: Path,
    formats: Set[str],
    target: float | None = None,
    history: Path | None = None,
) -> Path | None:
    """Write about a sweep into `folder` and print the comparison; return the page's path.

    Args:
        target: the validation accuracy that is timed to; the highest that all have reached if None.
        history: of commits, drawn if there is one.

    Raises:
        OSError: `folder` can't be written to.
        StoreError: a line of the history is not an entry.
    """
    # Imported here because `--help` and a mistyped folder must not wait for them.
    from bench.report import tables

    runs = tables.runs_table(sweep.records, sweep.verdicts)
    comparison = tables.comparison(runs)
    comparison = tables.add_time_to_accuracy(comparison, sweep.records, target)
    if "terminal" in formats:
        _print_comparison(sweep, comparison)
    if formats == {"terminal"}:
        return None
    folder.mkdir(exist_ok=True, parents=True)
    runs.to_csv(folder / "runs.csv", index=False)
    tables.curves_table(sweep.records).to_csv(folder / "curves.csv", index=False)
    if not formats & {"html", "md"}:
        return folder / "runs.csv"
    from bench.report import pages

    plots = _draw(sweep, runs, folder) | _draw_history(history, folder)
    said = pages.sections(sweep, runs, comparison)
    page = folder / "report.md"
    if "md" in formats:
        page.write_text(pages.markdown(said, plots), encoding="utf-8")
    if "html" in formats:
        from bench.report import html

        page = folder / "index.html"
        page.write_text(html.page(said, plots, sweep, runs, folder), encoding="utf-8")
    return page


def _draw(sweep: store.Sweep, runs: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Draw all pictures; return captions by file name."""
    from bench.report import overviews, pictures
    from bench.report.plots import Plots

    for kind in ("*.png", "*.svg"):
        for stale in folder.glob(kind):
            stale.unlink()
    # Half of the work each, at the same time; matplotlib does not draw in two threads.
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        best = pictures.best_runs(sweep.records)
        images = pool.submit(pictures.draw, best, sweep.datasets, folder)
        plots = Plots(sweep.records, folder, sweep.verdicts)
        captions = plots.draw() | overviews.draw(runs, folder, plots.stamp)
        return captions | images.result()


def _draw_history(history: Path | None, folder: Path) -> dict[str, str]:
    """Draw speed over commits, where that is known; return the caption by file name."""
    if history is None or not history.exists():
        return {}
    from bench.regression.history import read
    from bench.report import commits

    return commits.draw(read(history), folder)


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
