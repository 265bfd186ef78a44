"""Disturbing load: one process per core works and sleeps in turn, for random times."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

WORK = """
import os, random, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
while True:
    until = time.monotonic() + random.uniform(0.1, 1)
    while time.monotonic() < until:
        sum(range(1000))
    time.sleep(random.uniform(0.1, 1))
"""


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """Start a process on each core; kill the processes at the end of the `with` block."""
    processes = [
        subprocess.Popen([sys.executable, "-c", WORK, str(core)], start_new_session=True)  # noqa: S603
        for core in cores
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
