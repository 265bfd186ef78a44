"""What is suggested for a name that does not exist."""

import pytest

from bench.config.identity import GROUPS, PURPOSES
from bench.config.suggestions import ALIASES, nearest

KEYS = [
    *GROUPS, "experiment", "sweep",
    *(key for key in PURPOSES if not key.startswith("implementation.") and ".name" not in key),
]  # fmt: skip
IMPLEMENTATIONS = ["jax", "keras", "keras_jit", "numpy", "sklearn", "tensorflow", "torch"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lr", "learning_rate"), ("bs", "batch_size"), ("epoch", "epochs"), ("batch", "batch_size"),
        ("rate", "learning_rate"), ("arch", "architecture"), ("impl", "implementation"),
        ("opt", "recipe.optimizer"), ("optimizer", "recipe.optimizer"), ("n_epochs", "epochs"),
        ("thread", "threads"), ("cores", "threads"), ("timeout", "timeout_seconds"),
        ("memory", "memory_limit"), ("learing_rate", "learning_rate"), ("model", "architecture"),
        ("val_split", "validation_fraction"), ("hidden_sizes", "architecture.hidden_sizes"),
        ("recipe.activaton", "recipe.activation"), ("activaton", "recipe.activation"),
        ("LR", "learning_rate"), ("batch-size", "batch_size"), ("beta1", "recipe.beta_1"),
    ],
)  # fmt: skip
def test_the_suggested_key_is_the_obvious_key(written, meant):
    assert nearest(written, KEYS) == f"; did you mean {meant}?"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("nunpy", "numpy"), ("kears", "keras"), ("tf", "tensorflow"), ("pytorch", "torch")],
)
def test_the_suggested_choice_is_the_obvious_choice(written, meant):
    assert nearest(written, IMPLEMENTATIONS) == f"; did you mean {meant}?"


@pytest.mark.parametrize("written", ["xyz", "foo", "q", "a.b.c", "implementation.options.x", ""])
def test_nothing_is_suggested_for_a_name_that_resembles_none(written):
    assert nearest(written, KEYS) == ""


def test_aliases_name_keys_and_choices():
    assert set(ALIASES.values()) <= {*KEYS, *IMPLEMENTATIONS}
