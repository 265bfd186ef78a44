"""Requests for runs, and functions that list and check the processes of runs."""

from __future__ import annotations

import os
import time

import psutil

from bench.config.compose import compose_runs
from bench.machine import usage
from bench.process.protocol import Request

# One thread, because several threads busy-wait for each other, which slows other tests down.
LONG = ("dataset=synthetic", "dataset.training_size=10000", "epochs=100000", "threads=1")


def request(*words: str) -> Request:
    """Return the request for a run on synthetic data with one thread."""
    (config,) = compose_runs(["dataset=synthetic", "threads=1", *words], default_name="test")
    return Request(config=config, dataset_folder=None)


def guardians(process: int | None = None) -> list[int]:
    """Return the guardians of a process's fork servers; None for this process."""
    return [
        child
        for child in usage.children(process or os.getpid())
        if "bench.process.fork_server" in _command(child)
    ]


def _command(process: int) -> list[str]:
    try:
        return psutil.Process(process).cmdline()
    except psutil.Error:
        return []  # the process has exited


def runs(process: int | None = None) -> list[int]:
    """Return the running processes of a process's runs, and all their descendants."""
    processes = []
    for guardian in guardians(process):
        server, *orphans = usage.children(guardian) or [guardian]
        processes += [*usage.descendants(server), *orphans]
    return processes


def is_running(process: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_sleeping(seconds: str) -> bool:
    """Return whether a process on this machine runs the command `sleep SECONDS`."""
    return any(
        process.info["cmdline"] == ["sleep", seconds]
        for process in psutil.process_iter(["cmdline"])
    )


def wait_for(condition, seconds: float = 30) -> None:
    """Wait until `condition()` is true; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
