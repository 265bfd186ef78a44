import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.training.sampling import batches, initial_parameters

SIZES = (784, 128, 64, 10)


def test_parameters_have_the_shapes_of_the_layers():
    layers = initial_parameters(0, SIZES, "he_normal")
    assert [layer.weights.shape for layer in layers] == [(784, 128), (128, 64), (64, 10)]
    assert [layer.bias.shape for layer in layers] == [(128,), (64,), (10,)]
    assert {array.dtype for layer in layers for array in layer} == {np.dtype(np.float32)}


def test_he_normal_has_variance_two_over_fan_in():
    weights = initial_parameters(1, SIZES, "he_normal")[0].weights
    assert weights.std() == pytest.approx(np.sqrt(2 / 784), rel=0.02)
    assert abs(weights.mean()) < 0.001


def test_glorot_uniform_fills_its_interval():
    weights = initial_parameters(1, SIZES, "glorot_uniform")[0].weights
    bound = np.sqrt(6 / (784 + 128))
    assert 0.99 * bound < np.abs(weights).max() <= bound * (1 + 1e-6)
    assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)


def test_the_notebooks_biases_are_drawn_like_its_weights():
    layer = initial_parameters(1, (784, 2000, 10), "notebook")[0]
    assert layer.weights.std() == pytest.approx(np.sqrt(2 / 784), rel=0.02)
    assert layer.bias.std() == pytest.approx(np.sqrt(2 / 784), rel=0.1)


def test_the_seed_decides_the_parameters():
    first, again, other = (initial_parameters(seed, SIZES, "he_normal") for seed in (3, 3, 4))
    assert all(
        np.array_equal(a, b)
        for x, y in zip(first, again, strict=True)
        for a, b in zip(x, y, strict=True)
    )
    assert not np.array_equal(first[0].weights, other[0].weights)


@given(
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(1, 1000),
    n_examples=st.integers(1, 500),
    batch_size=st.integers(1, 50),
)
def test_batches_contain_each_example_at_most_once_and_drop_only_the_remainder(
    seed, epoch, n_examples, batch_size
):
    order = batches(seed, epoch, n_examples, batch_size)
    assert order.shape == (n_examples // batch_size, batch_size)
    assert len(np.unique(order)) == order.size
    assert order.size == 0 or (order.min() >= 0 and order.max() < n_examples)
    assert np.array_equal(order, batches(seed, epoch, n_examples, batch_size))


def test_every_epoch_has_a_different_order():
    first, second = batches(0, 1, 1000, 10), batches(0, 2, 1000, 10)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first.ravel(), np.arange(1000))


def test_without_shuffling_the_order_is_that_of_the_file():
    order = batches(0, 5, 10, 3, shuffle=False)
    assert order.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
