"""Every implementation does what the contract says. What it computes is the parity ladder's."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import conf
from bench import registry
from bench.config.compose import compose_runs
from bench.contract import Layer, Problem, ReportsOnDevice
from bench.parity.reference import Reference
from bench.training import sampling
from tests.conftest import TINY

CONF = Path(conf.__file__).parent
NAMES = sorted(path.stem for path in (CONF / "implementation").glob("*.yaml"))
SIZES = (784, 32, 16, 10)
DEFAULT_RECIPE = "relu_softmax_sgd"


def settings(name, recipe=DEFAULT_RECIPE):
    """The configuration of an implementation and a recipe."""
    words = [f"implementation={name}", f"recipe={recipe}"]
    (config,) = compose_runs(words, default_name="test")
    return config


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
    """An implementation with the parameters that seed 0 gives; skipped where it can't be had."""
    config = settings(name, recipe)
    if registry.missing(config.implementation.requires):
        pytest.skip(f"{name} is not installed")
    if config.implementation.claims.lack(config.recipe):
        pytest.skip(f"{name} does not claim {recipe}")
    implementation = registry.load(config.implementation.module)()
    implementation.setup(make_problem(config), initial(config.recipe.initializer))
    return implementation


@pytest.fixture(params=NAMES)
def build(request):
    """Set an implementation up, as often as is asked."""
    return lambda: set_up(request.param)


@pytest.fixture
def model(build):
    return build()


@pytest.fixture(scope="module")
def images():
    return make_problem(settings("numpy")).train_images


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


def test_setup_takes_over_the_parameters_it_is_given(model):
    assert distance(model.parameters(), initial()) == 0


def test_warm_up_changes_nothing(model, images):
    before = model.predict_scores(images)
    model.warm_up(batches())
    assert distance(model.parameters(), initial()) == 0
    assert np.array_equal(model.predict_scores(images), before)


@pytest.mark.parametrize("recipe", [DEFAULT_RECIPE, "relu_softmax_adam"])
@pytest.mark.parametrize("name", NAMES)
def test_warm_up_leaves_training_as_it_would_have_been(name, recipe):
    cold, warm = set_up(name, recipe), set_up(name, recipe)
    warm.warm_up(batches())
    assert warm.train_epoch(batches()) == pytest.approx(cold.train_epoch(batches()), rel=1e-6)
    assert distance(warm.parameters(), cold.parameters()) <= 1e-6


def test_training_lowers_the_loss_and_the_order_matters(build):
    forwards, backwards = build(), build()
    losses = [forwards.train_epoch(batches()) for _ in range(8)]
    for _ in range(8):
        backwards.train_epoch(batches()[::-1])
    assert losses[-1] < losses[0]
    assert distance(forwards.parameters(), backwards.parameters()) > 1e-4


def test_parameters_are_copies(model):
    kept = model.parameters()
    copies = tuple(Layer(*(array.copy() for array in layer)) for layer in kept)
    model.train_epoch(batches())
    assert distance(kept, copies) == 0
    assert distance(model.parameters(), copies) > 0


def test_scores_are_the_last_layers_sums(model, images):
    scores = model.predict_scores(images)
    expected = Reference(initial(), settings("numpy").recipe, 0.1).scores(images)
    assert scores.shape == (256, 10)
    assert scores.dtype == np.float32
    assert np.abs(scores - expected).max() < 1e-4


def test_what_runs_on_a_gpu_tells_of_it_or_says_how_to_get_one(run, tmp_path):
    modules = {}  # one implementation of each
    for name in NAMES:
        implementation = settings(name).implementation
        if "gpu" in implementation.devices and not registry.missing(implementation.requires):
            modules.setdefault(implementation.module, name)
    assert modules
    for module in modules:
        assert isinstance(registry.load(module)(), ReportsOnDevice), module
    names = ",".join(modules.values())
    ended = run("bench", "-m", *TINY, f"implementation={names}", "device=gpu", "sweep_name=gpu")
    assert ended.returncode == 0, ended.stderr
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/gpu/*/record.json")]
    assert len(records) == len(modules)
    for record in records:
        if record["status"] == "skipped":
            name = record["config"]["implementation"]["name"]
            lacks_cupy = name == "numpy" and not find_spec("cupy")
            reason = "CuPy, which is not installed: make" if lacks_cupy else "finds no GPU; with"
            assert reason in record["error"]["message"]
        else:
            assert record["status"] == "done"
            assert record["environment"]["gpu"]
            assert record["peak_memory_bytes"] > 0
