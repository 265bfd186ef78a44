"""The end of a sweep: the table of its runs, what is fastest, the folder, the exit status."""

from __future__ import annotations

import shlex
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

from bench.config.identity import varying_keys
from bench.console import printable
from bench.records import BROKEN
from bench.report.answer import answer
from bench.results import store
from bench.sweep.exit_status import ExitStatus
from bench.sweep.jobs import Job
from bench.terminal import console, plain_cell, print_runs


def sweeps_of(jobs: Sequence[Job]) -> list[store.Sweep]:
    """Read the sweeps of jobs that still exist, each with the records of these jobs only."""
    run_ids: dict[Path, set[str]] = {}
    for job in jobs:
        run_ids.setdefault(job.sweep_folder, set()).add(job.run_id)
    return [
        _only(store.read_sweep(folder), names)
        for folder, names in run_ids.items()
        if folder.is_dir()
    ]


def _only(sweep: store.Sweep, run_ids: Set[str]) -> store.Sweep:
    records = tuple(record for record in sweep.records if record.run_id in run_ids)
    return replace(sweep, records=records, missing=())


def print_summary(jobs: Sequence[Job]) -> ExitStatus:
    """Print a table of the runs that have records, and return the exit status."""
    sweeps = sweeps_of(jobs)
    records = [record for sweep in sweeps for record in sweep.records]
    keys = {record.parity_key for record in records}
    verdicts = [verdict for sweep in sweeps for verdict in sweep.verdicts if verdict.key in keys]
    if records:
        print_runs(records, verdicts, varying_keys([record.config for record in records]))
    for line in (line for sweep in sweeps for line in sweep.unreadable):
        print(f"Not read: {printable(line)}")
    for sweep in sweeps:
        if headline := answer(sweep):
            console().print(plain_cell(headline))
        folder = shlex.quote(str(sweep.folder))
        print(f"Results: {sweep.folder}   Report: bench-report {folder}")
    if any(record.status in BROKEN for record in records):
        return ExitStatus.RUN_FAILED
    if records and all(record.status == "skipped" for record in records):
        print(
            "Nothing was trained: every run was skipped "
            f"(exit status {ExitStatus.NOTHING_TRAINED:d})"
        )
        return ExitStatus.NOTHING_TRAINED
    return ExitStatus.OK
