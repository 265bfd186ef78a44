"""Which keys make two runs the same."""

import copy
import hashlib

import msgspec
import pytest

from bench.config import identity
from bench.config.compose import compose_runs
from bench.config.identity import GROUPS, HANDLING_KEYS, LATER_KEYS, PURPOSES, Purpose
from bench.config.schema import RunConfig
from bench.contract import Recipe
from bench.data.datasets import DatasetSettings

# A configuration as the first edition wrote it into a record, and the hash that it gave it.
FIRST_EDITION = {
    "implementation": {
        "name": "torch", "module": "torch_mlp", "colour": "#E69F00", "requires": ["torch"],
        "install": "make setup EXTRAS=torch", "libraries": ["torch"], "devices": ["cpu", "gpu"],
        "claims": {
            "activation": ["relu", "sigmoid", "tanh"], "output": ["softmax", "sigmoid"],
            "loss": ["cross_entropy", "mean_squared_error", "half_squared_error"],
            "optimizer": ["sgd", "momentum", "adam"],
        },
        "fairness": {
            "precision": "float32", "tf32": "off", "compilation": "none", "data_path": "device",
        },
        "options": {"compile": False},
    },
    "architecture": {"name": "two_hidden", "hidden_sizes": [128, 64]},
    "recipe": {
        "name": "relu_softmax_adam", "activation": "relu", "output": "softmax",
        "loss": "cross_entropy", "optimizer": "adam", "initializer": "he_normal",
        "momentum": 0.9, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7,
    },
    "dataset": {
        "name": "fashion_mnist", "path": None, "training_size": 2000, "test_size": 500, "seed": 0,
    },
    "learning_rate": 0.001, "batch_size": 200, "epochs": 5, "seed": 3, "validation_fraction": 0.1,
    "shuffle": True, "evaluate_training_set": False, "device": "cpu", "threads": "auto",
    "timeout_seconds": None, "memory_limit": None, "resume": True, "shuffle_runs": False,
    "share_machine": False, "isolation": "fork", "results_folder": "results",
    "sweep_name": "known",
}  # fmt: skip
FIRST_EDITION_HASH = "4d7d306c8eb39b45d0b4f38798a8a0008787f53a893a0cdb7adc3f13473d6db6"


def hash_of(config: dict) -> str:
    content = identity.hashed_content(config)
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def schema_keys(kind: type = RunConfig, prefix: str = "") -> set[str]:
    """Return every key of the schema, nested ones with dots, as far as PURPOSES goes into them."""
    keys = set()
    for field in msgspec.inspect.type_info(kind).fields:
        key = f"{prefix}{field.name}"
        nested = getattr(field.type, "cls", None)
        keys |= {key} if key in PURPOSES or nested is None else schema_keys(nested, f"{key}.")
    return keys


def test_every_key_of_the_schema_is_classified_and_nothing_else_is():
    assert set(PURPOSES) == schema_keys()
    assert {"recipe.epsilon", "dataset.path", "implementation.claims", "seed"} <= schema_keys()
    assert GROUPS == ("implementation", "architecture", "recipe", "dataset")
    assert {*GROUPS, "launcher", *(key for key in PURPOSES if "." not in key)} == set(
        RunConfig.__struct_fields__
    )
    assert len(Recipe.__dataclass_fields__) + len(DatasetSettings.__dataclass_fields__) == 15


def test_the_hash_is_the_one_that_the_first_edition_gave():
    assert hash_of(FIRST_EDITION) == FIRST_EDITION_HASH
    assert msgspec.convert(FIRST_EDITION, RunConfig).hash == FIRST_EDITION_HASH


@pytest.mark.parametrize("key", sorted(LATER_KEYS))
def test_the_default_of_a_later_key_changes_neither_hash_nor_pairs(key):
    (default,) = compose_runs([], default_name="unnamed")
    assert getattr(default, key) == LATER_KEYS[key]
    later = FIRST_EDITION | {key: LATER_KEYS[key]}
    assert hash_of(later) == FIRST_EDITION_HASH
    assert identity.paired_content(later) == identity.paired_content(FIRST_EDITION)
    assert identity.varying_keys([later, FIRST_EDITION]) == []


@pytest.mark.parametrize("key", sorted(PURPOSES))
def test_a_key_changes_the_hash_and_the_pairs_as_its_purpose_says(key):
    changed = copy.deepcopy(FIRST_EDITION)
    *parents, leaf = key.split(".")
    section = changed
    for parent in parents:
        section = section.setdefault(parent, {})  # the first edition had no launcher
    section[leaf] = "another value"
    purpose = PURPOSES[key]
    of_the_run = purpose not in (Purpose.HANDLING, Purpose.DESCRIPTION)
    assert (hash_of(changed) != FIRST_EDITION_HASH) == of_the_run
    pairs = identity.paired_content(changed) == identity.paired_content(FIRST_EDITION)
    assert pairs == (purpose not in (Purpose.CONDITION, Purpose.REPEAT))


def test_each_purpose_has_its_list_of_keys():
    assert identity.REPEAT_KEYS == ("learning_rate", "seed")
    assert "recipe" in identity.CONDITION_KEYS
    assert "sweep_name" in HANDLING_KEYS
    assert identity.DESCRIBING_KEYS["dataset"] == ("path",)
    assert identity.DESCRIBING_KEYS["recipe"] == ()
    assert not {"recipe", "implementation", "sweep_name"} & set(identity.REPEAT_COMMAND_KEYS)


@pytest.mark.parametrize(
    "config",
    [{}, {"implementation": "numpy"}, {"dataset": None, "recipe": []}, {"implementation": {1: 2}}],
)
def test_configurations_of_any_shape_are_accepted(config):
    assert identity.hashed_content(config) == config
    assert set(identity.paired_content(config)) == {
        *identity.CONDITION_KEYS, *identity.REPEAT_KEYS,
    }  # fmt: skip


def test_a_key_of_a_later_version_counts():
    assert hash_of(FIRST_EDITION | {"weight_decay": 0.1}) != FIRST_EDITION_HASH
