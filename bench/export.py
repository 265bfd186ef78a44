"""`bench-export results/NAME --to TOOL`: write a sweep's records as files of another tool."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from bench.console import (
    adapt_commands,
    first_line,
    path_argument,
    print_error,
    printable,
    printable_lines,
    shorten,
)
from bench.records import FINISHED, RunRecord, flatten
from bench.results import store

DESCRIPTION = """\
Writes the records of sweeps as files of another tool. Every run becomes a run of that tool, with
its configuration as parameters, its epochs as curves and its results as summary. All data stay on
this machine: the tools run offline, with their telemetry switched off.
"""
CURVES = ("train_loss", "validation_loss", "validation_accuracy", "training_set_loss")
SUMMARY = (
    "test_accuracy", "test_loss", "examples_per_second", "flops_utilisation", "peak_memory_bytes",
)  # fmt: skip
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
    sweep = store.read_sweeps(folders)
    problems = {record.run_id: _time_problem(record) for record in sweep.records}
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


def _time_problem(record: RunRecord) -> str | None:
    """Return the fault in a record's times; None if both are valid."""
    for name in ("started_at", "finished_at"):
        value = getattr(record, name)
        try:
            datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            return f"{record.run_id}: {name}={value}: not a time"
    return None


def to_tensorboard(sweep: store.Sweep, output: Path) -> str:
    """Write an event file for each run.

    Source: https://tensorboardx.readthedocs.io

    Args:
        sweep: sweep with the records to export.
        output: an empty folder.

    Returns:
        The command that shows the result.
    """
    from tensorboardX import SummaryWriter

    for record, folder in zip(sweep.records, _folders(sweep.records), strict=True):
        with SummaryWriter(str(output / folder), write_to_disk=True) as writer:
            for name, epoch, value, time in _points(record):
                writer.add_scalar(name, value, epoch, walltime=time)
            for name, value in _summary(record).items():
                writer.add_scalar(f"summary/{name}", value, 0, walltime=_finished(record))
            lines = [f"{name}: {value}" for name, value in _parameters(record).items()]
            texts = {"status": record.status, **_error(record), "configuration": "\n".join(lines)}
            for name, text in texts.items():
                # As a block of code, which TensorBoard shows unchanged.
                writer.add_text(name, textwrap.indent(text, "    "), walltime=_finished(record))
    return f"tensorboard --logdir {shlex.quote(str(output))}"


def to_mlflow(sweep: store.Sweep, output: Path) -> str:
    """Write an experiment into a SQLite database.

    Source: https://mlflow.org/docs/latest/ml/tracking/

    Args:
        sweep: sweep with the records to export.
        output: an empty folder.

    Returns:
        The command that shows the result.
    """
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    path = str((output / "mlflow.db").absolute())
    database = f"sqlite:///{path}"
    if "?" in path:  # it would begin the URL's query; SQLite's own URLs can escape it
        # MLflow would create a folder "file:" for a URL that begins with "sqlite:".
        database = f"sqlite+pysqlite:///file:{quote(path)}?uri=true"
    client = MlflowClient(database)
    experiment = client.create_experiment(
        sweep.name, artifact_location=(output / "artifacts").absolute().as_uri()
    )
    for record in sweep.records:
        run = client.create_run(
            experiment,
            start_time=round(1000 * _started(record)),
            run_name=record.run_id,
            tags={"status": record.status, **_error(record)},
        ).info.run_id
        finished = round(1000 * _finished(record))
        metrics = [
            Metric(name, value, round(1000 * time), epoch)
            for name, epoch, value, time in _points(record)
        ]
        metrics += [Metric(name, value, finished, 0) for name, value in _summary(record).items()]
        parameters = [
            Param(name, shorten(str(value), 6000)) for name, value in _parameters(record).items()
        ]
        for start in range(0, max(len(metrics), 1), 900):  # at most 1,000 in a call
            client.log_batch(run, metrics=metrics[start : start + 900])
        for start in range(0, len(parameters), 100):
            client.log_batch(run, params=parameters[start : start + 100], tags=list[RunTag]())
        status = "FINISHED" if record.status in FINISHED else "FAILED"
        client.set_terminated(run, status, end_time=finished)
    return f"mlflow ui --backend-store-uri {shlex.quote(database)}"


def to_wandb(sweep: store.Sweep, output: Path) -> str:
    """Write offline runs, which `wandb sync` can upload later.

    Source: https://docs.wandb.ai/ref/python/

    Args:
        sweep: sweep with the records to export.
        output: an empty folder.

    Returns:
        The command that uploads the result.
    """
    import wandb

    settings = wandb.Settings(mode="offline", silent=True, console="off", disable_git=True)
    for record in sweep.records:
        run = wandb.init(
            project=re.sub(r"[/\\#?%:]", "-", sweep.name)[:120],
            name=record.run_id,
            dir=str(output),
            config=_parameters(record) | {"status": record.status} | _error(record),
            settings=settings,
        )
        for name in CURVES:
            run.define_metric(name, step_metric="epoch")
        by_epoch: dict[int, dict[str, float]] = {}
        for name, step, value, _ in _points(record):
            by_epoch.setdefault(step, {"epoch": step})[name] = value
        for step in sorted(by_epoch):
            run.log(by_epoch[step])
        run.summary.update(_summary(record))
        run.finish(exit_code=0 if record.status in FINISHED else 1)
    wandb.teardown()  # its process writes the remaining data
    return f"wandb sync {shlex.quote(str(output / 'wandb'))}/offline-run-*"


TOOLS = {
    "tensorboard": Tool(("tensorboardX",), to_tensorboard),
    "mlflow": Tool(("mlflow", "sqlalchemy", "alembic"), to_mlflow),
    "wandb": Tool(("wandb",), to_wandb),
}


def _points(record: RunRecord) -> Iterator[tuple[str, int, float, float]]:
    """Yield the points of all curves: name, epoch, value, time in seconds since 1970."""
    time = _started(record)
    for epoch in record.epochs:
        time += epoch.train_seconds + epoch.evaluate_seconds
        for name in CURVES:
            value = getattr(epoch, name)
            if value is not None:
                yield name, epoch.epoch, value, time


def _summary(record: RunRecord) -> dict[str, float]:
    """Return the known results of a run."""
    results = {name: getattr(record, name) for name in SUMMARY}
    seconds = {
        f"{name}_seconds": value for name, value in msgspec.to_builtins(record.seconds).items()
    }
    return {name: value for name, value in (results | seconds).items() if value is not None}


def _parameters(record: RunRecord) -> dict[str, Any]:
    """Return the configuration and versions of a run, with names that all tools allow."""
    content = flatten({**record.config, "made_with": record.made_with})
    return {
        ".".join(
            re.sub(r"[^\w-]", "_", part, flags=re.ASCII)[:80] for part in name.split(".")
        ): value
        for name, value in content
    }


def _error(record: RunRecord) -> dict[str, str]:
    return {} if record.error is None else {"error": shorten(record.error.message, 5000)}


def _folders(records: Sequence[RunRecord]) -> list[str]:
    """Return a different folder for each run."""
    folders: dict[str, None] = {}
    for record in records:
        parts = (re.sub(r"[^\w.-]", "_", part, flags=re.ASCII) for part in record.run_id.split("/"))
        folder = "/".join(part.lstrip(".")[:200] or "_" for part in parts)
        while folder in folders:
            folder += "_"
        folders[folder] = None
    return list(folders)


def _started(record: RunRecord) -> float:
    return datetime.fromisoformat(record.started_at).timestamp()


def _finished(record: RunRecord) -> float:
    return datetime.fromisoformat(record.finished_at).timestamp()


if __name__ == "__main__":
    sys.exit(main())
