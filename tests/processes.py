"""Shared by the tests that look at processes: those of runs, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from bench import usage
from bench.messages import Request
from bench.overrides import compose_runs

LONG = ("dataset=synthetic", "dataset.training_size=50000", "epochs=100000")


def request(*words: str) -> Request:
    """What a run's process is told, on synthetic data."""
    (config,) = compose_runs(["dataset=synthetic", *words], default_name="test")
    return Request(config=config, dataset_folder=None)


def guardians(process: int | None = None) -> list[int]:
    """The processes that guard those from which the runs of a process are forked."""
    return [
        child
        for child in usage.children(process or os.getpid())
        if b"bench.fork_server" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def runs(process: int | None = None) -> list[int]:
    """The runs that a process has had started and that still run, with all they started."""
    found = []
    for guardian in guardians(process):
        server, *left = usage.children(guardian)
        found += [*usage.descendants(server), *left]
    return found


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
