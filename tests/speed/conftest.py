"""Shared by the speed suite: problems large enough to time."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from bench import registry
from bench.config.compose import compose_runs
from bench.contract import BACKEND_VARIABLE, Problem
from bench.data import datasets
from bench.machine import facts
from bench.training import sampling

WORDS = ("dataset=synthetic", "dataset.training_size=20000", "batch_size=128", "threads=1")

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


@pytest.fixture(scope="session")
def configured():
    """Return the configuration, the data and a problem for an implementation."""

    def configure(name):
        (config,) = compose_runs([f"implementation={name}", *WORDS], default_name="speed")
        if registry.missing(config.implementation.requires):
            pytest.skip(f"{name} is not installed")
        if config.backend not in ("", os.environ.get(BACKEND_VARIABLE, "tensorflow")):
            pytest.skip(f"a process has one backend; set {BACKEND_VARIABLE}={config.backend}")
        dataset = datasets.load(config.dataset, None)
        split = datasets.split(dataset, config.validation_fraction)
        problem = Problem(
            train_images=split.train_images,
            train_labels=split.train_labels,
            layer_sizes=config.layer_sizes,
            recipe=config.recipe,
            learning_rate=config.learning_rate,
            device="cpu",
            threads=1,
            options=config.implementation.options,
        )
        return config, split, problem

    return configure


@pytest.fixture
def warm(configured):
    """Return an implementation that is ready to train, and the batches of an epoch."""

    def make(name):
        config, split, problem = configured(name)
        model = registry.load(config.implementation.module)()
        initializer = config.recipe.initializer
        model.setup(problem, sampling.initial_parameters(0, config.layer_sizes, initializer))
        batches = sampling.batches(0, 1, len(split.train_labels), config.batch_size)
        model.warm_up(batches)
        return model, batches

    return make
