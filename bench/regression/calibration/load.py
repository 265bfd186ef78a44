"""Disturbing load: a process on every core that works and sleeps in turn, for random times."""

from __future__ import annotations

import signal
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


class Load:
    """Processes that disturb a measurement while it is on; off at first."""

    def __init__(self, processes: list[subprocess.Popen[bytes]]) -> None:
        self._processes = processes
        self.switch(False)

    def switch(self, on: bool) -> None:
        """Continue the processes, or stop them."""
        for process in self._processes:
            process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[Load]:
    """Start a process on each core; kill them at the end of the block."""
    processes = [
        subprocess.Popen([sys.executable, "-c", WORK, str(core)], start_new_session=True)  # noqa: S603
        for core in cores
    ]
    try:
        yield Load(processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
