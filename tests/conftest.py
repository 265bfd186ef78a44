"""Shared by all tests: commands run as a user runs them, in a folder of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine may stall for longer than any deadline; continuous integration is repeatable.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")

# A shell ignores these signals for jobs in the background, and child processes inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

Ended = subprocess.CompletedProcess[str]
SCRIPTS = Path(sys.executable).parent
TINY = ("dataset=synthetic", "epochs=2", "architecture.hidden_sizes=[16]")


@pytest.fixture(scope="session")
def run_in() -> Callable[..., Ended]:
    """Run one of the project's commands in a folder; options as for subprocess.run."""

    def run_command(folder: Path, *words: str, **options: object) -> Ended:
        command = [str(SCRIPTS / words[0]), *words[1:]]
        settings = {"cwd": folder, "capture_output": True, "text": True, "check": False}
        return subprocess.run(command, **(settings | options))

    return run_command


@pytest.fixture
def run(run_in, tmp_path: Path) -> Callable[..., Ended]:
    """Run one of the project's commands in an empty folder."""

    def run_command(*words: str, **options: object) -> Ended:
        return run_in(tmp_path, *words, **options)

    return run_command
