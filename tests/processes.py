"""Shared by the tests that look at processes: those of runs, and what is left of them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path

from bench.config.compose import compose_runs
from bench.machine import usage
from bench.process.protocol import Request

LONG = ("dataset=synthetic", "dataset.training_size=10000", "epochs=100000")


def request(*words: str) -> Request:
    """What a run's process is told, on synthetic data."""
    (config,) = compose_runs(["dataset=synthetic", *words], default_name="test")
    return Request(config=config, dataset_folder=None)


def guardians(process: int | None = None) -> list[int]:
    """The processes that guard those from which the runs of a process are forked."""
    return [
        child
        for child in usage.children(process or os.getpid())
        if b"bench.process.fork_server" in _command(child)
    ]


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""  # it has just ended


def runs(process: int | None = None) -> list[int]:
    """The runs that a process has had started and that still run, with all they started."""
    found = []
    for guardian in guardians(process):
        server, *left = usage.children(guardian) or [guardian]
        found += [*usage.descendants(server), *left]
    return found


def runs_below(process: int) -> list[int]:
    """The runs of a process and of those that it has started."""
    return [run for one in (process, *usage.descendants(process)) for run in runs(one)]


def is_running(process: int) -> bool:
    """Whether a process is there and is not just waiting to be taken leave of."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(shown.stdout) and not shown.stdout.startswith("Z")


def sleeping(seconds: str) -> bool:
    """Whether anybody runs the command `sleep` for this long."""
    found = subprocess.run(["pgrep", "-f", f"sleep {seconds}"], capture_output=True, check=False)
    return found.stdout != b""


def wait_for(condition, seconds: float = 30) -> None:
    """Wait until something has come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def times_of_runs(folder: Path) -> list[tuple[datetime, datetime]]:
    """When the runs of a folder's sweeps began and ended."""
    records = [json.loads(path.read_text()) for path in folder.glob("results/*/*/record.json")]
    return sorted(
        (start, start + timedelta(seconds=record["seconds"]["total"]))
        for record in records
        for start in [datetime.fromisoformat(record["started_at"])]
    )


def never_at_once(times: list[tuple[datetime, datetime]]) -> None:
    """See that no run began before the one before it had ended."""
    for (_, end), (begin, _) in itertools.pairwise(times):
        assert begin >= end - timedelta(milliseconds=20)
