"""The files below results/: their names, and how they are written and read.

A sweep's folder contains one folder per run. A run's folder gets its record.json once, atomically
and last: a run without one has not ended. Records are JSON. They are checked against
`bench.records.RunRecord` when read, so other modules get valid records only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.files import FileError, write_atomically
from bench.records import DatasetSummary, RunRecord, Verdict
from bench.results import checksummed
from bench.results.plan import PLAN_NAME, SweepPlan
from bench.scores import decisive_verdicts

RECORD_NAME = "record.json"
LOG_NAME = "run.log"  # in a run's folder: what its process printed
DATASET_FILES = "dataset-*.json"
VERDICT_FILES = "parity-*.json"

Contents = TypeVar("Contents")

StoreError = FileError  # raised by this module


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """The readable contents of one sweep, or of several sweeps merged into one."""

    folder: Path
    plan: SweepPlan | None
    records: tuple[RunRecord, ...]  # in the order of the plan; then unplanned ones, by folder
    unreadable: tuple[str, ...]  # one sentence per file or folder
    missing: tuple[str, ...]  # planned run_ids without a record
    datasets: tuple[DatasetSummary, ...]
    verdicts: tuple[Verdict, ...] = ()
    name: str = ""  # the folder's name, also if the folder was given as `.`
    copies: tuple[str, ...] = ()  # one sentence per duplicate record
    n_without_checksum: int = 0  # records of early versions


def write_record(sweep_folder: Path, record: RunRecord) -> Path:
    """Write a run's record; an existing record is never overwritten.

    Args:
        sweep_folder: the sweep's folder; created if it does not exist.
        record: the record to write, into the folder of its run_id.

    Returns:
        The path of record.json.

    Raises:
        StoreError: the record exists already, or can't be written.
    """
    path = sweep_folder / record.run_id / RECORD_NAME
    if path.exists():
        raise StoreError(f"{path}: exists already; a record is never overwritten")
    write_atomically(path, checksummed.encode(record))
    return path


def read_record(path: Path) -> RunRecord:
    """Read and check one record; see `checksummed.read`."""
    return checksummed.read(path, RunRecord)


def dataset_path(sweep_folder: Path, name: str, fingerprint: str) -> Path:
    """Return the path of a dataset's summary in a sweep's folder."""
    return sweep_folder / DATASET_FILES.replace("*", f"{name}-{fingerprint}")


def verdict_path(sweep_folder: Path, verdict: Verdict) -> Path:
    """Return the path of a parity verdict in a sweep's folder."""
    words = "-".join((verdict.implementation, *verdict.equations.values()))
    return sweep_folder / VERDICT_FILES.replace("*", f"{words}-{verdict.key[:8]}")


def read_sweep(folder: Path) -> Sweep:
    """Read all readable files of a sweep, and list the unreadable ones.

    Args:
        folder: the sweep's folder, such as results/default.

    Raises:
        StoreError: the path is not a folder, or cannot be listed.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder; 'bench' writes results/<sweep_name>")
    unreadable: list[str] = []
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise StoreError(f"{folder}: can't be read: {error.strerror}") from error
    plan = None
    if folder / PLAN_NAME in entries:
        plan = _read_or_note(folder / PLAN_NAME, SweepPlan, unreadable)
    read: list[tuple[str, RunRecord]] = []
    n_without_checksum = 0
    run_folders = [entry for entry in entries if _has_record(entry)]
    for run_folder in run_folders:
        path = run_folder / RECORD_NAME
        try:
            record, has_checksum = checksummed.read_any_age(path, RunRecord)
        except StoreError as error:
            unreadable.append(str(error))
        else:
            read.append((run_folder.name, record))
            n_without_checksum += not has_checksum
    records, copies = _without_copies(folder, read)
    planned = plan.run_ids if plan else ()
    order = {run_id: place for place, run_id in enumerate(planned)}
    present = {entry.name for entry in run_folders} | {record.run_id for record in records}
    return Sweep(
        folder=folder,
        name=folder.resolve().name,
        plan=plan,
        records=tuple(sorted(records, key=lambda record: order.get(record.run_id, len(order)))),
        unreadable=tuple(unreadable),
        missing=tuple(run_id for run_id in planned if run_id not in present),
        datasets=_read_all(entries, DATASET_FILES, DatasetSummary, unreadable),
        verdicts=decisive_verdicts(_read_all(entries, VERDICT_FILES, Verdict, unreadable)),
        copies=tuple(copies),
        n_without_checksum=n_without_checksum,
    )


def _has_record(entry: Path) -> bool:
    """Return whether a folder contains a record or is unreadable; the read reports the reason."""
    try:
        (entry / RECORD_NAME).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _without_copies(
    folder: Path, read: Sequence[tuple[str, RunRecord]]
) -> tuple[list[RunRecord], list[str]]:
    """Keep one record of each run_id, and list the folders of the others.

    The record in the folder that is named like the run is kept, or else the first record.
    """
    kept: dict[str, tuple[str, RunRecord]] = {}
    for name, record in read:
        if record.run_id not in kept or name == record.run_id:
            kept[record.run_id] = name, record
    copies = []
    for name, record in read:
        kept_name, kept_record = kept[record.run_id]
        if name != kept_name:
            what = (
                f"duplicate of run {record.run_id}"
                if record == kept_record
                else f"another record with the run_id {record.run_id}, of {folder / kept_name}"
            )
            copies.append(f"{folder / name}: {what}; ignored")
    return [record for _, record in kept.values()], copies


def _read_all(
    entries: Sequence[Path], pattern: str, kind: type[Contents], unreadable: list[str]
) -> tuple[Contents, ...]:
    contents = [_read_or_note(entry, kind, unreadable) for entry in entries if entry.match(pattern)]
    return tuple(content for content in contents if content is not None)


def _read_or_note(path: Path, kind: type[Contents], unreadable: list[str]) -> Contents | None:
    try:
        return checksummed.read(path, kind)
    except StoreError as error:
        unreadable.append(str(error))
        return None
