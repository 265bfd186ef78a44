"""`bench-export results/NAME --to ...`: a sweep's records in the files of other tools.

After the fact, and from records alone: nothing is sent anywhere. Every finished or failed run
becomes one run of the other tool, with its configuration as parameters, its epochs as curves and
its outcome as summary.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.console import first_line, printable
from bench.records import RunRecord
from bench.results import store

DESCRIPTION = """\
Writes the records of sweeps as files of another tool. Every finished or failed run becomes a run of
that tool, with its configuration as parameters, its epochs as curves and its results as summary.
Nothing is sent anywhere.
"""
CURVES = ("train_loss", "validation_loss", "validation_accuracy", "training_set_loss")
SUMMARY = (
    "test_accuracy", "test_loss", "examples_per_second", "flops_utilisation", "peak_memory_bytes",
)  # fmt: skip


class ExportError(Exception):
    """There is nothing to export, or nothing to do it with; the message says what would help."""


def main() -> None:
    """Export what the command line names; exit with 2 where that can't be."""
    arguments = _parser().parse_args()
    module, export = TOOLS[arguments.to]
    try:
        if importlib.util.find_spec(module) is None:
            raise ExportError(
                f"--to={arguments.to}: {module} is not installed; make setup EXTRAS={arguments.to}"
            )
        sweep = store.read_sweeps(arguments.folders)
        reasons = {record.run_id: _undated(record) for record in sweep.records}
        dated = tuple(record for record in sweep.records if reasons[record.run_id] is None)
        sweep = replace(sweep, records=dated)
        for reason in (*sweep.unreadable, *sweep.copies, *filter(None, reasons.values())):
            print(f"bench-export: left out: {reason}", file=sys.stderr)
        if not sweep.records:
            raise ExportError(f"{sweep.folder}: no records, so there is nothing to export")
        output = arguments.output or arguments.folders[0] / arguments.to
        how_to_look = _into(output, lambda: export(sweep, output))
    except (ExportError, store.StoreError) as error:
        print(f"bench-export: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"bench-export: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    print(f"Exported: {len(sweep.records)} runs to {output}   Look: {how_to_look}")


def _into(output: Path, export: Callable[[], str]) -> str:
    """Make a new folder and export into it; a folder half written would be in the way next time.

    Raises:
        ExportError: the folder is there already, or the tool refuses.
        OSError: it can't be written to.
    """
    if output.exists():
        raise ExportError(f"{output}: exists already; choose another with --output")
    output.mkdir(parents=True)
    whole = False
    try:
        how_to_look = export()
        whole = True
    except OSError:
        raise
    except Exception as error:  # every tool has errors of its own
        reason = first_line(str(error))
        raise ExportError(f"{output}: not written: {type(error).__name__}: {reason}") from error
    finally:
        if not whole:
            shutil.rmtree(output)
    return how_to_look


def _undated(record: RunRecord) -> str | None:
    """Say why a run has no place in time; None where it has one."""
    for name in ("started_at", "finished_at"):
        value = getattr(record, name)
        try:
            datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            return f"{printable(record.run_id)}: {name}={printable(value)}: not a time"
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-export", description=DESCRIPTION)
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="folder", help="a sweep, such as results/default"
    )
    parser.add_argument("--to", choices=list(TOOLS), required=True)
    parser.add_argument(
        "--output", type=Path, help="a new folder (named like the tool, in the sweep's)"
    )
    return parser


def to_tensorboard(sweep: store.Sweep, output: Path) -> str:
    """Write an event file per run.

    Source: https://tensorboardx.readthedocs.io
    """
    from tensorboardX import SummaryWriter

    for record, folder in zip(sweep.records, _folders(sweep.records), strict=True):
        with SummaryWriter(str(output / folder), write_to_disk=True) as writer:
            for name, step, value, at in _points(record):
                writer.add_scalar(name, value, step, walltime=at)
            for name, value in _summary(record).items():
                writer.add_scalar(f"summary/{name}", value, 0, walltime=_ended(record))
            words = {"status": record.status, **_reason(record)}
            listed = "\n".join(f"{name}: {value}" for name, value in _parameters(record).items())
            for name, text in (words | {"configuration": listed}).items():
                # As code, which TensorBoard shows as it is.
                writer.add_text(name, textwrap.indent(text, "    "), walltime=_ended(record))
    return f"tensorboard --logdir {output}"


def to_mlflow(sweep: store.Sweep, output: Path) -> str:
    """Write an experiment into a SQLite database.

    Source: https://mlflow.org/docs/latest/ml/tracking/
    """
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    database = f"sqlite:///{(output / 'mlflow.db').absolute()}"
    client = MlflowClient(database)
    experiment = client.create_experiment(
        sweep.name, artifact_location=(output / "artifacts").absolute().as_uri()
    )
    for record in sweep.records:
        run = client.create_run(
            experiment,
            start_time=round(1000 * _started(record)),
            run_name=record.run_id,
            tags={"status": record.status, **_reason(record)},
        ).info.run_id
        points = [
            Metric(name, value, round(1000 * at), step) for name, step, value, at in _points(record)
        ]
        points += [
            Metric(name, value, round(1000 * _ended(record)), 0)
            for name, value in _summary(record).items()
        ]
        parameters = [Param(name, str(value)[:6000]) for name, value in _parameters(record).items()]
        for first in range(0, max(len(points), 1), 900):  # of at most 1,000 a call
            client.log_batch(run, metrics=points[first : first + 900])
        for first in range(0, len(parameters), 100):
            client.log_batch(run, params=parameters[first : first + 100], tags=list[RunTag]())
        finished = record.status in ("done", "diverged")
        client.set_terminated(
            run, "FINISHED" if finished else "FAILED", end_time=round(1000 * _ended(record))
        )
    return f"mlflow ui --backend-store-uri {database}"


def to_wandb(sweep: store.Sweep, output: Path) -> str:
    """Write offline runs, which `wandb sync` can send later.

    Source: https://docs.wandb.ai/ref/python/
    """
    import wandb

    settings = wandb.Settings(mode="offline", silent=True, console="off", disable_git=True)
    for record in sweep.records:
        run = wandb.init(
            project=re.sub(r"[/\\#?%:]", "-", sweep.name)[:120],
            name=record.run_id,
            dir=str(output),
            config=_parameters(record) | {"status": record.status} | _reason(record),
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
        run.finish(exit_code=0 if record.status in ("done", "diverged") else 1)
    return f"wandb sync {output}/wandb/offline-run-*"


Tool = Callable[[store.Sweep, Path], str]
TOOLS: Mapping[str, tuple[str, Tool]] = {
    "tensorboard": ("tensorboardX", to_tensorboard),
    "mlflow": ("mlflow", to_mlflow),
    "wandb": ("wandb", to_wandb),
}


def _points(record: RunRecord) -> Iterator[tuple[str, int, float, float]]:
    """Yield each point of each curve: name, epoch, value, when in seconds since 1970."""
    at = _started(record)
    for epoch in record.epochs:
        at += epoch.train_seconds + epoch.evaluate_seconds
        for name in CURVES:
            value = getattr(epoch, name)
            if value is not None:
                yield name, epoch.epoch, value, at


def _summary(record: RunRecord) -> dict[str, float]:
    """Return what a run came to; only what is known of it."""
    found = {name: getattr(record, name) for name in SUMMARY}
    seconds = {
        f"{name}_seconds": value for name, value in msgspec.to_builtins(record.seconds).items()
    }
    return {name: value for name, value in (found | seconds).items() if value is not None}


def _parameters(record: RunRecord) -> dict[str, Any]:
    """Return the configuration, nested keys with dots, and what the numbers come from."""
    return dict(_flat({**record.config, "made_with": record.made_with}))


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        key = prefix + re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:80]
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _reason(record: RunRecord) -> dict[str, str]:
    return {} if record.error is None else {"error": record.error.message[:5000]}


def _folders(records: Sequence[RunRecord]) -> list[str]:
    """Return a folder for each run, none twice."""
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


def _ended(record: RunRecord) -> float:
    return datetime.fromisoformat(record.finished_at).timestamp()


if __name__ == "__main__":
    main()
