"""`bench-report`: reads a sweep's records and writes tables, plots and a page about them."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records import BROKEN
from bench.results import store

if TYPE_CHECKING:
    from bench.report.comparing import Analysis

REPORT_NAME = "report"
HISTORY_NAME = "history.jsonl"
PICTURES_NAME = ".pictures"  # lists those that a report has drawn, for the next one to remove
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
        folder = arguments.output or (
            arguments.folders[0] / REPORT_NAME if len(arguments.folders) == 1 else Path(REPORT_NAME)
        )
        formats = set(FORMATS) if "all" in arguments.format else set(arguments.format)
        if not sweep.records:
            formats -= {"terminal", "csv"}
        history = arguments.history or arguments.folders[0].resolve().parent / HISTORY_NAME
        page = write_report(sweep, folder, formats, arguments.target, history)
    except store.StoreError as error:
        sys.exit(_refuse(str(error)))
    except OSError as error:
        sys.exit(_refuse(f"{error.filename}: can't be written: {error.strerror}"))
    if page is not None:
        print(f"Report: {page}")
    if not sweep.records:
        sys.exit(_refuse(_nothing(sweep)))
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
        "--target", type=_accuracy, metavar="ACCURACY",
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


def _accuracy(words: str) -> float:
    try:
        value = float(words)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{words!r}: must be a number from 0 to 1, such as 0.85")
    return value


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
        reasons.append(f"planned and not finished: {len(sweep.missing)}")
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
    """
    # Imported here because `--help` and a mistyped folder must not wait for them.
    from bench.report import comparing, frames

    analysis = comparing.analyse(sweep, target)
    if "terminal" in formats:
        from bench.report.screen import print_comparison

        print_comparison(analysis)
    if not formats - {"terminal"}:
        return None
    folder.mkdir(exist_ok=True, parents=True)
    analysis.runs.to_csv(folder / "runs.csv", index=False)
    frames.curves_frame(analysis.views).to_csv(folder / "curves.csv", index=False)
    if not formats & {"html", "md"}:
        return folder / "runs.csv"
    from bench.report import pages

    plots = _draw(analysis, history, folder)
    said = pages.sections(analysis)
    page = folder / "report.md"
    if "md" in formats:
        page.write_text(pages.markdown(said, plots), encoding="utf-8")
    if "html" in formats:
        from bench.report import html

        page = folder / "index.html"
        page.write_text(html.page(said, plots, analysis, folder), encoding="utf-8")
    return page


def _draw(analysis: Analysis, history: Path | None, folder: Path) -> dict[str, str]:
    """Draw all pictures, in place of those of an earlier report; return captions by file name."""
    from bench.report import drawing

    drawn = folder / PICTURES_NAME
    _remove_earlier(drawn)
    captions = drawing.draw(analysis, folder) if analysis.views else {}
    captions |= _draw_history(history, folder)
    names = [name for picture in captions for name in (picture, f"{Path(picture).stem}.svg")]
    drawn.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return captions


def _remove_earlier(drawn: Path) -> None:
    """Remove the pictures that an earlier report lists as its own, and nothing else."""
    if not drawn.is_file():
        return
    for name in drawn.read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"[\w-]+\.(png|svg)", name, re.ASCII):
            (drawn.parent / name).unlink(missing_ok=True)


def _draw_history(history: Path | None, folder: Path) -> dict[str, str]:
    """Draw speed over commits, where that is known; return the caption by file name."""
    if history is None or not history.exists():
        return {}
    from bench.report import commits
    from bench.results.history import read

    return commits.draw(read(history), folder)


if __name__ == "__main__":
    main()
