"""The files below results/: their names, and how they are written and read.

A sweep's folder contains one folder per run. A run's folder gets its record.json once, atomically
and last: a run without one has not ended. Records are JSON. They are checked against
`bench.records.RunRecord` when read, so other modules get valid records only. Each file contains the
SHA-256 of its content, so damage is detected.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.files import (
    FileError,
    locked,
    read_plain_file,
    remove_temporary_files,
    write_atomically,
)
from bench.records import DatasetSummary, RunRecord, Verdict, decisive_verdicts

SCHEMA_VERSION = 1
RECORD_NAME = "record.json"
PLAN_NAME = "sweep.json"
LOG_NAME = "run.log"  # in a run's folder: what its process printed
DATASET_FILES = "dataset-*.json"
VERDICT_FILES = "parity-*.json"
MAX_HINTS = 10
CHECKSUM = "sha256"  # in every file: the key with the hash of all other keys
YOUNGER_KEY = "config_dir"  # early versions wrote no checksum; records with this key are younger

Contents = TypeVar("Contents")

StoreError = FileError  # raised by this module


class NewerError(StoreError):
    """The file was written by a later version of mlp-bench and must not be changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan:
    """The runs of a sweep in the order of their execution; written before the first run."""

    schema_version: int
    sweep_name: str
    run_ids: tuple[str, ...]


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
    write_atomically(path, encode(record))
    return path


def encode(contents: Any) -> bytes:
    """Return indented JSON with its checksum; numbers that are not finite become null."""
    content = msgspec.json.decode(msgspec.json.encode(contents), type=dict[str, Any])
    content[CHECKSUM] = _checksum(content)
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def _checksum(content: dict[str, Any]) -> str:
    """Return the SHA-256 of all keys except its own; it does not depend on the JSON's layout."""
    others = {key: value for key, value in content.items() if key != CHECKSUM}
    return hashlib.sha256(msgspec.json.encode(others, order="sorted")).hexdigest()


def read_record(path: Path) -> RunRecord:
    """Read and check one record; see `read`."""
    return read(path, RunRecord)


def add_to_plan(sweep_folder: Path, run_ids: Sequence[str]) -> tuple[SweepPlan, str | None]:
    """Append runs to a sweep's plan; several processes may do so at once.

    Args:
        sweep_folder: created if it does not exist.
        run_ids: the runs, in the order of their execution.

    Returns:
        The plan, and why an earlier plan was unreadable and had to be renamed, or None.

    Raises:
        NewerError: the plan was written by a later version.
        StoreError: the plan can't be written.
    """
    path = sweep_folder / PLAN_NAME
    damage = None
    with locked(sweep_folder):
        remove_temporary_files(path)
        earlier: tuple[str, ...] = ()
        if path.exists():
            try:
                earlier = read(path, SweepPlan).run_ids
            except NewerError:
                raise
            except StoreError as error:
                damage = str(error)
                path.rename(path.with_name(f"earlier-sweep-{time.time_ns()}.json"))
        plan = SweepPlan(
            schema_version=SCHEMA_VERSION,
            sweep_name=sweep_folder.name,
            run_ids=tuple(dict.fromkeys([*earlier, *run_ids])),
        )
        write_atomically(path, encode(plan))
    return plan, damage


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
    without_checksum: list[Path] = []
    run_folders = [entry for entry in entries if _has_record(entry)]
    for run_folder in run_folders:
        path = run_folder / RECORD_NAME
        record = _read_or_note(path, RunRecord, unreadable, without_checksum)
        if record is not None:
            read.append((run_folder.name, record))
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
        n_without_checksum=len(without_checksum),
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


def read_sweeps(folders: Sequence[Path]) -> Sweep:
    """Read one or several sweeps as one.

    Args:
        folders: the folders of one or more sweeps.

    Raises:
        StoreError: a folder is not a sweep's; the message names the sweeps below or above it.
    """
    sweeps = [read_sweep(folder) for folder in folders]
    for sweep in sweeps:
        if not (sweep.plan or sweep.records or sweep.unreadable):
            raise StoreError(f"{sweep.folder}: {_why_not_a_sweep(sweep.folder)}")
    return merged(sweeps)


def _why_not_a_sweep(folder: Path) -> str:
    """Return why a folder is not a sweep's, and which folders to give instead."""
    if (folder / RECORD_NAME).exists():
        return f"the folder of one run; give the folder of its sweep: {folder.resolve().parent}"
    sweeps = {path.parents[1] for path in folder.glob(f"*/*/{RECORD_NAME}")}
    sweeps |= {path.parent for path in folder.glob(f"*/{PLAN_NAME}")}
    if not sweeps:
        return "no records, so there is nothing to report; 'bench' writes results/<sweep_name>"
    names = sorted(str(path) for path in sweeps)
    first = ", ".join(names[:MAX_HINTS])
    more = f" and {len(names) - MAX_HINTS} more" if len(names) > MAX_HINTS else ""
    return f"not a sweep, but contains sweeps; give one or several of them: {first}{more}"


def merged(sweeps: Sequence[Sweep]) -> Sweep:
    """Combine several sweeps into one; run_ids then start with the sweep's name: `sweep/run`.

    A folder that is given twice is read once; a record copied from one sweep to another is
    ignored.

    Args:
        sweeps: one or more; a single sweep is returned unchanged.
    """
    sweeps = list({sweep.folder.resolve(): sweep for sweep in sweeps}.values())
    if len(sweeps) == 1:
        return sweeps[0]
    names = _distinct_names([sweep.folder.resolve() for sweep in sweeps])
    records: dict[bytes, RunRecord] = {}
    copies = [line for sweep in sweeps for line in sweep.copies]
    for name, sweep in zip(names, sweeps, strict=True):
        for record in sweep.records:
            content = msgspec.json.encode(replace(record, run_id="", sweep_name=""))
            run_id = f"{name}/{record.run_id}"
            if content in records:
                first = records[content].run_id
                copies.append(f"{run_id}: duplicate of run {first}; ignored")
            else:
                records[content] = replace(record, run_id=run_id)
    return Sweep(
        folder=Path(" + ".join(names)),
        name=" + ".join(names),
        plan=None,
        records=tuple(records.values()),
        unreadable=tuple(line for sweep in sweeps for line in sweep.unreadable),
        missing=tuple(
            f"{name}/{run_id}"
            for name, sweep in zip(names, sweeps, strict=True)
            for run_id in sweep.missing
        ),
        datasets=tuple(
            {
                summary.fingerprint: summary for sweep in sweeps for summary in sweep.datasets
            }.values()
        ),
        verdicts=decisive_verdicts(verdict for sweep in sweeps for verdict in sweep.verdicts),
        copies=tuple(copies),
        n_without_checksum=sum(sweep.n_without_checksum for sweep in sweeps),
    )


def _distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the folders' paths that are distinct."""
    for n_parts in itertools.count(1):
        names = ["/".join(folder.parts[-n_parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("different paths differ in their parts")


def _read_or_note(
    path: Path,
    kind: type[Contents],
    unreadable: list[str],
    without_checksum: list[Path] | None = None,
) -> Contents | None:
    try:
        return read(path, kind, without_checksum)
    except StoreError as error:
        unreadable.append(str(error))
        return None


def read(path: Path, kind: type[Contents], without_checksum: list[Path] | None = None) -> Contents:
    """Read and check one file.

    Args:
        path: the file.
        kind: `RunRecord`, `SweepPlan`, `Verdict` or `DatasetSummary`.
        without_checksum: the path is appended if the file is of an early version.

    Raises:
        NewerError: the file has a newer schema.
        StoreError: the file is missing, too large, not JSON or altered, or has other keys.
    """
    contents = read_plain_file(path)
    try:
        content = msgspec.json.decode(contents, type=dict[str, Any])
        version = content.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise NewerError(
                f"{path}: schema_version {version!r}, this version of mlp-bench reads up to "
                f"{SCHEMA_VERSION}; upgrade it"
            )
        if CHECKSUM in content and content[CHECKSUM] != _checksum(content):
            raise StoreError(f"{path}: damaged or edited: its {CHECKSUM} checksum does not match")
        result = msgspec.json.decode(contents, type=kind)
        if CHECKSUM not in content and YOUNGER_KEY in content:
            raise StoreError(f"{path}: damaged or edited: its {CHECKSUM} checksum is missing")
        if CHECKSUM not in content and without_checksum is not None:
            without_checksum.append(path)
        return result
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise StoreError(f"{path}: damaged or not a {kind.__name__}: {error}") from error
