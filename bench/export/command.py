"""`bench-export results/NAME --to TOOL`: write a sweep's records as files of another tool."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from bench.console import (
    adapt_commands,
    first_line,
    path_argument,
    print_error,
    printable,
    printable_lines,
)
from bench.export import to_mlflow, to_tensorboard, to_wandb
from bench.export.contents import time_problem
from bench.results import store
from bench.results.merging import read_sweeps

DESCRIPTION = """\
Writes the records of sweeps as files of another tool. Every run becomes a run of that tool, with
its configuration as parameters, its epochs as curves and its results as summary. All data stay on
this machine: the tools run offline, with their telemetry switched off.
"""
# MLflow and W&B report their use, and W&B looks its server up even when offline.
NO_TELEMETRY = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
}


class ExportError(Exception):
    """Nothing can be exported; the message contains the reason and a remedy."""


@dataclass(frozen=True)
class Tool:
    """A tool to export to.

    Attributes:
        requires: modules that must be installed.
        export: function that writes a sweep to an empty folder and returns the command to show it.
    """

    requires: tuple[str, ...]
    export: Callable[[store.Sweep, Path], str]


def main() -> int:
    """Export the given sweeps.

    Returns:
        The exit status: 0, or 2 if nothing could be exported.
    """
    arguments = _parser().parse_args()
    try:
        _export(arguments.folders, arguments.to, arguments.output)
    except (ExportError, store.StoreError) as error:
        print_error("bench-export", error)
        return 2
    except OSError as error:
        print_error("bench-export", f"{error.filename or arguments.output}: {error.strerror}")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-export", description=DESCRIPTION)
    parser.add_argument(
        "folders", type=path_argument, nargs="+", metavar="folder",
        help="a sweep, such as results/default",
    )  # fmt: skip
    parser.add_argument("--to", choices=list(TOOLS), required=True)
    parser.add_argument(
        "--output", type=path_argument,
        help="a new folder (default: named like the tool, in the sweep's)",
    )  # fmt: skip
    return parser


def _export(folders: Sequence[Path], name: str, output: Path | None) -> None:
    """Export sweeps to one tool, and print the command that shows them.

    Raises:
        ExportError: the tool is not installed or fails, or there is nothing to export.
        StoreError: a folder is not the folder of a sweep.
    """
    not_installed = [module for module in TOOLS[name].requires if find_spec(module) is None]
    if not_installed:
        remedy = adapt_commands(f"make setup EXTRAS={name}")
        raise ExportError(f"--to={name}: {', '.join(not_installed)} not installed; {remedy}")
    sweep = read_sweeps(folders)
    problems = {record.run_id: time_problem(record) for record in sweep.records}
    for reason in (*sweep.unreadable, *sweep.copies, *filter(None, problems.values())):
        print_error("bench-export", f"left out: {reason}")
    dated = tuple(record for record in sweep.records if problems[record.run_id] is None)
    if not dated:
        raise ExportError(f"{sweep.folder}: no records, so there is nothing to export")
    output = output or folders[0] / name
    os.environ.update(NO_TELEMETRY)
    command = _export_into(output, TOOLS[name], replace(sweep, records=dated))
    print(f"Exported: {len(dated)} runs to {printable(output)}")
    print(f"Show with: {printable_lines(command)}")


def _export_into(output: Path, tool: Tool, sweep: store.Sweep) -> str:
    """Create a folder and export into it; delete it on failure, so that a new attempt can start.

    Raises:
        ExportError: the folder exists already, or the tool fails.
        OSError: the folder can't be written to.
    """
    if output.exists():
        raise ExportError(f"{output}: exists already; choose another with --output")
    output.mkdir(parents=True)
    complete = False
    try:
        command = tool.export(sweep, output)
        complete = any(output.iterdir())
    except OSError:
        raise
    except Exception as error:  # every tool has its own exceptions
        reason = first_line(str(error))
        raise ExportError(f"{output}: not written: {type(error).__name__}: {reason}") from error
    finally:
        if not complete:
            shutil.rmtree(output)
    if not complete:
        raise ExportError(f"{output}: not written: the tool wrote no files")
    return command


TOOLS = {
    "tensorboard": Tool(("tensorboardX",), to_tensorboard.export),
    "mlflow": Tool(("mlflow", "sqlalchemy", "alembic"), to_mlflow.export),
    "wandb": Tool(("wandb",), to_wandb.export),
}


if __name__ == "__main__":
    sys.exit(main())
