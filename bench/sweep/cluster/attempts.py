"""The folder of a sweep's attempts: requests, jobs, results that are not committed.

    results/SWEEP/attempts/.lock             held by the head
    results/SWEEP/attempts/BLOCK-N/          one attempt
        request.json                         written by the head
        job                                  the engine's id, written by the head
        started.json                         written by the node; by the head if given up
        RUN/record.json, RUN/run.log, ...    results, written by the node
        outcome.json                         written last: by the node, or by Ray's launcher
        committed                            written by the head before it moves the results
    results/SWEEP/attempts/datasets/NAME/    the files of a dataset, for nodes that lack them
    results/SWEEP/attempts/slurm/            what jobs of SLURM have printed

Results of attempts that are not committed stay as evidence.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bench import files
from bench.data import copies
from bench.data.datasets import DatasetSettings
from bench.records import RunRecord, Verdict
from bench.results import checksummed, store
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.messages import (
    DATASETS,
    OUTCOME_NAME,
    REQUEST_NAME,
    STARTED_NAME,
    BlockRequest,
    Outcome,
)

FOLDER = "attempts"
JOB_NAME = "job"
COMMITTED_NAME = "committed"


class Attempts:
    """The attempts of one sweep, as files."""

    def __init__(self, sweep_folder: Path) -> None:
        """Use the folder of a sweep; nothing is written yet."""
        self._sweep_folder = sweep_folder
        self.folder = sweep_folder / FOLDER

    def folder_of(self, attempt: Attempt) -> Path:
        """Return the folder of an attempt."""
        return self.folder / attempt.name

    def existing(self) -> list[Attempt]:
        """Return the attempts that have a folder, sorted by block and number."""
        found = []
        for path in self.folder.glob("block-*-*"):
            block, _, number = path.name.rpartition("-")
            if number.isdecimal():
                found.append(Attempt(block, int(number)))
        return sorted(found)

    def write_request(self, attempt: Attempt, request: BlockRequest) -> Path:
        """Create the folder of an attempt with its request; return the folder."""
        folder = self.folder_of(attempt)
        files.write_atomically(folder / REQUEST_NAME, msgspec.json.encode(request))
        return folder

    def discard(self, attempt: Attempt) -> None:
        """Delete the folder of an attempt that could not be started."""
        shutil.rmtree(self.folder_of(attempt), ignore_errors=True)

    def write_datasets(self, folders: Mapping[DatasetSettings, Path | None]) -> None:
        """Write datasets for nodes that do not have them.

        Args:
            folders: of the datasets on this machine; None for those without a folder.

        Raises:
            DatasetError: a file is missing or damaged.
            FileError: a file can't be written.
        """
        for settings, folder in folders.items():
            if folder is not None:
                copies.write(settings, folder, self.folder / DATASETS / settings.name)

    def remove_datasets(self) -> None:
        """Delete the datasets: no node needs them any more."""
        shutil.rmtree(self.folder / DATASETS, ignore_errors=True)

    def write_job(self, attempt: Attempt, engine_id: str) -> None:
        """Keep the engine's id of an attempt for later commands."""
        files.write_atomically(self.folder_of(attempt) / JOB_NAME, engine_id.encode())

    def job(self, attempt: Attempt) -> str | None:
        """Return the engine's id of an attempt."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder_of(attempt) / JOB_NAME).read_text()
        return None

    def prevent(self, attempt: Attempt) -> None:
        """Let no node begin with an attempt that is given up; a node that has begun goes on."""
        with contextlib.suppress(FileExistsError):
            (self.folder_of(attempt) / STARTED_NAME).open("xb").close()

    def outcome(self, attempt: Attempt) -> Outcome | None:
        """Return the outcome of an attempt; None if the node has not written it."""
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            contents = (self.folder_of(attempt) / OUTCOME_NAME).read_bytes()
            return msgspec.json.decode(contents, type=Outcome)
        return None

    def records(self, attempt: Attempt) -> dict[str, RunRecord]:
        """Return the records of an attempt that are not committed, by run_id.

        Raises:
            StoreError: a record is damaged.
        """
        paths = self.folder_of(attempt).glob(f"[!.]*/{store.RECORD_NAME}")
        return {path.parent.name: store.read_record(path) for path in paths}

    def verdicts(self) -> list[Verdict]:
        """Return the readable verdicts that are committed."""
        found = []
        for path in self._sweep_folder.glob(store.VERDICT_FILES):
            with contextlib.suppress(store.StoreError):
                found.append(checksummed.read(path, Verdict))
        return found

    def commit(self, attempt: Attempt) -> None:
        """Move the results of a complete attempt into the sweep.

        If the head is killed meanwhile, `finish_commits` of the next command moves the rest.
        """
        files.write_atomically(self.folder_of(attempt) / COMMITTED_NAME, b"")
        self._move(attempt)

    def finish_commits(self) -> None:
        """Move what an earlier, killed command has committed but not moved."""
        for attempt in self.existing():
            if (self.folder_of(attempt) / COMMITTED_NAME).exists():
                self._move(attempt)

    def _move(self, attempt: Attempt) -> None:
        folder = self.folder_of(attempt)
        for path in [*folder.glob(store.DATASET_FILES), *folder.glob(store.VERDICT_FILES)]:
            if not (self._sweep_folder / path.name).exists():
                path.replace(self._sweep_folder / path.name)
        for record in sorted(folder.glob(f"[!.]*/{store.RECORD_NAME}")):
            run_folder = self._sweep_folder / record.parent.name
            with files.locked(run_folder):
                _keep_earlier(run_folder)
                for path in sorted(record.parent.iterdir(), key=lambda path: path == record):
                    path.replace(run_folder / path.name)  # the record last
        shutil.rmtree(folder)


def _keep_earlier(run_folder: Path) -> None:
    """Rename the files of a run that is replaced; without a record, its log may be the new one."""
    if not (run_folder / store.RECORD_NAME).exists():
        return
    name = f"earlier-{time.time_ns()}"
    for path, suffix in ((store.LOG_NAME, "log"), (store.RECORD_NAME, "json")):
        with contextlib.suppress(FileNotFoundError):
            (run_folder / path).rename(run_folder / f"{name}.{suffix}")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the folder of attempts during a `with` block: one command is the head of a sweep."""
    with files.locked(folder, wait=False) as acquired:
        yield acquired


def last_numbers(attempts: list[Attempt]) -> Mapping[str, int]:
    """Return the number of the last attempt of each block."""
    return {attempt.block: attempt.number for attempt in sorted(attempts)}


def read_datasets(folder: Path) -> list[tuple[str, bytes]]:
    """Return what `write_datasets` has written to the folder of attempts: paths below it, bytes."""
    paths = sorted((folder / DATASETS).glob("*/*"))
    return [(str(path.relative_to(folder)), path.read_bytes()) for path in paths]


def write_failure(folder: Path, reason: str) -> None:
    """Write the outcome of an attempt that the engine reports as failed.

    Args:
        folder: of the attempt.
        reason: in words.
    """
    outcome = Outcome(status="failed", reason=reason)
    files.write_atomically(folder / OUTCOME_NAME, msgspec.json.encode(outcome))
