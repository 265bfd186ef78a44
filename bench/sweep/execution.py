"""From the words of a command line to executed runs; used by `bench` and by `bench.run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import files
from bench.config import compose
from bench.config.schema import RunConfig
from bench.config.user_files import find_user_folder
from bench.console import printable
from bench.records import RunRecord
from bench.sweep import planning, scheduler
from bench.sweep.jobs import Job, folder_of
from bench.sweep.progress import TimeLeft


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The checked configurations of a command line.

    Attributes:
        configs: one per run.
        user_folder: the folder given with --config-dir, or None.
        default_name: the name of a sweep without a `sweep_name`.
        requested_at: ISO 8601, UTC.
    """

    configs: Sequence[RunConfig]
    user_folder: Path | None
    default_name: str
    requested_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """The runs of a request.

    Attributes:
        jobs: in the order of their execution; empty if planning was interrupted.
        interrupted: whether Ctrl-C ended it.
        words_to_continue: overrides that the same request needs to continue this sweep.
        given_up: the reason for each block that no node of a cluster could execute.
    """

    jobs: Sequence[Job]
    interrupted: bool
    words_to_continue: Sequence[str]
    given_up: Mapping[str, str]


def check(words: Sequence[str], *, multirun: bool, config_folder: str | None) -> Request:
    """Compose and check the configurations of all runs.

    Args:
        words: the overrides, such as ``["learning_rate=0.1"]``.
        multirun: whether several values of a key are allowed.
        config_folder: a user's folder that adds choices to those of conf/.

    Raises:
        ConfigError: a word or a value is invalid.
    """
    requested_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    default_name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    configs = compose.compose_runs(
        words, default_name=default_name, multirun=multirun, config_folder=config_folder
    )
    return Request(
        configs=configs,
        user_folder=find_user_folder(config_folder),
        default_name=default_name,
        requested_at=requested_at,
    )


def execute(request: Request) -> Execution:
    """Plan and execute all runs, and print their progress. Ctrl-C ends it without an exception.

    Raises:
        ConfigError: the sweep has records and `resume=false`.
        DatasetError: the dataset can't be found or downloaded.
        FileError: a file can't be written, so all other runs would fail too.
        LauncherError: the cluster can't be used.
    """
    jobs: list[Job] = []
    given_up: Mapping[str, str] = {}
    interrupted = False
    configs, default_name = request.configs, request.default_name
    try:
        jobs, records = planning.plan(
            configs, default_name, request.requested_at, request.user_folder
        )
        given_up = _execute_jobs(jobs, records)
    except OSError as error:
        if error.errno not in files.UNWRITABLE:
            raise
        path = printable(error.filename or folder_of(configs[0]))
        raise files.FileError(f"{path}: can't be written to: {error.strerror}") from error
    except KeyboardInterrupt:
        interrupted = True
    unnamed = jobs and configs[0].sweep_name == default_name
    words = [f"sweep_name={jobs[0].config.sweep_name}"] if unnamed else []
    return Execution(jobs=jobs, interrupted=interrupted, words_to_continue=words, given_up=given_up)


def _execute_jobs(jobs: Sequence[Job], records: Sequence[RunRecord]) -> Mapping[str, str]:
    """Execute all runs with their launcher; return the blocks that were given up, with reasons."""
    if jobs[0].config.launcher.name == "local":
        scheduler.execute_sweep(jobs, TimeLeft(jobs, records))
        return {}
    from bench.sweep.cluster import head

    folders = dict.fromkeys(job.sweep_folder for job in jobs)
    given_up: dict[str, str] = {}
    for folder in folders:
        given_up |= head.execute_sweep([job for job in jobs if job.sweep_folder == folder])
    return given_up
