"""From configurations to jobs: folders, the order of runs, the plan of a sweep."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.config import identity
from bench.config.errors import ConfigError
from bench.config.schema import RunConfig
from bench.console import printable
from bench.data import datasets
from bench.records import RunRecord
from bench.results import store
from bench.sweep.jobs import (
    Fingerprints,
    Job,
    folder_of,
    is_of_another_machine,
    machine_of,
    take_fingerprints,
)
from bench.terminal import RUN_KEYS, shown_setting


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
    _refuse_finished(configs)
    dataset_folders = {
        settings: datasets.locate(settings) for settings in {config.dataset for config in configs}
    }
    configs = _with_own_folder(configs, default_name)
    if any(config.shuffle_runs for config in configs):
        # The same order whenever a sweep of this name is resumed.
        random.Random(configs[0].sweep_name).shuffle(configs)  # noqa: S311
    by_folder: dict[Path, list[Job]] = {}
    for config, label, (made_with, pending) in zip(
        configs, _labels(configs), _fingerprints_of(configs), strict=True
    ):
        job = Job(
            config=config,
            run_id=config.run_id,
            number=0,  # this and the next: once the plan is written
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


def _refuse_finished(configs: Sequence[RunConfig]) -> None:
    """Refuse a sweep that has records where `resume=false`."""
    for folder in {folder_of(config) for config in configs if not config.resume}:
        if any(folder.glob(f"*/{store.RECORD_NAME}")):
            raise ConfigError(
                f"sweep_name={folder.name}: {folder} has records already; choose another "
                "sweep_name, or resume=true to add to it"
            )


def _kept_apart(jobs: Sequence[Job], earlier: Sequence[RunRecord]) -> list[Job]:
    """Give jobs whose folders hold another machine's records folders beside those."""
    records = {record.run_id: record for record in earlier}
    others = {
        job.run_id
        for job in jobs
        if job.run_id in records and is_of_another_machine(records[job.run_id], job)
    }
    if others:
        machine = ", ".join(
            f"{key} {value}" for key, value in machine_of(jobs[0].made_with).items()
        )
        print(
            f"{len(others)} of {len(jobs)} runs were made on another processor or number of cores "
            f"and are kept; those made here ({printable(machine)}) go into folders beside them",
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


def _fingerprints_of(configs: Sequence[RunConfig]) -> list[Fingerprints]:
    """Take fingerprints once for all runs that have the same ones."""
    known: dict[bytes, Fingerprints] = {}
    keys = [
        msgspec.json.encode((config.implementation, config.recipe, config.device, config.cores))
        for config in configs
    ]
    for key, config in zip(keys, configs, strict=True):
        if key not in known:
            known[key] = take_fingerprints(config)
    return [known[key] for key in keys]
