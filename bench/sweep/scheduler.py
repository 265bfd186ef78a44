"""A sweep: runs made one after the other, each with a record, and the table at the end."""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench import files, provenance, registry
from bench.config.schema import ConfigError, RunConfig
from bench.console import printable
from bench.data import datasets
from bench.machine import facts, lock
from bench.parity import gate
from bench.process.isolation import Outcome, run_isolated
from bench.process.protocol import Request, Result
from bench.process.supervisor import Supervisor
from bench.records import (
    BROKEN,
    FINISHED,
    DatasetSummary,
    RunError,
    RunRecord,
    Seconds,
)
from bench.results import store
from bench.sweep import progress
from bench.terminal import first_line, print_runs
from bench.training.flops import flops_per_example, parameter_count

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
        damage = store.add_to_plan(folder, planned)
        if damage is not None:
            print(f"{printable(damage)}; set aside, and made again from this command", flush=True)
    return configs


def execute_all(configs: Sequence[RunConfig], began: str) -> None:
    """Make runs, one after the other.

    Args:
        began: when the command was given, ISO 8601.

    Raises:
        StoreError: as `execute`.
    """
    with Supervisor() as launcher:
        left = [config for config in configs if not execute(config, launcher, began, wait=False)]
        for config in left:  # to other processes; should those have died, they are made here
            execute(config, launcher, began, wait=True)


def execute(config: RunConfig, launcher: Supervisor, began: str, *, wait: bool) -> bool:
    """Make one run, unless it is finished already, and leave its record.

    Args:
        began: when the command was given, ISO 8601: what other processes have ended since is kept.
        wait: for another process that is at this very run; without it the run is left to that one.

    Returns:
        Whether there is a record now.

    Raises:
        StoreError: the record can't be written.
    """
    sweep_folder = folder_of(config)
    run_folder = sweep_folder / config.run_id
    path = run_folder / store.RECORD_NAME
    with files.locked(run_folder, wait=wait) as ours:
        if not ours:
            progress.print_heading(config, sweep_folder, "another process is at it")
            return False
        files.remove_temporary_files(path)
        try:
            record = _kept(path, provenance.of_run(config), began)
        except store.NewerError as error:
            progress.print_heading(config, sweep_folder, "left as it is")
            print(f"    {printable(error)}", flush=True)
            return True
        if record is not None:
            progress.print_heading(config, sweep_folder, "finished earlier, kept")
        else:
            progress.print_heading(config, sweep_folder, None)
            record = _make(config, sweep_folder, run_folder, launcher)
            store.write_record(sweep_folder, record)
            if record.error is not None:
                reason = first_line(record.error.message)
                print(f"    {record.status}: {reason} (more in {run_folder})", flush=True)
        if record.status in FINISHED:
            _see_to_verdict(config, sweep_folder, launcher)
    return True


def _kept(path: Path, made_with: dict[str, str], began: str) -> RunRecord | None:
    """Return the record that a run has and keeps. One that it does not keep is set aside.

    Raises:
        NewerError: a later version has written it.
    """
    if not path.exists():
        return None
    name = f"earlier-{time.time_ns()}"
    try:
        record = store.read_record(path)
    except store.NewerError:
        raise
    except store.StoreError as error:
        why = str(error)
    else:
        if record.status in FINISHED:
            why = provenance.what_changed(record.made_with, made_with)
        else:
            why = "" if record.finished_at >= began else f"it was {record.status.replace('_', ' ')}"
        if not why:
            return record
        if record.status == "skipped":
            name = "earlier-skipped"  # nothing is lost where the next one takes its place
    print(f"{path}: set aside, the run is made again: {printable(why)}", flush=True)
    log_path = path.with_name(LOG_NAME)
    if log_path.exists():
        log_path.rename(path.with_name(f"{name}.log"))
    path.rename(path.with_name(f"{name}.json"))
    return None


def _see_to_verdict(config: RunConfig, sweep_folder: Path, launcher: Supervisor) -> None:
    """Have the ladder climbed where the sweep does not say yet what came of that."""
    if not store.verdict_path(sweep_folder, gate.unjudged(config)).exists():
        with lock.reserved(progress.print_waiting, shared=config.share_machine):
            gate.judge(config, sweep_folder, progress.print_verdict, launcher)


def _make(
    config: RunConfig, sweep_folder: Path, run_folder: Path, launcher: Supervisor
) -> RunRecord:
    started_at = datetime.now(UTC)
    made_with = provenance.of_run(config)
    outcome, parity_key = _skip(config), None
    described: dict[str, Any] = {}
    if outcome is None:
        with lock.reserved(progress.print_waiting, shared=config.share_machine):
            started_at = datetime.now(UTC)
            # Asked here, for the wait may have been long enough to edit a file.
            made_with, needed = provenance.of_run(config), gate.unjudged(config)
            launcher.renew(config.preload, provenance.of_code(config) | {"ladder": needed.ladder})
            described = facts.describe(config.implementation.libraries)
            described |= provenance.code_version()
            parity_key = needed.key
            outcome = _run(config, sweep_folder, run_folder / LOG_NAME, launcher)
    result = outcome.result
    told = {name: getattr(result, name) for name in result.__struct_fields__}
    imported = facts.versions_of_modules(told.pop("imported"))
    told |= {"seconds": outcome.seconds}
    told |= {"environment": described | result.environment | {"imported": imported}}
    return RunRecord(
        schema_version=store.SCHEMA_VERSION,
        run_id=config.run_id,
        sweep_name=config.sweep_name,
        started_at=started_at.isoformat(timespec="milliseconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        config=msgspec.to_builtins(config),
        config_hash=config.hash,
        parameter_count=parameter_count(config.layer_sizes),
        flops_per_example=flops_per_example(config.layer_sizes),
        parity_key=parity_key,
        made_with=made_with,
        **told,
    )


def _skip(config: RunConfig) -> Outcome | None:
    """Return the outcome of a run that can't take place here, without a process for it."""
    implementation = config.implementation
    missing = registry.missing(implementation.requires)
    if missing:
        command = facts.adapt_commands(implementation.install)
        message = f"{', '.join(missing)} not installed; {command}"
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


def _run(config: RunConfig, sweep_folder: Path, log_path: Path, launcher: Supervisor) -> Outcome:
    def write_summary(summary: DatasetSummary) -> None:
        path = store.dataset_path(sweep_folder, summary.name, summary.fingerprint)
        files.write_shared(path, store.encode(summary))

    dataset_folder = datasets.locate(config.dataset)
    request = Request(
        config=config,
        dataset_folder=str(dataset_folder) if dataset_folder else None,
        summarised=tuple(
            path.stem.rpartition("-")[2] for path in sweep_folder.glob("dataset-*.json")
        ),
    )
    return run_isolated(
        request,
        log_path,
        lambda ended: progress.print_epoch(ended, config.epochs),
        launcher,
        write_summary,
    )


def conclude(configs: Sequence[RunConfig]) -> int:
    """Print a table of all runs that have ended, and return 1 where one of them is broken."""
    run_ids = {config.run_id for config in configs}
    # There is none where the command was interrupted before it began.
    folders = [folder for folder in dict.fromkeys(map(folder_of, configs)) if folder.is_dir()]
    sweeps = [store.read_sweep(folder) for folder in folders]
    records = [record for sweep in sweeps for record in sweep.records if record.run_id in run_ids]
    needed = {record.parity_key for record in records}
    verdicts = [verdict for sweep in sweeps for verdict in sweep.verdicts if verdict.key in needed]
    print_runs(records, verdicts)
    for line in (line for sweep in sweeps for line in sweep.unreadable):
        print(f"Not read: {printable(line)}")
    for folder in folders:
        print(f"Results: {folder}   Report: bench-report {shlex.quote(str(folder))}")
    return int(any(record.status in BROKEN for record in records))
