"""From configurations to jobs: folders, the order of runs, the plan of a sweep."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.config import identity
from bench.config.errors import ConfigError
from bench.config.schema import RunConfig
from bench.console import printable
from bench.data import datasets
from bench.records import RunRecord, Verdict
from bench.results import store
from bench.results.plan import add_to_plan
from bench.sweep.blocks import Block, group_into_blocks
from bench.sweep.jobs import Job, folder_of, is_of_another_machine, machine_of, take_fingerprints
from bench.terminal import RUN_KEYS, format_setting


def plan(
    configs: Sequence[RunConfig],
    default_name: str,
    requested_at: str,
    user_folder: Path | None = None,
) -> tuple[list[Job], list[RunRecord]]:
    """Check that the runs can start, write the plan of their sweep, and return them as jobs.

    Args:
        configs: the configurations of the runs.
        default_name: the `sweep_name` of a sweep without a name.
        requested_at: when the command started, ISO 8601, UTC.
        user_folder: folder given with --config-dir.

    Returns:
        The jobs in the order of execution, and the existing records of the sweep.

    Raises:
        ConfigError: the sweep has records and `resume=false`, or there are several launchers.
        DatasetError: the dataset can't be found or downloaded.
        StoreError: the folder can't be written to.
    """
    _refuse_existing_records(configs)
    if len({config.launcher for config in configs}) > 1:
        raise ConfigError("launcher: differs between runs; give one launcher for all of them")
    dataset_folders = {
        settings: datasets.locate(settings) for settings in {config.dataset for config in configs}
    }
    blocks = group_into_blocks(_prepare_folders(configs, default_name))
    by_folder: dict[Path, list[Job]] = {}
    for job in _build_jobs(blocks, dataset_folders, requested_at, user_folder):
        by_folder.setdefault(job.sweep_folder, []).append(job)
    planned: list[Job] = []
    records: list[RunRecord] = []
    for folder, jobs in by_folder.items():
        earlier = store.read_sweep(folder).records if folder.is_dir() else ()
        if jobs[0].config.launcher.name == "local":
            jobs = _use_separate_folders(jobs, earlier)
        planned += _write_plan(folder, jobs)
        records += earlier
    return planned, records


def _refuse_existing_records(configs: Sequence[RunConfig]) -> None:
    """Refuse `resume=false` for a sweep that has records."""
    for folder in {folder_of(config) for config in configs if not config.resume}:
        if any(folder.glob(f"*/{store.RECORD_NAME}")):
            raise ConfigError(
                f"sweep_name={folder.name}: {folder} has records already; choose another "
                "sweep_name, or resume=true to add to it"
            )


def _prepare_folders(configs: Sequence[RunConfig], default_name: str) -> list[RunConfig]:
    """Create a new folder for a sweep without a name: two may start in the same second."""
    unnamed = {config.results_folder for config in configs if config.sweep_name == default_name}
    names = {folder: _create_folder(Path(folder), default_name) for folder in unnamed}
    return [
        msgspec.structs.replace(config, sweep_name=names[config.results_folder])
        if config.sweep_name == default_name
        else config
        for config in configs
    ]


def _create_folder(parent: Path, name: str) -> str:
    """Create a folder called `name`, or `name-2` and so on if that exists; return its name."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for candidate in itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2))):
            with contextlib.suppress(FileExistsError):
                (parent / candidate).mkdir()
                return candidate
    except OSError as error:
        raise store.StoreError(f"{parent}: can't be written to: {error.strerror}") from error
    raise AssertionError("the loop has no end")


def _build_jobs(
    blocks: Sequence[Block],
    dataset_folders: Mapping[datasets.DatasetSettings, Path | None],
    requested_at: str,
    user_folder: Path | None,
) -> Iterator[Job]:
    """Yield a job for each run, without its position in the sweep."""
    runs = [
        (block.block_id, position, config)
        for block in blocks
        for position, config in enumerate(block.configs, start=1)
    ]
    labels = _labels([config for _, _, config in runs])
    fingerprints: dict[bytes, tuple[Mapping[str, str], Verdict]] = {}
    for (block, position, config), label in zip(runs, labels, strict=True):
        key = msgspec.json.encode(
            (
                *(config.implementation, config.recipe, config.device, config.cores),
                config.instructions,
            )
        )
        if key not in fingerprints:
            fingerprints[key] = take_fingerprints(config)
        yield Job(
            config=config,
            run_id=config.run_id,
            block=block,
            position=position,
            number=0,  # `_write_plan` sets number and n_runs
            n_runs=0,
            label=label,
            requested_at=requested_at,
            dataset_folder=dataset_folders[config.dataset],
            fingerprints=fingerprints[key][0],
            pending_verdict=fingerprints[key][1],
            user_folder=user_folder,
        )


def _labels(configs: Sequence[RunConfig]) -> list[str]:
    """Return a label that distinguishes each run, for progress lines."""
    contents = [msgspec.to_builtins(config) for config in configs]
    varying = [key for key in identity.varying_keys(contents) if key not in RUN_KEYS]
    return [
        f"{config.implementation.name} {config.architecture.name} "
        f"learning rate {config.learning_rate:g}, seed {config.seed}"
        + "".join(f", {key} {format_setting(content, key)}" for key in varying)
        for config, content in zip(configs, contents, strict=True)
    ]


def _use_separate_folders(jobs: Sequence[Job], earlier: Sequence[RunRecord]) -> list[Job]:
    """If a job's folder contains a record from another machine, give the job a new folder."""
    records = {record.run_id: record for record in earlier}
    occupied = {
        job.run_id
        for job in jobs
        if job.run_id in records and is_of_another_machine(records[job.run_id], job)
    }
    if occupied:
        machine = ", ".join(
            f"{key} {value}" for key, value in machine_of(jobs[0].fingerprints).items()
        )
        print(
            f"{len(occupied)} of {len(jobs)} runs have records from another processor or number "
            f"of cores, which are kept; runs on this one ({printable(machine)}) use separate "
            "folders"
        )
    return [job.in_separate_folder() if job.run_id in occupied else job for job in jobs]


def _write_plan(folder: Path, jobs: Sequence[Job]) -> list[Job]:
    """Add jobs to the plan of a sweep, and return them with their positions in it."""
    sweep_plan, damage = add_to_plan(folder, [job.run_id for job in jobs])
    if damage is not None:
        print(f"{printable(damage)}; renamed; a new plan was written")
    numbers = {run_id: number for number, run_id in enumerate(sweep_plan.run_ids, start=1)}
    return [replace(job, number=numbers[job.run_id], n_runs=len(numbers)) for job in jobs]
