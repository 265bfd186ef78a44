"""results/: where records are, and how they are written and read.

A sweep's folder holds one folder per run, and a run's folder gets its record.json once, atomically
and last: a run without one has not ended. Records are JSON, checked against
`bench.contract.RunRecord` on the way in, so that nothing else of the project meets a malformed one;
what is written has the SHA-256 of its content besides, so that damage of any kind is found.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import filelock
import msgspec

from bench.records import DatasetSummary, RunRecord, Verdict

SCHEMA_VERSION = 1
RECORD_NAME = "record.json"
PLAN_NAME = "sweep.json"
LOCK_NAME = ".lock"
CHECKSUM = "sha256"  # the key, in every file, of the hash of the others
UNWRITABLE = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR,
)  # fmt: skip
MAX_FILE_BYTES = 32 * 2**20
POLL_SECONDS = 1.0  # who waits must not disturb a run that is timed

Contents = TypeVar("Contents")


class StoreError(Exception):
    """A file under results/ can't be used; the message names it and says why."""


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
        temporary = None
    except OSError as error:
        raise StoreError(f"{path.parent}: can't write {path.name}: {error.strerror}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what writers of a file have left that were killed; nobody else may be writing it."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink()


def write_shared(path: Path, contents: bytes) -> None:
    """Write a file that several processes may be writing, and remove what killed ones have left.

    Raises:
        StoreError: as `write_atomically`.
    """
    with locked(path.parent):
        remove_leftovers(path)
        write_atomically(path, contents)


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


def add_to_plan(sweep_folder: Path, run_ids: Sequence[str]) -> str | None:
    """Plan these runs, after those that are planned already; several processes may do so at once.

    Returns:
        What was wrong with the plan that was there, where it had to be set aside; else None.

    Raises:
        NewerError: a later version has written the plan that is there.
        StoreError: none can be written.
    """
    path = sweep_folder / PLAN_NAME
    damage = None
    with locked(sweep_folder):
        remove_leftovers(path)
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
    return damage


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
        lock.acquire(blocking=wait, poll_interval=POLL_SECONDS)
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
    contents = _bytes_of(path)
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


def _bytes_of(path: Path) -> bytes:
    """Read a plain file of bounded size; from a pipe or a device one might read for ever."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StoreError(f"{path}: not a plain file, so not one of ours")
            contents = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StoreError(f"{path}: can't be read: {error.strerror}") from error
    if len(contents) > MAX_FILE_BYTES:
        raise StoreError(f"{path}: larger than {MAX_FILE_BYTES} bytes, so not one of ours")
    return contents


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
