"""One run: make it in a process of its own, and return its record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from bench import files, provenance, registry
from bench.config.schema import RunConfig
from bench.console import adapt_commands
from bench.machine import facts, lock
from bench.process.isolation import Outcome, run_isolated
from bench.process.protocol import Request
from bench.process.supervisor import Supervisor
from bench.records import DatasetSummary, RunError, RunRecord, Seconds
from bench.results import store
from bench.sweep import progress
from bench.sweep.jobs import Job
from bench.training.flops import flops_per_example, parameter_count
from bench.training.result import Result


def make(job: Job, supervisor: Supervisor) -> tuple[RunRecord, Job]:
    """Make one run, or find out why it can't be made here.

    Args:
        job: the run; its folder is locked by the caller.
        supervisor: starts the run's process.

    Returns:
        The record, not written yet, and the job with the fingerprints that it was made with.

    Raises:
        StoreError: the summary of the dataset can't be written.
    """
    started_at, config = datetime.now(UTC), job.config
    environment: dict[str, Any] = {}
    parity_key = None
    outcome = _skipped(config)
    if outcome is None:
        with lock.reserved(progress.print_waiting, shared=config.share_machine):
            started_at = datetime.now(UTC)
            job = job.refreshed()  # the wait may have been long enough to edit a file
            parity_key = job.pending.key
            environment = facts.describe(config.implementation.libraries)
            environment |= provenance.code_version()
            outcome = _run(job, supervisor)
    result = outcome.result
    fields = {name: getattr(result, name) for name in result.__struct_fields__}
    imported = facts.versions_of_modules(fields.pop("imported"))
    fields["environment"] = environment | result.environment | {"imported": imported}
    record = RunRecord(
        schema_version=store.SCHEMA_VERSION,
        run_id=job.run_id,
        sweep_name=config.sweep_name,
        started_at=started_at.isoformat(timespec="milliseconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        config=msgspec.to_builtins(config),
        config_hash=config.hash,
        parameter_count=parameter_count(config.layer_sizes),
        flops_per_example=flops_per_example(config.layer_sizes),
        parity_key=parity_key,
        made_with=dict(job.made_with),
        config_dir=str(job.user_folder) if job.user_folder else None,
        **fields | {"seconds": outcome.seconds},
    )
    return record, job


def _skipped(config: RunConfig) -> Outcome | None:
    """Return the outcome of a run that is impossible here, without starting a process for it."""
    implementation = config.implementation
    missing = registry.missing(implementation.requires)
    if missing:
        command = adapt_commands(implementation.install)
        message = f"{', '.join(missing)} not installed; {command}"
    elif config.device not in implementation.devices:
        message = f"{implementation.name} has no device={config.device}; it runs on " + ", ".join(
            implementation.devices
        )
    elif unclaimed := implementation.claims.unsupported(config.recipe):
        message = f"{implementation.name} does not compute {unclaimed}"
    else:
        return None
    error = RunError(type="Unavailable", message=message)
    return Outcome(result=Result(status="skipped", error=error), seconds=Seconds())


def _run(job: Job, supervisor: Supervisor) -> Outcome:
    def write_summary(summary: DatasetSummary) -> None:
        path = store.dataset_path(job.sweep_folder, summary.name, summary.fingerprint)
        files.write_shared(path, store.encode(summary))

    request = Request(
        config=job.config,
        dataset_folder=str(job.dataset_folder.absolute()) if job.dataset_folder else None,
        made_with=dict(job.made_with),
        summarised=tuple(
            path.stem.rpartition("-")[2] for path in job.sweep_folder.glob("dataset-*.json")
        ),
    )
    try:
        return run_isolated(
            request,
            job.log_path,
            lambda ended: progress.print_epoch(ended, job.config.epochs),
            supervisor,
            write_summary,
        )
    except FileNotFoundError:
        if job.log_path.exists():
            raise
        message = f"{job.folder}: deleted while the run was using it"
        error = RunError(type="FolderDeleted", message=message)
        return Outcome(result=Result(status="failed", error=error), seconds=Seconds())
