"""What this process takes, and with it all that it has started: processor time and memory.

An implementation may start helpers of its own, one a core, say; what they take is the run's.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator

PROCESSES = "/proc"  # Linux's; elsewhere helpers are not seen


def cpu_seconds() -> float:
    """Return the processor time taken so far, by helpers that have ended as well."""
    ended = os.times()
    return (
        time.process_time()
        + ended.children_user
        + ended.children_system
        + sum(map(_cpu_seconds_of, descendants(os.getpid())))
    )


def peak_memory_bytes() -> int:
    """Return the most memory this process ever had resident, and what its helpers have besides."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # What a process is forked from has left its own mark there; on Linux there is a better one.
    own = _kilobytes(f"{PROCESSES}/self/status", "VmHWM") or (
        peak // 1024 if sys.platform == "darwin" else peak
    )
    helpers = (f"{PROCESSES}/{number}/smaps_rollup" for number in descendants(os.getpid()))
    return 1024 * (
        own + sum(_kilobytes(path, "Private_Clean", "Private_Dirty") for path in helpers)
    )


def descendants(process: int) -> Iterator[int]:
    """Yield the processes that one has started, those that these have started, and so on."""
    for number in children(process):
        yield number
        yield from descendants(number)


def children(process: int) -> list[int]:
    """Return the processes that one has started and that still run."""
    tasks = f"{PROCESSES}/{process}/task"
    try:
        threads = os.listdir(tasks)  # noqa: PTH208
    except OSError:
        return []  # it has ended meanwhile, or there is no such way of telling here
    told = (_read(f"{tasks}/{thread}/children") for thread in threads)
    return [int(number) for numbers in told for number in numbers.split()]


def _cpu_seconds_of(process: int) -> float:
    fields = _read(f"{PROCESSES}/{process}/stat").rpartition(")")[2].split()
    # utime, stime, and both of children that it has waited for; see proc(5).
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(path: str, *names: str) -> int:
    lines = (line.split() for line in _read(path).splitlines())
    return sum(int(line[1]) for line in lines if line and line[0].rstrip(":") in names)


def _read(path: str) -> str:
    try:
        # Not through pathlib, which takes twice as long: this is read around every epoch.
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
