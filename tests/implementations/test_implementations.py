"""Every implementation does what the contract says. The parity ladder tests what it computes."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pytest

from bench import CONF, registry
from bench.config.compose import compose_runs
from bench.contract import (
    BACKEND_VARIABLE,
    Implementation,
    Layer,
    Parameters,
    Problem,
    ReportsOnDevice,
    UnavailableError,
)  # fmt: skip
from bench.parity.reference import Reference
from bench.training import sampling
from tests.conftest import TINY

SIZES = (784, 32, 16, 10)
HAS_GPU = shutil.which("nvidia-smi") is not None
DEFAULT_RECIPE = "relu_softmax_sgd"


def settings(name, recipe=DEFAULT_RECIPE):
    """The configuration of an implementation and a recipe."""
    words = [f"implementation={name}", f"recipe={recipe}"]
    (config,) = compose_runs(words, default_name="test")
    return config


def backends():
    """The names of the implementations by the process that can import them.

    A library such as Keras has one backend per process. This process tests the first backend of
    each module, or the one that the environment names; `test_other_backends` starts the others.
    """
    names, first = defaultdict(list), {}
    for path in sorted((CONF / "implementation").glob("*.yaml")):
        config = settings(path.stem)
        backend = first.setdefault(config.implementation.module, config.backend)
        names["" if config.backend == backend else config.backend].append(path.stem)
    return names


BACKENDS = backends()
NAMES = BACKENDS.pop(os.environ.get(BACKEND_VARIABLE, ""))
if os.environ.get(BACKEND_VARIABLE):
    BACKENDS.clear()


def learning_rate(recipe):
    return 0.001 if recipe.optimizer == "adam" else 0.1


def make_problem(config) -> Problem:
    """The same small problem for every implementation."""
    generator = np.random.default_rng(0)
    return Problem(
        train_images=generator.random((256, 784), dtype=np.float32),
        train_labels=generator.integers(0, 10, 256),
        layer_sizes=SIZES,
        recipe=config.recipe,
        learning_rate=learning_rate(config.recipe),
        device="cpu",
        threads=1,
        options=config.implementation.options,
    )


def set_up(name, recipe=DEFAULT_RECIPE):
    """Set up an implementation with the parameters of seed 0; skip if it is not installed."""
    config = settings(name, recipe)
    if registry.missing(config.implementation.requires):
        pytest.skip(f"{name} is not installed")
    if config.implementation.claims.unsupported(config.recipe):
        pytest.skip(f"{name} does not claim {recipe}")
    implementation = registry.load(config.implementation.module)()
    implementation.setup(make_problem(config), initial(config.recipe.initializer))
    return implementation


def initial(initializer="he_normal"):
    return sampling.initial_parameters(0, SIZES, initializer)


def batches(n_steps=8, seed=0):
    return sampling.batches(seed, 1, 256, 256 // n_steps)


def distance(parameters, others) -> float:
    """Largest difference between two sets of parameters."""
    return max(
        float(np.abs(array.astype(np.float64) - other).max())
        for layer, other_layer in zip(parameters, others, strict=True)
        for array, other in zip(layer, other_layer, strict=True)
    )


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    """One implementation after the other, so that each is built only a few times."""
    return request.param


@pytest.fixture(scope="module")
def untrained(name):
    """A model for the tests that leave it as it is."""
    return set_up(name)


@pytest.fixture(scope="module")
def images():
    return make_problem(settings("numpy")).train_images


class Trained(NamedTuple):
    model: Implementation
    losses: list[float]  # of each epoch
    after_first_epoch: Parameters


@pytest.fixture(scope="module")
def trained(name):
    """A model after eight epochs, without warm-up."""
    model = set_up(name)
    losses = [model.train_epoch(batches())]
    parameters = model.parameters()
    losses += [model.train_epoch(batches()) for _ in range(7)]
    return Trained(model, losses, parameters)


def test_setup_uses_the_given_parameters(untrained):
    assert distance(untrained.parameters(), initial()) == 0


def test_predict_scores_returns_logits(untrained, images):
    logits = untrained.predict_scores(images)
    expected = Reference(initial(), settings("numpy").recipe, 0.1).logits(images)
    assert logits.shape == (256, 10)
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() < 1e-4


def test_warm_up_changes_nothing(untrained, images):
    before = untrained.predict_scores(images)
    untrained.warm_up(batches())
    assert distance(untrained.parameters(), initial()) == 0
    assert np.array_equal(untrained.predict_scores(images), before)


def test_training_lowers_the_loss(trained):
    assert trained.losses[-1] < trained.losses[0]


def test_warm_up_does_not_change_later_training(name, trained):
    warm = set_up(name)
    warm.warm_up(batches())
    assert warm.train_epoch(batches()) == pytest.approx(trained.losses[0], rel=1e-6)
    assert distance(warm.parameters(), trained.after_first_epoch) <= 1e-6


def test_warm_up_does_not_change_the_state_of_adam(name):
    cold, warm = (set_up(name, "relu_softmax_adam") for _ in range(2))
    warm.warm_up(batches())
    assert warm.train_epoch(batches()) == pytest.approx(cold.train_epoch(batches()), rel=1e-6)
    assert distance(warm.parameters(), cold.parameters()) <= 1e-6


def test_batches_are_trained_on_in_the_given_order(name, trained):
    backwards = set_up(name)
    backwards.train_epoch(batches()[::-1])
    assert distance(trained.after_first_epoch, backwards.parameters()) > 1e-4


def test_parameters_are_copies(trained):
    parameters = trained.model.parameters()
    copies = tuple(Layer(*(array.copy() for array in layer)) for layer in parameters)
    trained.model.train_epoch(batches())
    assert distance(parameters, copies) == 0
    assert distance(trained.model.parameters(), copies) > 0


def test_keras_refuses_another_backend_or_number_type(monkeypatch):
    keras = pytest.importorskip("keras")
    for owner, name, value in (
        (keras.backend, "backend", "numpy"),
        (keras.config, "floatx", "float16"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda value=value: value)
            with pytest.raises(RuntimeError, match=f"{value}.* instead of .*, float32"):
                set_up(next(name for name in NAMES if name.startswith("keras")))


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_backends(backend):
    if all(registry.missing(settings(name).implementation.requires) for name in BACKENDS[backend]):
        pytest.skip(f"{backend} is not installed")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", __file__],
        capture_output=True, text=True, env=os.environ | {BACKEND_VARIABLE: backend},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout


def implementations_for_a_gpu():
    """Return one name of each installed module that claims to run on a GPU."""
    names = {}
    for name in NAMES:
        implementation = settings(name).implementation
        if "gpu" in implementation.devices and not registry.missing(implementation.requires):
            names.setdefault(implementation.module, name)
    return list(names.values())


@pytest.mark.parametrize("name", implementations_for_a_gpu())
def test_an_implementation_for_a_gpu_reports_on_it(name):
    model = registry.load(settings(name).implementation.module)()
    assert isinstance(model, ReportsOnDevice)


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
@pytest.mark.parametrize("name", implementations_for_a_gpu())
def test_without_a_gpu_the_error_says_how_to_get_one(name):
    config = settings(name)
    model = registry.load(config.implementation.module)()
    problem = dataclasses.replace(make_problem(config), device="gpu")
    remedy = "make setup EXTRAS=|pip install --force-reinstall"
    with pytest.raises(UnavailableError, match=remedy):
        model.setup(problem, initial())


@pytest.mark.skipif(not HAS_GPU, reason="there is no GPU")
def test_records_of_runs_on_a_gpu_name_it(run, tmp_path):
    names = ",".join(implementations_for_a_gpu())
    ended = run("bench", "-m", *TINY, f"implementation={names}", "device=gpu", "sweep_name=gpu")
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/gpu/*/record.json")]
    done = [record for record in records if record["status"] == "done"]
    assert done, ended.stdout
    assert {record["status"] for record in records} <= {"done", "skipped"}
    for record in done:
        assert record["environment"]["gpu"]
        assert record["peak_memory_bytes"] > 0
