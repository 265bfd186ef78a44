"""`bench-report`: reads the records of sweeps, writes a page, tables and pictures."""

from __future__ import annotations

import argparse
import gc
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import files
from bench.console import path_argument, print_error
from bench.records import BROKEN
from bench.results import HISTORY_NAME
from bench.results.merging import read_sweeps

if TYPE_CHECKING:
    from bench.results.history import Entry

REPORT_NAME = "report"
HISTORY_SUFFIX = Path(HISTORY_NAME).suffix
FORMATS = ("html", "md", "csv", "json", "terminal")


def main() -> int:
    """Write the report of the sweeps on the command line.

    Returns:
        The exit status: 1 if `--fail-on failed` is given and runs failed, are missing or
        unreadable; 2 if there is nothing to report or an argument is invalid; else 0.
    """
    arguments = _parser().parse_args()
    if unused := _unused_option(arguments):
        return _refuse(unused)
    folders: list[Path] = arguments.folders
    if folders[0].suffix == HISTORY_SUFFIX:
        return _write_history_page(folders, arguments)
    output = arguments.output or (
        folders[0] / REPORT_NAME if len(folders) == 1 else Path(REPORT_NAME)
    )
    gc.disable()  # it takes a seventh of the time, and frees little in a short process
    try:
        sweep = read_sweeps(folders)
        history = _history(arguments.history, folders[0])
        formats = arguments.format - (set() if sweep.records else {"terminal", "csv"})
        from bench.report.pages.writing import write_report

        written = write_report(sweep, output, formats, arguments.target, history)
    except files.FileError as error:
        return _refuse(error)
    except OSError as error:
        return _refuse(f"{error.filename or output}: can't be written: {error.strerror}")
    finally:
        gc.enable()
    if written is not None:
        print(f"Report: {written}")
    if not sweep.records:
        planned = f"planned and not finished: {len(sweep.missing)}" if sweep.missing else ""
        reasons = (f"{sweep.folder}: no records, so there is nothing to report", planned)
        return _refuse("; ".join(filter(None, (*reasons, *sweep.unreadable))))
    broken = any(record.status in BROKEN for record in sweep.records)
    has_failed = broken or sweep.unreadable or sweep.missing
    return 1 if has_failed and arguments.fail_on == "failed" else 0


def _write_history_page(paths: Sequence[Path], arguments: argparse.Namespace) -> int:
    """Write the page of a history, and nothing else; return the exit status."""
    others = (arguments.target, arguments.history, arguments.fail_on)
    if len(paths) > 1 or arguments.format != {*FORMATS} or others != (None, None, None):
        return _refuse(f"{paths[0]}: with a history, only --output has an effect")
    from bench.report.pages.history_page import write_page

    try:
        entries = _history(paths[0], paths[0].parent)
        written = write_page(entries, arguments.output or paths[0].parent)
    except files.FileError as error:
        return _refuse(error)
    print(f"Report: {written}")
    return 0


def _refuse(reason: object) -> int:
    print_error("bench-report", reason)
    return 2


def _unused_option(arguments: argparse.Namespace) -> str | None:
    """Return why an option has no effect with the chosen formats, or None if all have."""
    formats = ",".join(sorted(arguments.format))
    if not arguments.format & {"html", "md"}:
        for option in ("history", "target"):
            if getattr(arguments, option) is not None:
                return f"--{option} needs the format html or md; --format is {formats}"
    if arguments.output is not None and arguments.format == {"terminal"}:
        return "--output needs a format with files: html, md, csv or json; --format is terminal"
    return None


def _history(given: Path | None, sweep_folder: Path) -> list[Entry]:
    """Read the given history, or the history in the folder of the sweeps if there is one."""
    if given is not None and not given.is_file():
        raise files.FileError(f"{given}: no such file")
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
        "runs.csv, curves.csv, findings.json and figures/ (PNG and SVG) and prints the comparison.",
    )
    parser.add_argument(
        "folders", type=path_argument, nargs="+", metavar="folder",
        help=f"a sweep, such as results/default; or results/{HISTORY_NAME} alone: writes "
        "history.html, the speed over commits, to the same folder",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_argument,
        help="folder to write to (default: report/ in the sweep's folder; for several sweeps, "
        "in this folder)",
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
        "--history", type=path_argument,
        help="the file that bench-compare --record wrote (default: "
        f"{HISTORY_NAME} in the folder that contains the sweep, if it exists)",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", choices=["failed"],
        help="exit with status 1 if a run failed, is not finished, or has an unreadable record",
    )  # fmt: skip
    return parser


def _accuracy(given: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{given!r}: must be a number from 0 to 1, such as 0.85")
    return value


def _formats(argument: str) -> frozenset[str]:
    chosen = frozenset(argument.split(","))
    unknown = sorted(chosen - {*FORMATS, "all"})
    if unknown:
        allowed = ", ".join((*FORMATS, "all"))
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}: must be one of {allowed}")
    return frozenset(FORMATS) if "all" in chosen else chosen


if __name__ == "__main__":
    sys.exit(main())
