"""Execute one run in a new process, and build its record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from bench import files, provenance
from bench.machine import facts, lock
from bench.process.availability import reason_impossible
from bench.process.protocol import Request
from bench.process.supervisor import Supervisor
from bench.process.training_process import Outcome, train_in_child
from bench.records import DatasetSummary, RunError, RunRecord, Seconds, Status
from bench.results import checksummed, store
from bench.sweep import progress
from bench.sweep.jobs import Job
from bench.training.flops import flops_per_example, parameter_count
from bench.training.result import Result


def execute_run(job: Job, supervisor: Supervisor) -> tuple[RunRecord, Job]:
    """Execute one run, or find out why it is impossible here.

    Args:
        job: the run; its folder is locked by the caller.
        supervisor: starts the run's process.

    Returns:
        The record, not written yet, and the job with the fingerprints of the executed code.

    Raises:
        StoreError: the summary of the dataset can't be written.
    """
    if reason := reason_impossible(job.config):
        outcome = _without_result("skipped", "Unavailable", reason)
        return _build_record(job, outcome, datetime.now(UTC), {}, parity_key=None), job
    with lock.reserved(shared=job.config.share_machine):
        started_at = datetime.now(UTC)
        job = job.with_current_fingerprints()  # files may have been edited during the wait
        environment = facts.describe(job.config.implementation.libraries)
        environment |= provenance.code_version()
        outcome = _train(job, supervisor)
        # Still reserved: this takes processor time, which would disturb the next timed run.
        parity_key = job.pending_verdict.key
        return _build_record(job, outcome, started_at, environment, parity_key), job


def _build_record(
    job: Job,
    outcome: Outcome,
    started_at: datetime,
    environment: dict[str, Any],
    parity_key: str | None,
) -> RunRecord:
    config, result = job.config, outcome.result
    fields = {name: getattr(result, name) for name in result.__struct_fields__}
    imported = facts.versions_of_modules(fields.pop("imported"))
    fields["environment"] = environment | result.environment | {"imported": imported}
    return RunRecord(
        schema_version=checksummed.SCHEMA_VERSION,
        run_id=job.run_id,
        sweep_name=config.sweep_name,
        started_at=started_at.isoformat(timespec="milliseconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        config=msgspec.to_builtins(config),
        config_hash=config.hash,
        parameter_count=parameter_count(config.layer_sizes),
        flops_per_example=flops_per_example(config.layer_sizes),
        parity_key=parity_key,
        made_with=dict(job.fingerprints),
        config_dir=str(job.user_folder) if job.user_folder else None,
        node=job.node or facts.node_id(),
        block=job.block,
        position=job.position,
        attempt=job.attempt,
        **fields | {"seconds": outcome.seconds},
    )


def _without_result(status: Status, kind: str, message: str) -> Outcome:
    error = RunError(type=kind, message=message)
    return Outcome(result=Result(status=status, error=error), seconds=Seconds())


def _train(job: Job, supervisor: Supervisor) -> Outcome:
    def write_summary(summary: DatasetSummary) -> None:
        path = store.dataset_path(job.sweep_folder, summary.name, summary.fingerprint)
        files.write_shared(path, checksummed.encode(summary))

    summaries = job.sweep_folder.glob(store.DATASET_FILES)
    request = Request(
        config=job.config,
        dataset_folder=str(job.dataset_folder.absolute()) if job.dataset_folder else None,
        made_with=dict(job.fingerprints),
        summarised=tuple(path.stem.rpartition("-")[2] for path in summaries),
    )
    try:
        return train_in_child(
            request,
            job.log_path,
            lambda message: progress.print_epoch(message, job.config.epochs),
            supervisor,
            write_summary,
        )
    except FileNotFoundError:
        if job.log_path.exists():
            raise
        message = f"{job.folder}: deleted while the run was using it"
        return _without_result("failed", "FolderDeleted", message)
