"""What a sweep says while it runs: which run it is at, how its epochs go, how long it will take."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.config.schema import RunConfig
from bench.console import printable
from bench.process.protocol import EpochEnded
from bench.records import FINISHED, Verdict
from bench.results import store
from bench.terminal import in_words


def print_heading(config: RunConfig, sweep_folder: Path, remark: str | None) -> None:
    """Say which run of how many this is, and a remark, or how long all that is left will take."""
    run_ids = store.read_plan(sweep_folder).run_ids
    number = run_ids.index(config.run_id)
    left = remark or _time_left(sweep_folder, run_ids[number:])
    print(
        f"[{number + 1}/{len(run_ids)}] {config.implementation.name} {config.architecture.name} "
        f"learning rate {config.learning_rate:g}, seed {config.seed}"
        + (f"  ({left})" if left else ""),
        flush=True,
    )


def _time_left(sweep_folder: Path, run_ids: Sequence[str]) -> str:
    """Estimate from the runs that are finished, those of the same implementation first."""
    durations: dict[str, list[float]] = {}
    for record in store.read_sweep(sweep_folder).records:
        if record.status in FINISHED:
            durations.setdefault(record.run_id.split("-")[0], []).append(record.seconds.total)
    if not durations:
        return ""
    means = {name: statistics.mean(values) for name, values in durations.items()}
    overall = statistics.mean(means.values())
    seconds = sum(means.get(run_id.split("-")[0], overall) for run_id in run_ids)
    return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"


def print_waiting() -> None:
    """Say why nothing happens."""
    print(
        "    waiting for another run on this machine to end (share_machine=true runs beside it)",
        flush=True,
    )


def print_verdict(verdict: Verdict) -> None:
    """Say what the ladder came to."""
    print(f"    parity: {verdict.implementation} {printable(in_words(verdict))}", flush=True)


def print_epoch(ended: EpochEnded, n_epochs: int) -> None:
    """Say how an epoch went."""
    epoch = ended.epoch

    def shown(value: float | None) -> str:
        return "not finite" if value is None else f"{value:.4f}"

    line = f"    epoch {epoch.epoch}/{n_epochs}  loss {shown(epoch.train_loss)}"
    if epoch.training_set_loss is not None:
        line += f"  after it {shown(epoch.training_set_loss)}"
    if epoch.validation_accuracy is not None:
        line += (
            f"  validation loss {shown(epoch.validation_loss)}"
            f"  accuracy {epoch.validation_accuracy:.4f}"
        )
    if ended.examples_per_second is not None:
        line += f"  {ended.examples_per_second:,.0f} examples/s"
    print(line, flush=True)
