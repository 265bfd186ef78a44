"""Requests for runs, and a look at the processes that runs consist of."""

from __future__ import annotations

import itertools
import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from bench.config.compose import compose_runs
from bench.machine import usage
from bench.process.protocol import Request

LONG = ("dataset=synthetic", "dataset.training_size=10000", "epochs=100000")


def request(*words: str) -> Request:
    """Return the request for a run on synthetic data."""
    (config,) = compose_runs(["dataset=synthetic", *words], default_name="test")
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


def runs_below(process: int) -> list[int]:
    """Return the processes of the runs of a process and of all its descendants."""
    return [run for one in (process, *usage.descendants(process)) for run in runs(one)]


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


def times_of_runs(folder: Path) -> list[tuple[datetime, datetime]]:
    """Return when the runs of a folder's sweeps started and ended, in order."""
    records = [json.loads(path.read_text()) for path in folder.glob("results/*/*/record.json")]
    ends = [
        (datetime.fromisoformat(record["finished_at"]), record["seconds"]["total"])
        for record in records
    ]
    return sorted((end - timedelta(seconds=seconds), end) for end, seconds in ends)


def never_at_once(times: list[tuple[datetime, datetime]]) -> None:
    """Assert that no run started before the previous one had ended."""
    for (_, end), (start, _) in itertools.pairwise(times):
        assert start >= end - timedelta(milliseconds=20)
