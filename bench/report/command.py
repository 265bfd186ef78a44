"""`bench-report`: reads the records of sweeps and writes a page, tables and pictures."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bench import files
from bench.records import BROKEN
from bench.results import store

if TYPE_CHECKING:
    from bench.report.comparing import Analysis
    from bench.results.history import Entry

REPORT_NAME = "report"
HISTORY_NAME = "history.jsonl"
PICTURES_NAME = ".pictures"  # lists the pictures of a report, which the next one removes
FORMATS = ("html", "md", "csv", "terminal")


def main() -> NoReturn:
    """Write the report that the command line asks for.

    Raises:
        SystemExit: with status 1 if runs failed and `--fail-on failed` is given, 2 if there is
            nothing to report or the command is wrong, else 0.
    """
    arguments = _parser().parse_args()
    folders: list[Path] = arguments.folders
    output = arguments.output or (
        folders[0] / REPORT_NAME if len(folders) == 1 else Path(REPORT_NAME)
    )
    try:
        sweep = store.read_sweeps(folders)
        history = _history(arguments.history, folders[0])
        formats = arguments.format - (set() if sweep.records else {"terminal", "csv"})
        page = write_report(sweep, output, formats, arguments.target, history)
    except files.FileError as error:
        sys.exit(_refuse(str(error)))
    except OSError as error:
        sys.exit(_refuse(f"{error.filename or output}: can't be written: {error.strerror}"))
    if page is not None:
        print(f"Report: {page}")
    if not sweep.records:
        sys.exit(_refuse(_nothing(sweep)))
    broken = [record for record in sweep.records if record.status in BROKEN]
    sys.exit(1 if broken and arguments.fail_on == "failed" else 0)


def _history(given: Path | None, sweep_folder: Path) -> list[Entry]:
    """Read the history that is given, or the one beside the sweep if there is one."""
    if given is not None and not given.is_file():
        raise files.FileError(f"--history={given}: no such file")
    from bench.results import history

    path = given or sweep_folder.resolve().parent / HISTORY_NAME
    try:
        return history.read(path)
    except OSError as error:
        raise files.FileError(f"{path}: can't be read: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench-report",
        description="Compares the runs of one or several sweeps. Writes index.html, report.md, "
        "runs.csv, curves.csv and plots (PNG and SVG) and prints the comparison.",
    )
    parser.add_argument(
        "folders", type=_path, nargs="+", metavar="folder", help="a sweep, such as results/default"
    )
    parser.add_argument(
        "--output", type=_path,
        help="where to write (default: report/ in the sweep's folder; for several sweeps, here)",
    )  # fmt: skip
    parser.add_argument(
        "--format", type=_formats, default=frozenset(FORMATS),
        help=f"{', '.join(FORMATS)}, separated by commas, or all (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--target", type=_accuracy, metavar="ACCURACY",
        help="report the time to this validation accuracy, 0 to 1 (default: the highest that all "
        "implementations have reached)",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=_path,
        help="the file that bench-compare --record wrote (default: "
        f"{HISTORY_NAME} beside the sweep, if there is one)",
    )  # fmt: skip
    parser.add_argument("--fail-on", choices=["failed"], help="exit with status 1 if a run failed")
    return parser


def _path(words: str) -> Path:
    if not words:
        raise argparse.ArgumentTypeError("an empty text is no path")
    return Path(words)


def _accuracy(words: str) -> float:
    try:
        value = float(words)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{words!r}: must be a number from 0 to 1, such as 0.85")
    return value


def _formats(words: str) -> frozenset[str]:
    chosen = frozenset(words.split(","))
    unknown = sorted(chosen - {*FORMATS, "all"})
    if unknown:
        allowed = ", ".join((*FORMATS, "all"))
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}: must be one of {allowed}")
    return frozenset(FORMATS) if "all" in chosen else chosen


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
    history: Sequence[Entry] = (),
) -> Path | None:
    """Write a report, and print its comparison.

    Args:
        sweep: one, or several merged ones.
        folder: where to write; made if it does not exist.
        formats: some of `FORMATS`.
        target: the validation accuracy to time; None: the highest that all have reached.
        history: speed over commits, drawn unless it is empty.

    Returns:
        The page, or else the table of runs; None if only the terminal is asked for.

    Raises:
        FileError: a file can't be written.
        OSError: the folder can't be made, or a picture can't be written.
    """
    # Imported here because `--help` and a mistyped folder must not wait for them.
    from bench.report import comparing, frames

    analysis = comparing.analyse(sweep, target)
    if "terminal" in formats:
        from bench.report.screen import print_comparison

        print_comparison(analysis)
    page = None
    if "csv" in formats:
        page = folder / "runs.csv"
        _write(page, analysis.runs.to_csv(index=False))
        _write(folder / "curves.csv", frames.curves_frame(analysis.views).to_csv(index=False))
    if not formats & {"html", "md"}:
        return page
    from bench.report import pages

    folder.mkdir(exist_ok=True, parents=True)
    captions = _draw(analysis, history, folder)
    sections = pages.sections(analysis)
    if "md" in formats:
        page = folder / "report.md"
        _write(page, pages.markdown(sections, captions))
    if "html" in formats:
        from bench.report import html

        page = folder / "index.html"
        _write(page, html.page(sections, captions, analysis, folder))
    return page


def _write(path: Path, content: str) -> None:
    files.write_atomically(path, content.encode("utf-8", "backslashreplace"))


def _draw(analysis: Analysis, history: Sequence[Entry], folder: Path) -> dict[str, str]:
    """Draw all pictures, in place of those of an earlier report; return captions by file name."""
    from bench.report import commits, drawing

    list_of_pictures = folder / PICTURES_NAME
    _remove_earlier(list_of_pictures)
    captions = drawing.draw(analysis, folder) if analysis.views else {}
    captions |= commits.draw(history, folder) if history else {}
    names = [name for picture in captions for name in (picture, f"{Path(picture).stem}.svg")]
    _write(list_of_pictures, "".join(f"{name}\n" for name in names))
    return captions


def _remove_earlier(list_of_pictures: Path) -> None:
    """Remove the pictures that an earlier report lists as its own, and nothing else."""
    if not list_of_pictures.is_file():
        return
    for name in list_of_pictures.read_text(encoding="utf-8", errors="replace").splitlines():
        if re.fullmatch(r"[\w-]+\.(png|svg)", name, re.ASCII):
            (list_of_pictures.parent / name).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
