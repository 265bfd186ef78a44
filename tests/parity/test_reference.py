"""The reference: its gradients are those of its loss, its equations those of the contract."""

import numpy as np
import pytest

from bench.config.compose import choices, compose_runs
from bench.parity.reference import Reference
from bench.training import sampling

SIZES = (784, 12, 12, 10)


@pytest.mark.parametrize("recipe", choices("recipe"))
def test_its_gradient_along_any_direction_is_the_slope_of_its_loss(recipe):
    (config,) = compose_runs([f"recipe={recipe}"], default_name="test")
    generator = np.random.default_rng(3)
    images = generator.random((16, 784)).astype(np.float32)
    labels = generator.integers(0, 10, 16)
    start = sampling.initial_parameters(0, SIZES, config.recipe.initializer)
    reference = Reference(start, config.recipe, learning_rate=0.1)
    loss, gradients = reference.gradients(images, labels)
    assert loss == pytest.approx(reference.loss(images, labels), rel=1e-12)
    for array, gradient in zip(reference.arrays, gradients, strict=True):
        direction = generator.normal(size=array.shape)
        step = 1e-6 / np.linalg.norm(direction)
        array += step * direction
        above = reference.loss(images, labels)
        array -= 2 * step * direction
        below = reference.loss(images, labels)
        array += step * direction
        slope = np.sum(gradient * direction)
        assert (above - below) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_two_steps_of_adam_by_hand():
    """One weight, one bias, a gradient that is known: a single image that is zero everywhere."""
    (config,) = compose_runs(["recipe=relu_softmax_adam"], default_name="test")
    start = sampling.initial_parameters(0, (784, 10), "glorot_uniform")
    reference = Reference(start, config.recipe, learning_rate=0.01)
    image, label = np.zeros((1, 784), np.float32), np.array([0])
    reference.step(image, label)
    first_gradient = 0.1 - 1  # softmax of equal logits minus the truth
    m, v = 0.1 * first_gradient, 0.001 * first_gradient**2
    bias = -0.01 * np.sqrt(0.001) / 0.1 * m / (np.sqrt(v) + 1e-7)
    assert reference.biases[0][0] == pytest.approx(bias, rel=1e-12)
    others = reference.biases[0][1]
    second_gradient = np.exp(bias) / (np.exp(bias) + 9 * np.exp(others)) - 1
    reference.step(image, label)
    m, v = 0.9 * m + 0.1 * second_gradient, 0.999 * v + 0.001 * second_gradient**2
    bias -= 0.01 * np.sqrt(1 - 0.999**2) / (1 - 0.9**2) * m / (np.sqrt(v) + 1e-7)
    assert reference.biases[0][0] == pytest.approx(bias, rel=1e-12)
    assert np.array_equal(reference.weights[0], start[0].weights)
