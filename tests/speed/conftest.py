"""Shared by the speed suite: problems large enough to time."""

from __future__ import annotations

import pytest

from bench import datasets, registry, sampling
from bench.contract import Problem
from bench.overrides import compose_runs

WORDS = ("dataset=synthetic", "dataset.training_size=20000", "batch_size=128", "threads=1")


@pytest.fixture(scope="session")
def configured():
    """Return the configuration, the data and a problem for an implementation."""

    def configure(name):
        (config,) = compose_runs([f"implementation={name}", *WORDS], default_name="speed")
        if registry.missing(config.implementation.requires):
            pytest.skip(f"{name} is not installed")
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
