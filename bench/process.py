"""A process that is told one thing and answers line by line: its own cores, memory and death.

The parent sleeps until the process says something or ends; it never polls.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# For platforms without affinity, and for libraries that size their pools by these alone.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended, and when, seen from outside."""

    returncode: int
    timed_out: bool
    total_seconds: float

    @property
    def cause(self) -> str:
        """Say how it ended without an answer."""
        if self.returncode >= 0:
            return f"the process ended with exit status {self.returncode} and no result"
        name = signal.Signals(-self.returncode).name
        hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{hint}"


def converse(
    module: str,
    cores: Sequence[int],
    request: bytes,
    log_path: Path,
    on_line: Callable[[bytes], None],
    timeout_seconds: float | None = None,
) -> Ended:
    """Run `python -P -m module CORES`, tell it `request`, and hear it out.

    Args:
        cores: the process binds itself to these.
        log_path: gets all that the process prints to standard error.
        on_line: called with each line that it prints to standard output, as it comes.
    """
    start = time.perf_counter()
    with log_path.open("wb") as log:
        process = _start(module, cores, log.fileno())
        timed_out = threading.Event()

        def end_late_process() -> None:
            timed_out.set()
            _end_group(process)

        # Ends what the process leaves running, which would hold its pipe open.
        reaper = threading.Thread(target=_reap, args=(process,), daemon=True)
        reaper.start()
        timer = None
        if timeout_seconds is not None:
            timer = threading.Timer(timeout_seconds, end_late_process)
            timer.start()
        try:
            _tell(process, request)
            assert process.stdout is not None  # noqa: S101
            with process.stdout as pipe:
                for line in pipe:
                    on_line(line)
            process.wait()
        finally:
            if timer is not None:
                timer.cancel()
            _end_group(process)
            process.wait()
            reaper.join()
    return Ended(
        returncode=process.returncode,
        timed_out=timed_out.is_set(),
        total_seconds=time.perf_counter() - start,
    )


def _start(module: str, cores: Sequence[int], log: int) -> subprocess.Popen[bytes]:
    limits = dict.fromkeys(THREAD_VARIABLES, str(len(cores)))
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", module, ",".join(map(str, cores))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=os.environ | limits | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # its own process group, to be ended as one
    )


def _tell(process: subprocess.Popen[bytes], request: bytes) -> None:
    assert process.stdin is not None  # noqa: S101
    try:
        with process.stdin as pipe:
            pipe.write(request)
    except BrokenPipeError:
        return  # it died before it could listen; how, its exit status tells


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process group, which has the number of its first process."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # all of it has ended


def bind_to_cores(listed: str) -> None:
    """In the process: keep to these cores, given as `0,1`.

    To be called before anything else is imported: libraries size their thread pools by what they
    find.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in listed.split(",")})


def open_channel() -> BinaryIO:
    """In the process: return what was standard output; all that is printed goes to the log."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel
