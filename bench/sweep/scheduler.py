"""Execute the jobs of a sweep; keep records that exist, and wait for other processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bench import files, provenance
from bench.console import first_line, printable
from bench.machine import lock
from bench.parity import ensure_verdict
from bench.process.supervisor import Supervisor
from bench.records import FINISHED, RunRecord
from bench.results import checksummed, store
from bench.sweep import jobs, progress, single_run
from bench.sweep.jobs import Job
from bench.sweep.progress import TimeLeft


def execute_sweep(
    planned: Sequence[Job],
    time_left: TimeLeft,
    on_done: Callable[[Job], None] = lambda _: None,
) -> None:
    """Execute jobs one after the other.

    If another process executes a run, it is postponed. If that process died, this one executes the
    run.

    Args:
        planned: the runs, in the order of execution.
        time_left: the estimate for the sweep.
        on_done: called with each run that has a record.

    Raises:
        LockError: the machine's lock can't be used.
        StoreError: a record can't be written.
    """
    with Supervisor() as supervisor:
        postponed = []
        for job in planned:
            if execute_job(job, supervisor, time_left, wait=False):
                on_done(job)
            else:
                postponed.append(job)
        for job in postponed:
            execute_job(job, supervisor, time_left, wait=True)
            on_done(job)


def execute_job(job: Job, supervisor: Supervisor, time_left: TimeLeft, *, wait: bool) -> bool:
    """Execute one run and write its record, unless it has a record that is kept.

    Args:
        job: the run.
        supervisor: starts the run's process.
        time_left: the estimate for the sweep; the run's duration is added to it.
        wait: if another process executes this run, wait for it instead of returning False.

    Returns:
        Whether the run has a record now.

    Raises:
        LockError: the machine's lock can't be used.
        StoreError: the record can't be written.
    """
    with files.locked(job.folder, wait=wait) as acquired:
        if not acquired:
            progress.print_heading(job, "another process is executing it")
            return False
        files.remove_temporary_files(job.record_path)
        try:
            record = _read_or_rename_record(job)
        except checksummed.NewerError as error:
            progress.print_heading(job, "kept unchanged")
            print(f"    {printable(error)}")
            time_left.count(job)
            return True
        if record is None or not jobs.is_of_another_machine(record, job):
            if record is not None:
                progress.print_heading(job, _remark_for_kept(record))
                time_left.count(job)
            else:
                progress.print_heading(job, str(time_left))
                record, job = single_run.execute_run(job, supervisor)
                store.write_record(job.sweep_folder, record)
                time_left.count(job, record)
                _print_problems(job, record)
            _ensure_verdict(job, record, supervisor)
            return True
    # Another machine that shares the folder has executed this run since the sweep was planned.
    return execute_job(job.in_separate_folder(), supervisor, time_left, wait=wait)


def _remark_for_kept(record: RunRecord) -> str:
    if record.status in FINISHED:
        return "finished earlier, kept"
    return f"ended with {record.status.replace('_', ' ')} during this command, kept"


def _print_problems(job: Job, record: RunRecord) -> None:
    if reasons := record.environment.get("noisy_reasons"):
        print(f"    noisy: {'; '.join(reasons)} (bench-doctor says what to do)")
    if record.error is not None:
        reason = first_line(record.error.message)
        print(f"    {record.status}: {reason} (more in {job.folder})")


def _ensure_verdict(job: Job, record: RunRecord, supervisor: Supervisor) -> None:
    """Run the parity checks if the sweep needs a verdict for this run."""
    path = store.verdict_path(job.sweep_folder, job.pending_verdict)
    if record.status in FINISHED and not path.exists():
        with lock.reserved(shared=job.config.share_machine):
            ensure_verdict(
                job.config,
                job.pending_verdict,
                job.sweep_folder,
                progress.print_verdict,
                supervisor,
            )


def _read_or_rename_record(job: Job) -> RunRecord | None:
    """Return the run's record if it is kept; otherwise rename it, so that the run is repeated.

    Raises:
        NewerError: a later version has written the record.
    """
    path = job.record_path
    if not path.exists():
        return None
    name = f"earlier-{time.time_ns()}"
    try:
        record = store.read_record(path)
    except checksummed.NewerError:
        raise
    except store.StoreError as error:
        reason = str(error)
    else:
        is_of_another_run = jobs.is_of_another_run(record, job)
        if not is_of_another_run and not jobs.is_current(record, job):
            job = job.with_current_fingerprints()  # another process may use code edited since
        if is_of_another_run:
            reason = f"it is the record of another run, {record.run_id}"
        elif jobs.is_current(record, job) or jobs.is_of_another_machine(record, job):
            return record
        elif record.status in FINISHED:
            reason = provenance.what_changed(record.made_with, job.fingerprints)
        elif job.requested_at <= record.finished_at <= _now():  # by another process, just now
            return record
        else:
            reason = f"it was {record.status.replace('_', ' ')}"
        if record.status == "skipped":
            name = "earlier-skipped"  # a skipped record contains no results: keep only the latest
    print(f"{path}: renamed, the run is repeated: {printable(reason)}")
    if job.log_path.exists():
        job.log_path.rename(path.with_name(f"{name}.log"))
    path.rename(path.with_name(f"{name}.json"))
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
