"""Jobs: the runs of a sweep, with everything that is known about each before it starts."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bench import provenance
from bench.config import identity
from bench.config.schema import ConfigError, RunConfig
from bench.console import printable
from bench.data import datasets
from bench.parity import pending_verdict
from bench.records import FINISHED, RunRecord, Verdict
from bench.results import store
from bench.terminal import RUN_KEYS, shown_setting

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
        made_with, pending = _fingerprints(self.config)
        return replace(self, made_with=made_with, pending=pending)

    def beside(self) -> Job:
        """Return the job with a folder beside the one that holds another machine's record."""
        return replace(self, run_id=_id_on_this_machine(self))


def folder_of(config: RunConfig) -> Path:
    """Return the folder of the sweep that a run belongs to."""
    return Path(config.results_folder) / config.sweep_name


def plan(
    configs: Sequence[RunConfig],
    default_name: str,
    requested_at: str,
    user_folder: Path | None = None,
) -> tuple[list[Job], list[RunRecord]]:
    """Check that the runs can start, write the plan of their sweep, and return them as jobs.

    Args:
        configs: the runs asked for.
        default_name: the `sweep_name` of a sweep that was given none.
        requested_at: when the command was given, ISO 8601, UTC.
        user_folder: of the user's own choices, given with --config-dir.

    Returns:
        The jobs in the order in which they are to run, and the records that the sweep has already.

    Raises:
        ConfigError: the sweep has records and `resume=false`.
        DatasetError: the dataset can't be found or fetched.
        StoreError: the folder can't be written to.
    """
    for folder in {folder_of(config) for config in configs if not config.resume}:
        if any(folder.glob(f"*/{store.RECORD_NAME}")):
            raise ConfigError(
                f"sweep_name={folder.name}: {folder} has records already; choose another "
                "sweep_name, or resume=true to add to it"
            )
    dataset_folders = {
        settings: datasets.locate(settings) for settings in {config.dataset for config in configs}
    }
    configs = _with_own_folder(configs, default_name)
    if any(config.shuffle_runs for config in configs):
        # The same order whenever a sweep of this name is resumed.
        random.Random(configs[0].sweep_name).shuffle(configs)  # noqa: S311
    by_folder: dict[Path, list[Job]] = {}
    fingerprints = _FingerprintCache()
    for config, label in zip(configs, _labels(configs), strict=True):
        made_with, pending = fingerprints.of(config)
        job = Job(
            config=config,
            run_id=config.run_id,
            number=0,
            n_runs=0,
            label=label,
            requested_at=requested_at,
            dataset_folder=dataset_folders[config.dataset],
            made_with=made_with,
            pending=pending,
            user_folder=user_folder,
        )
        by_folder.setdefault(job.sweep_folder, []).append(job)
    planned: list[Job] = []
    records: list[RunRecord] = []
    for folder, jobs in by_folder.items():
        earlier = store.read_sweep(folder).records if folder.is_dir() else ()
        planned += _write_plan(folder, _kept_apart(jobs, earlier))
        records += earlier
    return planned, records


def is_current(record: RunRecord, job: Job) -> bool:
    """Say whether a record is the finished result of a job, made with the same code and machine."""
    return record.status in FINISHED and not provenance.what_changed(
        record.made_with, job.made_with
    )


def is_of_another_machine(record: RunRecord, job: Job) -> bool:
    """Say whether a finished run was made on another processor, or on more or fewer cores."""
    return record.status in FINISHED and any(
        record.made_with.get(key, value) != value for key, value in _machine(job.made_with).items()
    )


def _machine(made_with: Mapping[str, str]) -> dict[str, str]:
    return {key: made_with[key] for key in provenance.MACHINE_KEYS}


def _id_on_this_machine(job: Job) -> str:
    machine = hashlib.sha256(msgspec.json.encode(_machine(job.made_with))).hexdigest()
    return f"{job.config.run_id}-on-{machine[:6]}"


def _kept_apart(jobs: Sequence[Job], earlier: Sequence[RunRecord]) -> list[Job]:
    """Give jobs whose folders hold another machine's records folders beside those."""
    records = {record.run_id: record for record in earlier}
    others = {
        job.run_id
        for job in jobs
        if job.run_id in records and is_of_another_machine(records[job.run_id], job)
    }
    if others:
        machine = ", ".join(f"{key} {value}" for key, value in _machine(jobs[0].made_with).items())
        print(
            f"Records from another machine are kept ({len(others)} of {len(jobs)} runs); runs on "
            f"this one ({printable(machine)}) go into folders beside them",
            flush=True,
        )
    return [job.beside() if job.run_id in others else job for job in jobs]


def _write_plan(folder: Path, jobs: Sequence[Job]) -> list[Job]:
    """Add jobs to the plan of a sweep, and return them with their positions in it."""
    sweep_plan, damage = store.add_to_plan(folder, [job.run_id for job in jobs])
    if damage is not None:
        print(f"{printable(damage)}; set aside, and written anew from this command", flush=True)
    numbers = {run_id: number for number, run_id in enumerate(sweep_plan.run_ids, start=1)}
    return [replace(job, number=numbers[job.run_id], n_runs=len(numbers)) for job in jobs]


def _with_own_folder(configs: Sequence[RunConfig], default_name: str) -> list[RunConfig]:
    """Give a sweep without a name a new folder: two commands may start in the same second."""
    unnamed = {config.results_folder for config in configs if config.sweep_name == default_name}
    names = {folder: _new_folder(Path(folder), default_name) for folder in unnamed}
    return [
        msgspec.structs.replace(config, sweep_name=names[config.results_folder])
        if config.sweep_name == default_name
        else config
        for config in configs
    ]


def _new_folder(parent: Path, name: str) -> str:
    """Make a folder called `name`, or `name-2` and so on where there is one, and return its name.

    Raises:
        StoreError: none can be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for candidate in itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2))):
            with contextlib.suppress(FileExistsError):
                (parent / candidate).mkdir()
                return candidate
    except OSError as error:
        raise store.StoreError(f"{parent}: can't be written to: {error.strerror}") from error
    raise AssertionError("one of infinitely many names is free")


def _labels(configs: Sequence[RunConfig]) -> list[str]:
    """Return what tells each run from the others, for progress lines."""
    contents = [msgspec.to_builtins(config) for config in configs]
    varying = [key for key in identity.varying_keys(contents) if key not in RUN_KEYS]
    return [
        f"{config.implementation.name} {config.architecture.name} "
        f"learning rate {config.learning_rate:g}, seed {config.seed}"
        + "".join(f", {key} {shown_setting(content, key)}" for key in varying)
        for config, content in zip(configs, contents, strict=True)
    ]


def _fingerprints(config: RunConfig) -> Fingerprints:
    return provenance.of_run(config), pending_verdict(config)


class _FingerprintCache:
    """Takes fingerprints once for all runs that have the same ones."""

    def __init__(self) -> None:
        self._known: dict[bytes, Fingerprints] = {}

    def of(self, config: RunConfig) -> Fingerprints:
        key = msgspec.json.encode(
            (config.implementation, config.recipe, config.device, config.cores)
        )
        if key not in self._known:
            self._known[key] = _fingerprints(config)
        return self._known[key]
