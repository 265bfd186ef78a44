"""One timed run at a time: a lock for the whole machine, shared by all its users."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.files import FileError

# The same path for all users of the machine, for any TMPDIR.
LOCK_PATH = Path("/tmp/mlp-bench.lock")  # noqa: S108  # never opened through a link
WAITING = "waiting for another timed run on this machine to end"
REMEDY = "run without the lock: `bench share_machine=true`, `bench-compare --share-machine`"


class LockError(FileError):
    """The machine's lock cannot be used; the one-line message contains a remedy."""

    def __init__(self, reason: str) -> None:
        """Add the path and the remedy to the reason."""
        super().__init__(f"{LOCK_PATH}: {reason}, or {REMEDY}")
        self.reason = reason


@contextmanager
def reserved(*, shared: bool = False) -> Iterator[None]:
    """Hold the machine's lock during a `with` block; print a line if another run holds it.

    The kernel releases the lock when the process exits, also if it is killed. A waiting process
    sleeps in the kernel: it does not disturb the run that is timed.

    Args:
        shared: run without the lock.

    Raises:
        LockError: the lock file cannot be opened or is not a plain file.
    """
    if shared:
        yield
        return
    with opened() as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(WAITING)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def is_held() -> bool:
    """Return whether a timed run holds the machine's lock now.

    Raises:
        LockError: the lock file cannot be opened or is not a plain file.
    """
    with opened() as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def opened() -> Iterator[int]:
    """Open the lock file of any owner for the length of a `with` block; create it if needed.

    Yields:
        The file descriptor.

    Raises:
        LockError: the lock file cannot be opened or is not a plain file.
    """
    try:
        descriptor = _open_or_create()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise LockError("is a symbolic link: delete it") from error
        raise LockError(f"can't be opened: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise LockError("is not a plain file: delete it")
        yield descriptor
    finally:
        os.close(descriptor)


def _open_or_create() -> int:
    # Read-only, because flock needs no more and the file may belong to another user. First without
    # O_CREAT, because Linux with fs.protected_regular refuses O_CREAT on the file of another user
    # in a folder such as /tmp. O_NONBLOCK, because opening a FIFO would wait for its writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with contextlib.suppress(FileNotFoundError):
        return os.open(LOCK_PATH, flags)
    try:
        descriptor = os.open(LOCK_PATH, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:  # another process has created it in between
        return os.open(LOCK_PATH, flags)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, 0o666)  # for any umask
    return descriptor
