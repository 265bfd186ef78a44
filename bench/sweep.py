"""A sweep: runs made one after the other, each with a record, and the table at the end."""

from __future__ import annotations

import random
import shlex
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import datasets, machine, registry, store
from bench.arithmetic import flops_per_example, parameter_count
from bench.config import ConfigError, RunConfig
from bench.contract import BROKEN, FINISHED, RunError, RunRecord, Seconds, Verdict
from bench.isolation import Outcome, run_isolated
from bench.messages import EpochEnded, Request, Result
from bench.parity import gate
from bench.process import Launcher
from bench.report.terminal import first_line, in_words, print_runs

LOG_NAME = "run.log"


def folder_of(config: RunConfig) -> Path:
    """Return the folder of the sweep that a run belongs to."""
    return Path(config.results_folder) / config.sweep_name


def begin(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Write down which runs are to come, and see that there is data for them.

    Returns:
        The runs in the order in which they are to be made.

    Raises:
        ConfigError: the name is taken and `resume=false`.
        DatasetError: the dataset can't be had.
        StoreError: the folder can't be written to.
    """
    configs = list(configs)
    if any(config.shuffle_runs for config in configs):
        # The same order whenever a sweep of this name is resumed.
        random.Random(configs[0].sweep_name).shuffle(configs)  # noqa: S311
    run_ids: dict[Path, list[str]] = {}
    for config in configs:
        run_ids.setdefault(folder_of(config), []).append(config.run_id)
        if not config.resume and any(folder_of(config).glob(f"*/{store.RECORD_NAME}")):
            raise ConfigError(
                f"sweep_name={config.sweep_name}: {folder_of(config)} has records already; choose "
                "another sweep_name, or resume=true to add to it"
            )
    for settings in {config.dataset for config in configs}:
        datasets.locate(settings)
    for folder, planned in run_ids.items():
        earlier: tuple[str, ...] = ()
        if (folder / store.PLAN_NAME).exists():
            earlier = store.read_plan(folder).run_ids
        plan = store.SweepPlan(
            schema_version=store.SCHEMA_VERSION,
            sweep_name=folder.name,
            run_ids=tuple(dict.fromkeys([*earlier, *planned])),
        )
        store.write_plan(folder, plan)
    return configs


def execute(config: RunConfig, launcher: Launcher) -> RunRecord:
    """Make one run, unless it is finished already, and return its record.

    Raises:
        StoreError: the record can't be written.
    """
    sweep_folder = folder_of(config)
    run_folder = sweep_folder / config.run_id
    kept = _finished_record(run_folder / store.RECORD_NAME)
    _print_heading(config, sweep_folder, kept)
    if kept is not None:
        return kept
    run_folder.mkdir(parents=True, exist_ok=True)
    started_at = datetime.now(UTC)
    outcome, parity_key = _skip(config), None
    if outcome is None:
        with machine.reserved(_print_waiting, shared=config.share_machine):
            started_at = datetime.now(UTC)
            parity_key = gate.judge(config, sweep_folder, _print_verdict, launcher)
            outcome = _run(config, sweep_folder, run_folder / LOG_NAME, launcher)
    result = outcome.result
    record = RunRecord(
        schema_version=store.SCHEMA_VERSION,
        run_id=config.run_id,
        sweep_name=config.sweep_name,
        started_at=started_at.isoformat(timespec="milliseconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        config=msgspec.to_builtins(config),
        config_hash=config.hash,
        parameter_count=parameter_count(config.layer_sizes),
        flops_per_example=flops_per_example(config.layer_sizes),
        **{name: getattr(result, name) for name in result.__struct_fields__ if name != "seconds"},
        seconds=outcome.seconds,
        parity_key=parity_key,
    )
    path = store.write_record(sweep_folder, record)
    if record.error is not None:
        reason = first_line(record.error.message)
        print(f"    {record.status}: {reason} (more in {path.parent})", flush=True)
    return record


def _finished_record(path: Path) -> RunRecord | None:
    """Return the record of a run that need not be run again; set any other one aside."""
    if not path.exists():
        return None
    try:
        record = store.read_record(path)
    except store.StoreError as error:
        print(f"{error}; set aside, the run is made again", flush=True)
        record = None
    if record is not None and record.status in FINISHED:
        return record
    path.rename(path.with_name(f"earlier-{time.time_ns()}.json"))
    return None


def _skip(config: RunConfig) -> Outcome | None:
    """Return the outcome of a run that can't take place here, without a process for it."""
    implementation = config.implementation
    missing = registry.missing(implementation.requires)
    if missing:
        message = f"{', '.join(missing)} not installed; {implementation.install}"
    elif config.device not in implementation.devices:
        message = f"{implementation.name} has no device={config.device}; it runs on " + ", ".join(
            implementation.devices
        )
    elif unclaimed := implementation.claims.lack(config.recipe):
        message = f"{implementation.name} does not compute {unclaimed}"
    else:
        return None
    error = RunError(type="Unavailable", message=message)
    return Outcome(result=Result(status="skipped", error=error), seconds=Seconds())


def _run(config: RunConfig, sweep_folder: Path, log_path: Path, launcher: Launcher) -> Outcome:
    dataset_folder = datasets.locate(config.dataset)
    request = Request(
        config=config,
        dataset_folder=str(dataset_folder) if dataset_folder else None,
        sweep_folder=str(sweep_folder),
    )
    return run_isolated(
        request, log_path, lambda ended: _print_epoch(ended, config.epochs), launcher
    )


def _print_heading(config: RunConfig, sweep_folder: Path, kept: RunRecord | None) -> None:
    """Say which run of how many this is, and how long all that is left will take."""
    run_ids = store.read_plan(sweep_folder).run_ids
    number = run_ids.index(config.run_id)
    left = "finished earlier, kept" if kept else _time_left(sweep_folder, run_ids[number:])
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


def _print_waiting() -> None:
    print(
        "    waiting for another run on this machine to end (share_machine=true runs beside it)",
        flush=True,
    )


def _print_verdict(verdict: Verdict) -> None:
    print(f"    parity: {verdict.implementation} {in_words(verdict)}", flush=True)


def _print_epoch(ended: EpochEnded, n_epochs: int) -> None:
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


def conclude(configs: Sequence[RunConfig]) -> int:
    """Print a table of all runs that have ended, and return 1 where one of them is broken."""
    run_ids = {config.run_id for config in configs}
    folders = dict.fromkeys(folder_of(config) for config in configs)
    sweeps = [store.read_sweep(folder) for folder in folders]
    records = [record for sweep in sweeps for record in sweep.records if record.run_id in run_ids]
    needed = {record.parity_key for record in records}
    verdicts = [verdict for sweep in sweeps for verdict in sweep.verdicts if verdict.key in needed]
    print_runs(records, verdicts)
    for folder in folders:
        print(f"Results: {folder}   Report: bench-report {shlex.quote(str(folder))}")
    return int(any(record.status in BROKEN for record in records))
