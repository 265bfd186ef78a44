"""results/: where records are, and how they are written and read.

A sweep's folder holds one folder per run, and a run's folder gets its record.json once, atomically
and last: a run without one has not ended. Records are JSON, checked against
`bench.contract.RunRecord` on the way in, so that nothing else of the project meets a malformed one;
what is written has the SHA-256 of its content besides, so that damage of any kind is found.
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
from bench.records import DatasetSummary, RunRecord, Verdict

SCHEMA_VERSION = 1
RECORD_NAME = "record.json"
PLAN_NAME = "sweep.json"
CHECKSUM = "sha256"  # the key, in every file, of the hash of the others

Contents = TypeVar("Contents")


StoreError = FileError  # what this module raises


class NewerError(StoreError):
    """A later version has written the file. It is whole, and not to be touched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan:
    """Which runs a sweep consists of, in the order they are run; written before the first one."""

    schema_version: int
    sweep_name: str
    run_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """All that could be read of one sweep."""

    folder: Path
    plan: SweepPlan | None
    records: tuple[RunRecord, ...]  # in the order of the plan, others after it by name
    unreadable: tuple[str, ...]  # one sentence a file
    missing: tuple[str, ...]  # run_ids that are planned and have no record yet
    datasets: tuple[DatasetSummary, ...]
    verdicts: tuple[Verdict, ...] = ()
    name: str = ""  # of the folder, also where that was given as `.`
    n_repeated: int = 0  # records that several sweeps hold, and that count once


def write_record(sweep_folder: Path, record: RunRecord) -> Path:
    """Write a run's record. A record that is there already is never overwritten.

    Raises:
        StoreError: there is one, or it can't be written.
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
    """Return the SHA-256 of all keys but its own, however the JSON they came from was laid out."""
    others = {key: value for key, value in content.items() if key != CHECKSUM}
    return hashlib.sha256(msgspec.json.encode(others, order="sorted")).hexdigest()


def read_record(path: Path) -> RunRecord:
    """Read and check one record.

    Raises:
        NewerError: of a newer schema.
        StoreError: missing, too large, not JSON, altered or of another shape.
    """
    return _read(path, RunRecord)


def read_plan(sweep_folder: Path) -> SweepPlan:
    """Read a sweep's plan.

    Raises:
        StoreError: as `read_record`.
    """
    return _read(sweep_folder / PLAN_NAME, SweepPlan)


def add_to_plan(sweep_folder: Path, run_ids: Sequence[str]) -> tuple[SweepPlan, str | None]:
    """Plan these runs, after those that are planned already; several processes may do so at once.

    Returns:
        The plan, and what was wrong with an earlier one that had to be set aside, or None.

    Raises:
        NewerError: a later version has written the plan that is there.
        StoreError: none can be written.
    """
    path = sweep_folder / PLAN_NAME
    damage = None
    with locked(sweep_folder):
        remove_temporary_files(path)
        earlier: tuple[str, ...] = ()
        if path.exists():
            try:
                earlier = read_plan(sweep_folder).run_ids
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
    """Return where a sweep keeps what its report shows of one dataset."""
    return sweep_folder / f"dataset-{name}-{fingerprint}.json"


def verdict_path(sweep_folder: Path, verdict: Verdict) -> Path:
    """Return where a sweep keeps what is known of an implementation's parity."""
    words = "-".join((verdict.implementation, *verdict.equations.values()))
    return sweep_folder / f"parity-{words}-{verdict.key[:8]}.json"


def read_verdict(path: Path) -> Verdict:
    """Read and check one verdict.

    Raises:
        StoreError: as `read_record`.
    """
    return _read(path, Verdict)


def read_sweep(folder: Path) -> Sweep:
    """Read all of a sweep that can be read, and name the rest.

    Raises:
        StoreError: `folder` is not a folder.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder; results are written by 'bench'")
    unreadable: list[str] = []
    plan = None
    if (folder / PLAN_NAME).exists():
        plan = _read_or_note(folder / PLAN_NAME, SweepPlan, unreadable)
    records = {}
    for path in sorted(folder.glob(f"*/{RECORD_NAME}")):
        record = _read_or_note(path, RunRecord, unreadable)
        if record is not None:
            records[path.parent.name] = record
    datasets = [
        _read_or_note(path, DatasetSummary, unreadable)
        for path in sorted(folder.glob("dataset-*.json"))
    ]
    verdicts = [
        _read_or_note(path, Verdict, unreadable) for path in sorted(folder.glob("parity-*.json"))
    ]
    planned = plan.run_ids if plan else ()
    order = [name for name in planned if name in records]
    order += [name for name in records if name not in set(planned)]
    return Sweep(
        folder=folder,
        name=folder.resolve().name,
        plan=plan,
        records=tuple(records[name] for name in order),
        unreadable=tuple(unreadable),
        missing=tuple(name for name in planned if not (folder / name / RECORD_NAME).exists()),
        datasets=tuple(summary for summary in datasets if summary is not None),
        verdicts=tuple(verdict for verdict in verdicts if verdict is not None),
    )


def merged(sweeps: Sequence[Sweep]) -> Sweep:
    """Return several sweeps as one; of several, runs are then named `sweep/run`.

    A folder that is given twice counts once, and so does a record that was copied from one sweep
    to another.
    """
    sweeps = list({sweep.folder.resolve(): sweep for sweep in sweeps}.values())
    if len(sweeps) == 1:
        return sweeps[0]
    names = _told_apart([sweep.folder.resolve() for sweep in sweeps])
    records: dict[bytes, RunRecord] = {}
    for name, sweep in zip(names, sweeps, strict=True):
        for record in sweep.records:
            content = msgspec.json.encode(replace(record, run_id="", sweep_name=""))
            records.setdefault(content, replace(record, run_id=f"{name}/{record.run_id}"))
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
            {one.fingerprint: one for sweep in sweeps for one in sweep.datasets}.values()
        ),
        verdicts=tuple({one.key: one for sweep in sweeps for one in sweep.verdicts}.values()),
        n_repeated=sum(len(sweep.records) for sweep in sweeps) - len(records),
    )


def _told_apart(folders: Sequence[Path]) -> list[str]:
    """Name folders by the last parts of their paths: as many as it takes to tell them apart."""
    for n_parts in itertools.count(1):
        names = ["/".join(folder.parts[-n_parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("paths that differ are told apart by all of their parts")


def _read_or_note(path: Path, kind: type[Contents], unreadable: list[str]) -> Contents | None:
    try:
        return _read(path, kind)
    except StoreError as error:
        unreadable.append(str(error))
        return None


def _read(path: Path, kind: type[Contents]) -> Contents:
    contents = read_plain_file(path)
    try:
        content = msgspec.json.decode(contents, type=dict[str, Any])
        version = content.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise NewerError(
                f"{path}: schema_version {version!r}, this version of mlp-bench reads up to "
                f"{SCHEMA_VERSION}; upgrade it"
            )
        # Files of earlier versions have no checksum.
        if CHECKSUM in content and content[CHECKSUM] != _checksum(content):
            raise StoreError(f"{path}: damaged or edited: it is not what its {CHECKSUM} says")
        return msgspec.json.decode(contents, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise StoreError(f"{path}: damaged or not a {kind.__name__}: {error}") from error
