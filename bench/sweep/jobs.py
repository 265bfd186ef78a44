"""Jobs: the runs of a sweep, with everything that is known about each before it starts."""

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

LOG_NAME = "run.log"
Fingerprints = tuple[Mapping[str, str], Verdict]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a sweep. What is in it is worked out once, and handed down."""

    config: RunConfig
    run_id: str  # the config's; with a suffix where another machine's record has that name
    number: int  # position in the sweep, from 1
    n_runs: int  # of the whole sweep, other commands' runs included
    label: str  # for progress lines: the run's settings that tell it from others
    requested_at: str  # when the command was given, ISO 8601, UTC
    dataset_folder: Path | None
    made_with: Mapping[str, str]  # fingerprints of code, libraries and machine
    pending: Verdict  # without rungs: what the parity verdict on this run holds for
    user_folder: Path | None = None  # given with --config-dir

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
        """The file that the run's record is written to."""
        return self.folder / store.RECORD_NAME

    @property
    def log_path(self) -> Path:
        """The file that gets what the run's process prints."""
        return self.folder / LOG_NAME

    def refreshed(self) -> Job:
        """Return the job with the fingerprints of now: files may have been edited meanwhile."""
        made_with, pending = take_fingerprints(self.config)
        return replace(self, made_with=made_with, pending=pending)

    def beside(self) -> Job:
        """Return the job with a folder beside the one that holds another machine's record."""
        return replace(self, run_id=_id_on_this_machine(self))


def folder_of(config: RunConfig) -> Path:
    """Return the folder of the sweep that a run belongs to."""
    return Path(config.results_folder) / config.sweep_name


def is_current(record: RunRecord, job: Job) -> bool:
    """Say whether a record is the finished result of a job, made with the same code and machine."""
    return record.status in FINISHED and not provenance.what_changed(
        record.made_with, job.made_with
    )


def is_of_another_machine(record: RunRecord, job: Job) -> bool:
    """Say whether a finished run was made on another processor, GPU or number of cores."""
    return record.status in FINISHED and any(
        record.made_with.get(key, value) != value
        for key, value in machine_of(job.made_with).items()
    )


def machine_of(made_with: Mapping[str, str]) -> dict[str, str]:
    """Return the part of a run's fingerprints that names the machine."""
    return {key: made_with[key] for key in provenance.MACHINE_KEYS if key in made_with}


def _id_on_this_machine(job: Job) -> str:
    machine = hashlib.sha256(msgspec.json.encode(machine_of(job.made_with))).hexdigest()
    return f"{job.config.run_id}-on-{machine[:6]}"


def take_fingerprints(config: RunConfig) -> Fingerprints:
    """Return what a run made now is made with, and the verdict that it needs, without rungs."""
    return provenance.run_fingerprint(config), pending_verdict(config)
