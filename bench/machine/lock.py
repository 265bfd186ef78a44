"""One timed run at a time: a lock for the whole machine, whoever's sweeps they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

# The same for all on this machine, whatever TMPDIR says: two locks would be none.
LOCK_PATH = Path("/tmp/mlp-bench.lock")  # noqa: S108  # opened without following links
POLL_SECONDS = 1.0  # a waiting sweep must not disturb the one that is timed


@contextmanager
def reserved(on_wait: Callable[[], None], *, shared: bool = False) -> Iterator[None]:
    """Hold the machine for the length of a block. The system lets go of it when a process dies.

    Args:
        on_wait: called once where another run holds it, before waiting for that to end.
        shared: do without the lock.
    """
    if shared:
        yield
        return
    lock = filelock.FileLock(LOCK_PATH, mode=0o666)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        on_wait()
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
