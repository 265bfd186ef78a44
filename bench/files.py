"""Files that several processes share: written completely or not at all, and locked by folder."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import msgspec

from bench.errors import BenchError

LOCK_NAME = ".lock"
POLL_SECONDS = 1.0  # polling must not disturb a timed run
MAX_FILE_BYTES = 32 * 2**20

# Errors that the user has to solve: the disk is full, or the place is not writable.
UNWRITABLE = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR,
    errno.ENOTDIR, errno.EFBIG,
})  # fmt: skip


class FileError(BenchError):
    """A file cannot be read or written; the message names the file and the reason."""


def cache_folder() -> Path:
    """Return the cache folder: downloads and results that need not be obtained twice.

    Raises:
        RuntimeError: there is no home folder.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not folder.is_absolute():  # the XDG specification ignores a relative path
        folder = Path.home() / ".cache"
    return folder / "mlp-bench"


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file completely or not at all, also if the power fails.

    Missing parent folders are created. All users can read the file.

    Args:
        path: the file; replaced if it exists.
        contents: the bytes of the file.

    Raises:
        FileError: the folder cannot be written to, or the disk is full.
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
        temporary = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise FileError(f"{path.parent}: can't write {path.name}: {error.strerror}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write readable JSON as `write_atomically` does."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(content)) + b"\n")


def remove_temporary_files(path: Path) -> None:
    """Delete temporary files of killed writers of a file. The caller holds the folder's lock.

    Args:
        path: the file that killed writers were writing with `write_atomically`.
    """
    for temporary in path.parent.glob(f".{path.name}.*"):
        temporary.unlink(missing_ok=True)


def write_shared(path: Path, contents: bytes) -> None:
    """Write a file that several processes may write, and delete killed writers' temporary files.

    Args:
        path: the file; replaced if it exists.
        contents: the bytes of the file.

    Raises:
        FileError: as `write_atomically`.
    """
    with locked(path.parent):
        remove_temporary_files(path)
        write_atomically(path, contents)


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Lock a folder during a block; the system releases the lock of a process that dies.

    Args:
        folder: the folder; created if it does not exist.
        wait: wait until another process releases the lock.

    Yields:
        Whether the folder is locked: always with `wait`, else only if it was not locked before.

    Raises:
        FileError: the folder cannot be written to.
    """
    lock = filelock.FileLock(folder / LOCK_NAME, mode=0o666)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=wait, poll_interval=POLL_SECONDS)
    except filelock.Timeout:
        yield False
        return
    except OSError as error:
        raise FileError(f"{folder}: can't be written to: {error.strerror}") from error
    try:
        yield True
    finally:
        lock.release()


def read_plain_file(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read a plain file of bounded size; a pipe or a device could block or never end.

    Args:
        path: the file; symbolic links are followed.
        max_bytes: a larger file is refused.

    Returns:
        The bytes of the file.

    Raises:
        FileError: the file cannot be read, is larger, or is not a plain file.
    """
    try:
        with open(path, "rb", opener=_open_without_blocking) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileError(f"{path}: not a plain file")
            contents = file.read(max_bytes + 1)
    except OSError as error:
        raise FileError(f"{path}: can't be read: {error.strerror}") from error
    if len(contents) > max_bytes:
        raise FileError(f"{path}: larger than {max_bytes} bytes")
    return contents


def _open_without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
