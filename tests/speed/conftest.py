"""Shared by the speed suite: where results are stored, and models that are ready to train."""

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

BENCHMARKS = Path(__file__).parents[2] / "results" / "benchmarks"
LIBRARIES = ("tensorflow", "keras", "torch", "jax", "scikit-learn", "pandas", "matplotlib", "scipy")


def fingerprint():
    """What has to be the same for two results to be compared."""
    told = facts.describe(LIBRARIES)
    return {key: told[key] for key in ("cpu_model", "cores", "python", "libraries")}


def pytest_configure(config):
    """Keep results in a folder per fingerprint, so that the last one is one to compare with."""
    if config.option.benchmark_storage != "file://./.benchmarks":
        return  # another was asked for
    content = json.dumps(fingerprint(), sort_keys=True)
    folder = BENCHMARKS / hashlib.sha256(content.encode()).hexdigest()[:12]
    if not folder.exists():
        # Without this the first time would end in a warning of pytest-benchmark that nobody needs.
        config.option.benchmark_compare = None
    folder.mkdir(parents=True, exist_ok=True)
    config.option.benchmark_storage = f"file://{folder}"


def pytest_benchmark_update_machine_info(machine_info):
    machine_info["fingerprint"] = fingerprint()


def pytest_terminal_summary(terminalreporter, config):
    """Say what the results can't be compared with, and why."""
    mine = fingerprint()
    others = {}
    for path in sorted(BENCHMARKS.glob("*/*/*.json"), key=lambda path: path.stat().st_mtime):
        try:
            others[path.parts[-3]] = json.loads(path.read_text())["machine_info"]["fingerprint"]
        except (ValueError, LookupError, TypeError) as error:
            terminalreporter.write_line(f"{path}: damaged, delete it: {error!r}")
    for theirs in others.values():
        apart = [f"{key} {theirs.get(key)}" for key in mine if theirs.get(key) != mine[key]]
        if apart:
            terminalreporter.write_line(f"Not compared with results of {'; '.join(apart)}")


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
