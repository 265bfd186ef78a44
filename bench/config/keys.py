"""Describe the keys of a configuration, for --help and for error messages.

NumPy is not imported here: --help must not wait for it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bench.config.errors import ConfigError, short_value
from bench.config.identity import PURPOSES
from bench.config.suggestions import nearest


class Key(NamedTuple):
    """The description of a key that users set.

    Attributes:
        meaning: the purpose of the key.
        allowed: the allowed values, in words that follow "must be".
    """

    meaning: str
    allowed: str


TRUE_OR_FALSE: Final = "true or false"
COUNT: Final = "a whole number, 1 or more"
SHARE: Final = "a number from 0 up to, not including, 1"
SYNTHETIC_SIZE: Final = "a whole number from 1 to 100000"
SEED: Final = "a whole number from 0 to 4294967295"

KEYS: Final = {
    "learning_rate": Key("step size of the optimizer", "a finite number above 0"),
    "batch_size": Key("examples per step (a last partial batch is left out)", COUNT),
    "epochs": Key("passes over the training set", COUNT),
    "seed": Key("seed of initial parameters and batch order", SEED),
    "validation_fraction": Key("share of the training set for validation", SHARE),
    "shuffle": Key("draw a new order of the examples every epoch", TRUE_OR_FALSE),
    "evaluate_training_set": Key("evaluate the training set after every epoch, too", TRUE_OR_FALSE),
    "device": Key("where to train", "cpu or gpu"),
    "threads": Key("cores to train on", "auto, or a number of cores that this process may use"),
    "instructions": Key(
        "instructions that libraries may use; avx2 leaves AVX-512 out", "auto or avx2"
    ),
    "timeout_seconds": Key(
        "limit of a run's time",
        "seconds above 0, up to 100000000, or null: 10 min to start, 6 h an epoch",
    ),
    "memory_limit": Key("limit of a run's memory", "an amount such as 500MB or 2GB, or null"),
    "resume": Key("keep finished runs of a sweep with this name", TRUE_OR_FALSE),
    "shuffle_runs": Key("execute a sweep's blocks in random order, against drift", TRUE_OR_FALSE),
    "share_machine": Key("run during other timed runs; marks the records", TRUE_OR_FALSE),
    "isolation": Key("import the framework once for all runs, or in every run", "fork or spawn"),
    "results_folder": Key("where results are written", "a folder"),
    "sweep_name": Key(
        "folder of the sweep's results; null for the time",
        "up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit",
    ),
    "launcher.address": Key("address of Ray's head", "HOST:PORT, or null to start Ray here"),
    "launcher.partition": Key("SLURM's partition", "a name, or null for the default"),
    "launcher.minutes": Key("time limit of a block on a cluster", COUNT),
    "launcher.nodes": Key("blocks to execute at a time on a cluster", f"{COUNT}, or null"),
    "launcher.setup": Key("shell commands before a block", "a list such as ['module load x']"),
    "launcher.attempts": Key("tries for a block whose node fails", "a whole number from 1 to 100"),
    "launcher.allow_mixed": Key("accept nodes with other versions", TRUE_OR_FALSE),
    "architecture.hidden_sizes": Key("units of each hidden layer", "a list such as [128,64]"),
    "recipe.activation": Key("activation of the hidden layers", "relu or sigmoid or tanh"),
    "recipe.output": Key("activation of the last layer", "softmax or sigmoid"),
    "recipe.loss": Key(
        "loss function", "cross_entropy or mean_squared_error or half_squared_error"
    ),
    "recipe.optimizer": Key("update rule", "sgd or momentum or adam"),
    "recipe.initializer": Key("initial weights", "he_normal or glorot_uniform or notebook"),
    "recipe.momentum": Key("constant of the momentum optimizer", SHARE),
    "recipe.beta_1": Key("decay of adam's mean gradient", SHARE),
    "recipe.beta_2": Key("decay of adam's mean squared gradient", SHARE),
    "recipe.epsilon": Key("constant in adam's denominator", "a number from 1e-30 to 1"),
    "dataset.path": Key(
        "folder of Fashion-MNIST or, with dataset=idx, of another set",
        "a folder; null to find or download Fashion-MNIST",
    ),
    "dataset.training_size": Key("training examples of synthetic", SYNTHETIC_SIZE),
    "dataset.test_size": Key("test examples of synthetic", SYNTHETIC_SIZE),
    "dataset.seed": Key("seed of synthetic", SEED),
}

# Allowed values for error messages; the further keys are set by files only.
IDENTIFIER: Final = "up to 40 small letters, digits and '_', beginning with a letter"
ALLOWED: Final = {name: key.allowed for name, key in KEYS.items()} | {
    "implementation.name": IDENTIFIER,
    "implementation.colour": "a colour such as '#0072B2'",
    "implementation.requires": "a list of the top-level modules that must be importable",
    "architecture.name": IDENTIFIER,
}


def check_key(key: str, value: object) -> None:
    """Refuse a key that no configuration has.

    Raises:
        ConfigError: naming the key, its value and a similar key.
    """
    is_below_known = key.startswith(tuple(f"{known}." for known in PURPOSES))
    sections = {known.partition(".")[0] for known in PURPOSES}
    if key not in PURPOSES and key not in sections and not is_below_known:
        names = {*KEYS, *sections, "experiment", "sweep"} - {key}
        hint = nearest(key, sorted(names))
        raise ConfigError(
            f"{key}={short_value(value)}: no such key{hint}; 'bench --help' lists the keys"
        )
