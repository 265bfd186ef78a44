"""Models that are ready to train, with a problem that is large enough to time."""

from __future__ import annotations

from bench import registry
from bench.config.compose import compose_runs
from bench.contract import Problem
from bench.data import datasets, splits
from bench.training import sampling

OVERRIDES = ("dataset=synthetic", "dataset.training_size=20000", "batch_size=128")


def configure(implementation, *overrides):
    """Return the configuration of one run."""
    (config,) = compose_runs(
        [f"implementation={implementation}", *OVERRIDES, *overrides], default_name="speed"
    )
    return config


def warm_model(config):
    """Return an implementation that is ready to train, and the batches of an epoch."""
    split = splits.split(datasets.load(config.dataset, None), config.validation_fraction)
    problem = Problem(
        train_images=split.train_images,
        train_labels=split.train_labels,
        layer_sizes=config.layer_sizes,
        recipe=config.recipe,
        learning_rate=config.learning_rate,
        device="cpu",
        threads=config.threads,
        options=config.implementation.options,
    )
    model = registry.load(config.implementation.module)()
    initializer = config.recipe.initializer
    model.setup(problem, sampling.initial_parameters(0, config.layer_sizes, initializer))
    batches = sampling.batches(0, 1, len(split.train_labels), config.batch_size)
    model.warm_up(batches)
    return model, batches
