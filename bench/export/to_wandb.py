"""Weights & Biases: offline runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from bench.export import contents
from bench.records import FINISHED
from bench.results import store


def export(sweep: store.Sweep, output: Path) -> str:
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
            config=contents.parameters(record) | {"status": record.status} | contents.error(record),
            settings=settings,
        )
        for name in contents.CURVES:
            run.define_metric(name, step_metric="epoch")
        by_epoch: dict[int, dict[str, float]] = {}
        for name, step, value, _ in contents.points(record):
            by_epoch.setdefault(step, {"epoch": step})[name] = value
        for step in sorted(by_epoch):
            run.log(by_epoch[step])
        run.summary.update(contents.summary(record))
        run.finish(exit_code=0 if record.status in FINISHED else 1)
    wandb.teardown()  # its process writes the remaining data
    return f"wandb sync {shlex.quote(str(output / 'wandb'))}/offline-run-*"
