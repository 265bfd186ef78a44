"""What each key of `bench` decides and what it may be: for --help and for error messages.

Standard library only: --help must not wait for NumPy.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Key(NamedTuple):
    """A key of `bench`.

    Attributes:
        meaning: what it decides.
        allowed: its values, as error messages name them after "must be".
    """

    meaning: str
    allowed: str


TRUE_OR_FALSE: Final = "true or false"
COUNT: Final = "a whole number, 1 or more"
SHARE: Final = "a number from 0 up to, not including, 1"
SEED: Final = "a whole number from 0 to 4294967295"

KEYS: Final = {
    "learning_rate": Key("step size of the optimizer", "a finite number above 0"),
    "batch_size": Key("examples per step", COUNT),
    "epochs": Key("passes over the training set", COUNT),
    "seed": Key("of initial parameters and batch order", SEED),
    "validation_fraction": Key("share of the training set kept for validation", SHARE),
    "shuffle": Key("draw a new order of the examples every epoch", TRUE_OR_FALSE),
    "evaluate_training_set": Key("evaluate on it, too, after every epoch", TRUE_OR_FALSE),
    "device": Key("where to train", "cpu or gpu"),
    "threads": Key(
        "cores to train on", "auto, or a number of cores from 1 to what this process may use"
    ),
    "timeout_seconds": Key(
        "limit of a run's time",
        "a number of seconds above 0, up to 100000000, or null: 10 min to start, 6 h an epoch",
    ),
    "memory_limit": Key(
        "limit of a run's memory", "an amount such as 500MB or 2GB, or null for no limit"
    ),
    "resume": Key("keep finished runs of a sweep with this name", TRUE_OR_FALSE),
    "shuffle_runs": Key("make a sweep's runs in random order, against drift", TRUE_OR_FALSE),
    "share_machine": Key("start beside other timed runs; marks the records", TRUE_OR_FALSE),
    "isolation": Key("import the framework once for all runs, or anew", "fork or spawn"),
    "results_folder": Key("where sweeps are written", "a folder"),
    "sweep_name": Key(
        "folder of the sweep; null for the time",
        "up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit",
    ),
    "architecture.hidden_sizes": Key(
        "units of each hidden layer", "a list such as [128,64], no unit below 1"
    ),
    "recipe.activation": Key("of the hidden layers", "relu or sigmoid or tanh"),
    "recipe.output": Key("of the last layer", "softmax or sigmoid"),
    "recipe.loss": Key(
        "what is minimised", "cross_entropy or mean_squared_error or half_squared_error"
    ),
    "recipe.optimizer": Key("how", "sgd or momentum or adam"),
    "recipe.initializer": Key("of the weights", "he_normal or glorot_uniform or notebook"),
    "recipe.momentum": Key("of momentum", SHARE),
    "recipe.beta_1": Key("of adam", SHARE),
    "recipe.beta_2": Key("of adam", SHARE),
    "recipe.epsilon": Key("of adam", "a number from 1e-30 to 1"),
    "dataset.path": Key("of fashion_mnist", "a folder with its files, or null to find or fetch it"),
    "dataset.training_size": Key("of synthetic", "a whole number from 1 to 100000"),
    "dataset.test_size": Key("of synthetic", "a whole number from 1 to 100000"),
    "dataset.seed": Key("of synthetic", SEED),
}
