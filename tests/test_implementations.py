"""Every implementation does what the contract says, and the same arithmetic as every other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conf
from bench import registry, sampling
from bench.contract import Layer, Problem
from bench.overrides import compose_runs
from implementations import numpy_mlp

NAMES = sorted(path.stem for path in (Path(conf.__file__).parent / "implementation").glob("*.yaml"))
SIZES = (784, 32, 16, 10)
LEARNING_RATE = 0.1


@pytest.fixture(scope="module")
def problems() -> dict[str, Problem]:
    """The same problem for every implementation that is installed."""
    generator = np.random.default_rng(0)
    images = generator.random((256, 784), dtype=np.float32)
    labels = generator.integers(0, 10, 256)
    found = {}
    for name in NAMES:
        (config,) = compose_runs([f"implementation={name}"], default_name="test")
        if registry.missing(config.implementation.requires):
            continue
        found[name] = Problem(
            train_images=images,
            train_labels=labels,
            layer_sizes=SIZES,
            recipe=config.recipe,
            learning_rate=LEARNING_RATE,
            device="cpu",
            threads=1,
            options=config.implementation.options,
        )
    return found


@pytest.fixture(params=NAMES)
def build(request, problems):
    """Set up an implementation with the parameters that seed 0 gives, as often as is asked."""
    if request.param not in problems:
        pytest.skip(f"{request.param} is not installed")
    (config,) = compose_runs([f"implementation={request.param}"], default_name="test")

    def set_up():
        implementation = registry.load(config.implementation.module)()
        implementation.setup(problems[request.param], initial())
        return implementation

    return set_up


@pytest.fixture
def model(build):
    return build()


def initial():
    return sampling.initial_parameters(0, SIZES, "he_normal")


def batches(n_steps=8, seed=0):
    return sampling.batches(seed, 1, 256, 256 // n_steps)


def in_float64(parameters):
    return tuple(Layer(*(array.astype(np.float64) for array in layer)) for layer in parameters)


def distance(parameters, others) -> float:
    """Largest difference between two sets of parameters."""
    return max(
        float(np.abs(array.astype(np.float64) - other).max())
        for layer, other_layer in zip(parameters, others, strict=True)
        for array, other in zip(layer, other_layer, strict=True)
    )


def reference_step(batch, images, labels):
    """One step in float64, written out plainly; returns the mean loss and the new parameters."""
    layers = in_float64(initial())
    inputs, loss = [images[batch].astype(np.float64)], 0.0
    for layer in layers:
        sums = inputs[-1] @ layer.weights + layer.bias
        inputs.append(sums if layer is layers[-1] else sums.clip(min=0))
    probabilities = np.exp(inputs[-1]) / np.exp(inputs[-1]).sum(axis=1, keepdims=True)
    truth = np.eye(10)[labels[batch]]
    loss = -(truth * np.log(probabilities)).sum() / len(batch)
    delta = (probabilities - truth) / len(batch)
    updated = []
    for index in (2, 1, 0):
        weights, bias = layers[index]
        updated.insert(
            0,
            Layer(
                weights - LEARNING_RATE * inputs[index].T @ delta,
                bias - LEARNING_RATE * delta.sum(axis=0),
            ),
        )
        delta = (delta @ weights.T) * (inputs[index] > 0)
    return loss, tuple(updated)


def test_one_step_ends_where_the_float64_reference_ends(model, problems):
    problem = problems["numpy"]
    step = batches(n_steps=8)[:1]
    loss, expected = reference_step(step[0], problem.train_images, problem.train_labels)
    assert model.train_epoch(step) == pytest.approx(loss, rel=1e-5)
    for layer, wanted, start in zip(model.parameters(), expected, initial(), strict=True):
        for array, goal, before in zip(layer, wanted, start, strict=True):
            error = np.linalg.norm(array - goal) / np.linalg.norm(goal - before)
            print(error)
            assert error <= 1e-5


def test_from_scratch_gradients_agree_with_central_differences_in_float64(problems):
    problem = problems["numpy"]
    images = problem.train_images[:8].astype(np.float64)
    labels = problem.train_labels[:8]
    parameters = in_float64(initial())
    loss, gradients = numpy_mlp.loss_and_gradients(parameters, images, labels)
    generator = np.random.default_rng(1)
    step = 1e-6
    for layer, gradient in zip(parameters, gradients, strict=True):
        for array, derivative in zip(layer, gradient, strict=True):
            for flat in generator.choice(array.size, size=min(array.size, 40), replace=False):
                place = np.unravel_index(flat, array.shape)
                kept = array[place]
                array[place] = kept + step
                above, _ = numpy_mlp.loss_and_gradients(parameters, images, labels)
                array[place] = kept - step
                below, _ = numpy_mlp.loss_and_gradients(parameters, images, labels)
                array[place] = kept
                numeric = (above - below) / (2 * step)
                assert derivative[place] == pytest.approx(numeric, rel=1e-5, abs=1e-8)
    assert loss > 0


def test_setup_takes_over_the_parameters_it_is_given(model):
    assert distance(model.parameters(), initial()) == 0


def test_warm_up_changes_nothing(model, problems):
    before = model.predict_scores(problems["numpy"].train_images)
    model.warm_up(batches())
    assert distance(model.parameters(), initial()) == 0
    assert np.array_equal(model.predict_scores(problems["numpy"].train_images), before)


def test_warm_up_leaves_training_as_it_would_have_been(build):
    cold, warm = build(), build()
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


def test_scores_are_the_last_layers_sums(model, problems):
    images = problems["numpy"].train_images
    scores = model.predict_scores(images)
    expected = numpy_mlp.forward(in_float64(initial()), images.astype(np.float64))[-1]
    assert scores.shape == (256, 10)
    assert scores.dtype == np.float32
    assert np.abs(scores - expected).max() < 1e-4
