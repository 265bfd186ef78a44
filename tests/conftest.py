"""Fixtures for all tests: run commands as a user does, each in its own folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

# Tests run in parallel, so several threads of a BLAS library would only wait for each other. NumPy
# reads this when it is imported. The processes of runs get their own number of threads.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"

import pytest
from hypothesis import settings

from bench.machine.facts import usable_cores
from bench.process.supervisor import Supervisor

# A shared machine may stall for longer than any deadline; continuous integration is repeatable.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")

# A shell ignores these signals for jobs in the background, and child processes inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

MAX_WORKERS = 4

Completed = subprocess.CompletedProcess[str]
SCRIPTS = Path(sys.executable).parent
TINY = ("dataset=synthetic", "epochs=2", "architecture.hidden_sizes=[16]", "threads=1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for --numprocesses=auto: one more than cores, as tests wait."""
    return min(MAX_WORKERS, len(usable_cores()) + 1)


@pytest.fixture(scope="session")
def run_in() -> Callable[..., Completed]:
    """Run one of the project's commands in a folder; options as for subprocess.run."""

    def run_command(folder: Path, *words: str, **options: object) -> Completed:
        command = [str(SCRIPTS / words[0]), *words[1:]]
        settings = {"cwd": folder, "capture_output": True, "text": True, "check": False}
        return subprocess.run(command, **(settings | options))

    return run_command


@pytest.fixture
def run(run_in, tmp_path: Path) -> Callable[..., Completed]:
    """Run one of the project's commands in an empty folder."""

    def run_command(*words: str, **options: object) -> Completed:
        return run_in(tmp_path, *words, **options)

    return run_command


@pytest.fixture
def call(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run a command's `main` in this process; return its exit status, output and errors."""

    def call_main(main: Callable[[], int], *words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, words)])
        try:
            with mock.patch.dict(os.environ):
                status = main()
        except SystemExit as error:  # of argparse
            status = error.code
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call_main


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """Start processes of runs, and end all of them."""
    with Supervisor() as opened:
        yield opened
