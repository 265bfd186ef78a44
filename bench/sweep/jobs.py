"""Jobs: the runs of a sweep, with all settings that are computed before a run starts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bench import provenance
from bench.config.schema import RunConfig
from bench.parity import pending_verdict
from bench.records import FINISHED, RunRecord, Verdict
from bench.results import store


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a sweep. Its fields are computed once, when planned."""

    config: RunConfig
    run_id: str  # of the configuration; with a suffix if another machine's record uses this name
    block: str  # id of its block
    position: int  # position in its block, from 1
    number: int  # position in the sweep, from 1
    n_runs: int  # number of runs in the sweep, also of earlier commands
    label: str  # for progress lines: the settings that distinguish the run
    requested_at: str  # when the command started, ISO 8601, UTC
    dataset_folder: Path | None
    fingerprints: Mapping[str, str]  # of code, libraries and machine; the record's `made_with`
    pending_verdict: Verdict  # without rungs: the code and versions to be checked
    user_folder: Path | None = None  # given with --config-dir
    node: str = ""  # id of the machine; "" to find it out
    attempt: int = 1  # number of the attempt at its block

    @property
    def sweep_folder(self) -> Path:
        """The folder of the sweep."""
        return folder_of(self.config)

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.sweep_folder / self.run_id

    @property
    def record_path(self) -> Path:
        """The file of the run's record."""
        return self.folder / store.RECORD_NAME

    @property
    def log_path(self) -> Path:
        """The file for the output of the run's process."""
        return self.folder / store.LOG_NAME

    def with_current_fingerprints(self) -> Job:
        """Return the job with new fingerprints: files may have been edited since planning."""
        fingerprints, verdict = take_fingerprints(self.config)
        return replace(self, fingerprints=fingerprints, pending_verdict=verdict)

    def in_separate_folder(self) -> Job:
        """Return the job with a folder for this machine, next to another machine's record."""
        machine = msgspec.json.encode(machine_of(self.fingerprints))
        suffix = hashlib.sha256(machine).hexdigest()[:6]
        return replace(self, run_id=f"{self.config.run_id}-on-{suffix}")


def folder_of(config: RunConfig) -> Path:
    """Return the folder of the sweep that a run belongs to."""
    return Path(config.results_folder) / config.sweep_name


def is_of_another_run(record: RunRecord, job: Job) -> bool:
    """Return whether a record was made with another configuration and copied here."""
    return (record.run_id, record.config_hash) != (job.run_id, job.config.hash)


def is_current(record: RunRecord, job: Job) -> bool:
    """Return whether a record is a finished result of a job, with the same code and machine."""
    return record.status in FINISHED and not provenance.what_changed(
        record.made_with, job.fingerprints
    )


def is_of_another_machine(record: RunRecord, job: Job) -> bool:
    """Return whether a finished run used another processor, GPU or number of cores."""
    return record.status in FINISHED and any(
        record.made_with.get(key, value) != value
        for key, value in machine_of(job.fingerprints).items()
    )


def machine_of(fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprints of a run that identify the machine."""
    return {key: fingerprints[key] for key in provenance.MACHINE_KEYS if key in fingerprints}


def take_fingerprints(config: RunConfig) -> tuple[Mapping[str, str], Verdict]:
    """Return the current fingerprints of a run, and the verdict that it needs, without rungs."""
    return provenance.run_fingerprint(config), pending_verdict(config)
