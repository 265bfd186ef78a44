"""TensorBoard: an event file for each run, and the table of its HParams dashboard."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

from bench.export import contents, hparams
from bench.results import store


def export(sweep: store.Sweep, output: Path) -> str:
    """Write an event file for each run.

    Source: https://tensorboardx.readthedocs.io

    Args:
        sweep: sweep with the records to export.
        output: an empty folder.

    Returns:
        The command that shows the result.
    """
    from tensorboardX import SummaryWriter

    table = hparams.Table(sweep.records)
    with SummaryWriter(str(output), write_to_disk=True) as writer:
        writer.file_writer.add_summary(table.columns(), walltime=contents.started(sweep.records[0]))
    for record, folder in zip(sweep.records, contents.folders(sweep.records), strict=True):
        finished = contents.finished(record)
        with SummaryWriter(str(output / folder), write_to_disk=True) as writer:
            writer.file_writer.add_summary(table.start(record), walltime=contents.started(record))
            writer.file_writer.add_summary(table.end(record), walltime=finished)
            for name, epoch, value, time in contents.points(record):
                writer.add_scalar(name, value, epoch, walltime=time)
            for name, value in contents.summary(record).items():
                writer.add_scalar(f"summary/{name}", value, 0, walltime=finished)
            lines = [f"{name}: {value}" for name, value in contents.parameters(record).items()]
            texts = {"status": record.status, **contents.error(record)}
            for name, text in (texts | {"configuration": "\n".join(lines)}).items():
                code = textwrap.indent(text, "    ")  # a block, which TensorBoard shows unchanged
                writer.add_text(name, code, walltime=finished)
    return f"tensorboard --logdir {shlex.quote(str(output))}"
