"""results/: where records are, and how they are written and read.

A sweep's folder holds one folder per run, and a run's folder gets its record.json once, atomically
and last: a run without one has not ended. Records are JSON, checked against
`bench.contract.RunRecord` on the way in, so that nothing else of the project meets a malformed one.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import filelock
import msgspec

from bench.contract import DatasetSummary, RunRecord, Verdict

SCHEMA_VERSION = 1
RECORD_NAME = "record.json"
PLAN_NAME = "sweep.json"
LOCK_NAME = ".lock"
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
LARGEST_FILE_BYTES = 32 * 2**20

Contents = TypeVar("Contents")


class StoreError(Exception):
    """A file under results/ can't be used; the message names it and says why."""


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


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file so that readers see all of it or none, also after a power cut.

    Raises:
        StoreError: the folder can't be written to, or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StoreError(f"{path.parent}: can't write {path.name}: {error.strerror}") from error


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
    """Return indented JSON; numbers that are not finite become null."""
    return msgspec.json.format(msgspec.json.encode(contents), indent=1) + b"\n"


def read_record(path: Path) -> RunRecord:
    """Read and check one record.

    Raises:
        StoreError: missing, too large, not JSON, of another shape or of a newer schema.
    """
    return _read(path, RunRecord)


def read_plan(sweep_folder: Path) -> SweepPlan:
    """Read a sweep's plan.

    Raises:
        StoreError: as `read_record`.
    """
    return _read(sweep_folder / PLAN_NAME, SweepPlan)


def add_to_plan(sweep_folder: Path, run_ids: Sequence[str]) -> None:
    """Plan these runs, after those that are planned already; several processes may do so at once.

    Raises:
        StoreError: the plan that is there can't be read, or none can be written.
    """
    with locked(sweep_folder):
        earlier: tuple[str, ...] = ()
        if (sweep_folder / PLAN_NAME).exists():
            earlier = read_plan(sweep_folder).run_ids
        plan = SweepPlan(
            schema_version=SCHEMA_VERSION,
            sweep_name=sweep_folder.name,
            run_ids=tuple(dict.fromkeys([*earlier, *run_ids])),
        )
        write_atomically(sweep_folder / PLAN_NAME, encode(plan))


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Have a folder of results to oneself; made if need be. It is let go of when a process dies.

    Yields:
        Whether it is one's own: without `wait`, not while another process has it.

    Raises:
        StoreError: the folder can't be written to.
    """
    lock = filelock.FileLock(folder / LOCK_NAME, mode=0o666)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=wait)
    except filelock.Timeout:
        yield False
        return
    except OSError as error:
        raise StoreError(f"{folder}: can't be written to: {error.strerror}") from error
    try:
        yield True
    finally:
        lock.release()


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
        plan=plan,
        records=tuple(records[name] for name in order),
        unreadable=tuple(unreadable),
        missing=tuple(name for name in planned if not (folder / name / RECORD_NAME).exists()),
        datasets=tuple(summary for summary in datasets if summary is not None),
        verdicts=tuple(verdict for verdict in verdicts if verdict is not None),
    )


def merged(sweeps: Sequence[Sweep]) -> Sweep:
    """Return several sweeps as one; of several, runs are then named `sweep/run`."""
    if len(sweeps) == 1:
        return sweeps[0]
    return Sweep(
        folder=Path(" + ".join(sweep.folder.name for sweep in sweeps)),
        plan=None,
        records=tuple(
            replace(record, run_id=f"{sweep.folder.name}/{record.run_id}")
            for sweep in sweeps
            for record in sweep.records
        ),
        unreadable=tuple(line for sweep in sweeps for line in sweep.unreadable),
        missing=tuple(f"{sweep.folder.name}/{name}" for sweep in sweeps for name in sweep.missing),
        datasets=tuple(
            {one.fingerprint: one for sweep in sweeps for one in sweep.datasets}.values()
        ),
        verdicts=tuple({one.key: one for sweep in sweeps for one in sweep.verdicts}.values()),
    )


def _read_or_note(path: Path, kind: type[Contents], unreadable: list[str]) -> Contents | None:
    try:
        return _read(path, kind)
    except StoreError as error:
        unreadable.append(str(error))
        return None


def _read(path: Path, kind: type[Contents]) -> Contents:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise StoreError(f"{path}: larger than {LARGEST_FILE_BYTES} bytes, so not one of ours")
        contents = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: can't be read: {error.strerror}") from error
    try:
        version = msgspec.json.decode(contents, type=dict[str, Any]).get(
            "schema_version", SCHEMA_VERSION
        )
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise StoreError(
                f"{path}: schema_version {version!r}, this version of mlp-bench reads up to "
                f"{SCHEMA_VERSION}; upgrade it"
            )
        return msgspec.json.decode(contents, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path}: damaged or not a {kind.__name__}: {error}") from error
