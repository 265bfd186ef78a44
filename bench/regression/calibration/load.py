"""Disturbing load: a process on every core that works and sleeps in turn, for random times."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
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
def on_cores(cores: Sequence[int]) -> Iterator[Callable[[bool], None]]:
    """Start a process on each core; kill them at the end of the block.

    Yields:
        A function that switches the load on or off; it is off at first.
    """
    processes = [
        subprocess.Popen([sys.executable, "-c", WORK, str(core)], start_new_session=True)  # noqa: S603
        for core in cores
    ]

    def switch(on: bool) -> None:
        for process in processes:
            process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)

    switch(False)
    try:
        yield switch
    finally:
        for process in processes:
            process.kill()
            process.wait()
