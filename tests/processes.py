"""Requests for runs, and a look at the processes that runs consist of."""

from __future__ import annotations

import os
import time

import psutil

from bench.config.compose import compose_runs
from bench.machine import usage
from bench.process.protocol import Request

# With one thread: more of them wait actively for each other, which takes time from other tests.
LONG = ("dataset=synthetic", "dataset.training_size=10000", "epochs=100000", "threads=1")


def request(*words: str) -> Request:
    """Return the request for a run on synthetic data with one thread."""
    (config,) = compose_runs(["dataset=synthetic", "threads=1", *words], default_name="test")
    return Request(config=config, dataset_folder=None)


def guardians(process: int | None = None) -> list[int]:
    """Return the guardians of a process's fork servers; by default of this process's."""
    return [
        child
        for child in usage.children(process or os.getpid())
        if "bench.process.fork_server" in _command(child)
    ]


def _command(process: int) -> list[str]:
    try:
        return psutil.Process(process).cmdline()
    except psutil.Error:
        return []  # it has ended meanwhile


def runs(process: int | None = None) -> list[int]:
    """Return the running processes of a process's runs, with all that they have started."""
    found = []
    for guardian in guardians(process):
        server, *orphans = usage.children(guardian) or [guardian]
        found += [*usage.descendants(server), *orphans]
    return found


def is_running(process: int) -> bool:
    """Say whether a process exists and is no zombie."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_sleeping(seconds: str) -> bool:
    """Say whether a process on this machine runs the command `sleep SECONDS`."""
    return any(
        process.info["cmdline"] == ["sleep", seconds]
        for process in psutil.process_iter(["cmdline"])
    )


def wait_for(condition, seconds: float = 30) -> None:
    """Wait until a condition holds; fail after a time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
