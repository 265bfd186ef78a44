"""Fixtures of the speed tests: the folder of their results, and models that are ready to train."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from bench import registry
from bench.contract import BACKEND_VARIABLE
from bench.machine import facts
from tests.speed.models import configure, warm_model

RESULTS = Path(__file__).parents[2] / "results" / "benchmarks"
LIBRARIES = ("tensorflow", "keras", "torch", "jax", "scikit-learn", "pandas", "matplotlib", "scipy")


def fingerprint():
    """Return the facts that are equal in results that can be compared."""
    description = facts.describe(LIBRARIES)
    return {key: description[key] for key in ("cpu_model", "cores", "python", "libraries")}


def pytest_configure(config):
    """Store results in a folder for each fingerprint: pytest-benchmark compares with the latest."""
    if config.option.benchmark_storage != "file://./.benchmarks":
        return  # the command line names another folder
    content = json.dumps(fingerprint(), sort_keys=True)
    folder = RESULTS / hashlib.sha256(content.encode()).hexdigest()[:12]
    if not folder.exists():
        # Nothing to compare with yet: pytest-benchmark would print a warning.
        config.option.benchmark_compare = None
    folder.mkdir(parents=True, exist_ok=True)
    config.option.benchmark_storage = f"file://{folder}"


def pytest_benchmark_update_machine_info(machine_info):
    machine_info["fingerprint"] = fingerprint()


def pytest_terminal_summary(terminalreporter, config):
    """Print which stored results can't be compared with those of this machine, and why."""
    current = fingerprint()
    stored = {}
    for path in sorted(RESULTS.glob("*/*/*.json"), key=lambda path: path.stat().st_mtime):
        try:
            stored[path.parts[-3]] = json.loads(path.read_text())["machine_info"]["fingerprint"]
        except (ValueError, LookupError, TypeError) as error:
            terminalreporter.write_line(f"{path}: damaged, delete it: {error!r}")
    for other in stored.values():
        differences = [
            f"{key} {other.get(key)}" for key in current if other.get(key) != current[key]
        ]
        if differences:
            terminalreporter.write_line(f"Not compared with results of {'; '.join(differences)}")


@pytest.fixture
def warm():
    """Return an implementation that is ready to train, and the batches of an epoch."""

    def make(name):
        config = configure(name, "threads=1")
        if registry.missing(config.implementation.requires):
            pytest.skip(f"{name} is not installed")
        if config.backend not in ("", os.environ.get(BACKEND_VARIABLE, "tensorflow")):
            pytest.skip(f"a process has one backend; set {BACKEND_VARIABLE}={config.backend}")
        return warm_model(config)

    return make
