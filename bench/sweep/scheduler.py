"""The order of a sweep's runs: what is kept, what is made now, what is left to another process."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench import files, provenance
from bench.console import first_line, printable
from bench.machine import lock
from bench.parity import ensure_verdict
from bench.process.supervisor import Supervisor
from bench.records import FINISHED, RunRecord
from bench.results import store
from bench.sweep import jobs, progress, single_run
from bench.sweep.jobs import Job
from bench.sweep.progress import TimeLeft


def execute_all(planned: Sequence[Job], time_left: TimeLeft) -> None:
    """Execute jobs one after the other.

    A run that another process is making comes last: should that process have died, it is made here.

    Raises:
        LockError: the machine's lock can't be used.
        StoreError: a record can't be written.
    """
    with Supervisor() as supervisor:
        postponed = [job for job in planned if not execute(job, supervisor, time_left, wait=False)]
        for job in postponed:
            execute(job, supervisor, time_left, wait=True)


def execute(job: Job, supervisor: Supervisor, time_left: TimeLeft, *, wait: bool) -> bool:
    """Make one run, unless it has a record that is kept, and write its record.

    Args:
        job: the run.
        supervisor: starts the run's process.
        time_left: of the sweep; gets the run's duration.
        wait: wait for another process that is making this run, instead of returning False.

    Returns:
        Whether the run has a record now.

    Raises:
        LockError: the machine's lock can't be used.
        StoreError: the record can't be written.
    """
    with files.locked(job.folder, wait=wait) as acquired:
        if not acquired:
            progress.print_heading(job, "another process is making it")
            return False
        files.remove_temporary_files(job.record_path)
        try:
            record = _read_or_set_aside(job)
        except store.NewerError as error:
            progress.print_heading(job, "left as it is")
            print(f"    {printable(error)}", flush=True)
            time_left.count(job)
            return True
        if record is None or not jobs.is_of_another_machine(record, job):
            _complete(job, record, supervisor, time_left)
            return True
    # Another machine that shares the folder has made this run since the sweep was planned.
    return execute(job.beside(), supervisor, time_left, wait=wait)


def _complete(
    job: Job, record: RunRecord | None, supervisor: Supervisor, time_left: TimeLeft
) -> None:
    """Make a run that has no record, and see that the sweep has the parity verdict on it."""
    if record is not None:
        progress.print_heading(job, "finished earlier, kept")
        time_left.count(job)
    else:
        progress.print_heading(job, str(time_left))
        record, job = single_run.make(job, supervisor)
        store.write_record(job.sweep_folder, record)
        time_left.count(job, record)
        progress.print_noise(record.environment.get("noisy_reasons", ()))
        if record.error is not None:
            reason = first_line(record.error.message)
            print(f"    {record.status}: {reason} (more in {job.folder})", flush=True)
    if record.status in FINISHED and not store.verdict_path(job.sweep_folder, job.pending).exists():
        with lock.reserved(progress.print_waiting, shared=job.config.share_machine):
            ensure_verdict(
                job.config, job.pending, job.sweep_folder, progress.print_verdict, supervisor
            )


def _read_or_set_aside(job: Job) -> RunRecord | None:
    """Return the record that stays in the run's folder; set one aside that the run is to replace.

    Raises:
        NewerError: a later version has written the record.
    """
    path = job.record_path
    if not path.exists():
        return None
    name = f"earlier-{time.time_ns()}"
    try:
        record = store.read_record(path)
    except store.NewerError:
        raise
    except store.StoreError as error:
        reason = str(error)
    else:
        if not jobs.is_current(record, job):
            job = job.refreshed()  # another process may have made it after an edit
        if jobs.is_current(record, job) or jobs.is_of_another_machine(record, job):
            return record
        if record.status in FINISHED:
            reason = provenance.what_changed(record.made_with, job.made_with)
        elif record.finished_at >= job.requested_at:  # another process has just made it
            return record
        else:
            reason = f"it was {record.status.replace('_', ' ')}"
        if record.status == "skipped":
            name = "earlier-skipped"  # nothing is lost where the next one replaces it
    print(f"{path}: set aside, the run is made again: {printable(reason)}", flush=True)
    if job.log_path.exists():
        job.log_path.rename(path.with_name(f"{name}.log"))
    path.rename(path.with_name(f"{name}.json"))
    return None
