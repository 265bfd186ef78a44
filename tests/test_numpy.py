"""The ways that the from-scratch implementation takes to be fast, each against the reference."""

import numpy as np
import pytest

from bench import sampling
from bench.contract import Problem
from bench.overrides import choices, compose_runs
from bench.parity.reference import Reference
from implementations import numpy_mlp

SIZES = (784, 32, 16, 10)
N_EXAMPLES = 512
RATES = {"sgd": 2**-4, "momentum": 2**-6, "adam": 2**-11}


def problem(recipe="relu_softmax_sgd", *, grey_levels=True, threads=1):
    (config,) = compose_runs([f"recipe={recipe}"], default_name="test")
    generator = np.random.default_rng(4)
    images = generator.integers(0, 256, (N_EXAMPLES, 784)).astype(np.float32) / np.float32(255)
    if not grey_levels:
        images = generator.random((N_EXAMPLES, 784), dtype=np.float32)
    return Problem(
        train_images=images,
        train_labels=generator.integers(0, 10, N_EXAMPLES),
        layer_sizes=SIZES,
        recipe=config.recipe,
        learning_rate=RATES[config.recipe.optimizer],
        device="cpu",
        threads=threads,
        options={},
    )


def distances(given, batches):
    """Train, and return the distances to the reference: parameters, and relative, the loss."""
    start = sampling.initial_parameters(0, SIZES, given.recipe.initializer)
    model = numpy_mlp.MLP()
    model.setup(given, start)
    loss = model.train_epoch(batches)
    reference = Reference(start, given.recipe, given.learning_rate)
    expected = np.mean(
        [reference.step(given.train_images[rows], given.train_labels[rows]) for rows in batches]
    )
    layers = model.parameters()
    arrays = [layer.weights for layer in layers] + [layer.bias for layer in layers]
    gaps = [np.abs(a - b).max() for a, b in zip(arrays, reference.arrays, strict=True)]
    return max(gaps), abs(loss - expected) / expected


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8, 31, 32, 33, 128, 250])
@pytest.mark.parametrize("recipe", choices("recipe"))
def test_any_batch_size_ends_where_the_reference_ends(recipe, batch_size):
    batches = sampling.batches(0, 1, N_EXAMPLES, batch_size)[:70]
    parameters, loss = distances(problem(recipe), batches)
    assert parameters < 2e-5
    assert loss < 1e-5


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("grey_levels", [True, False])
def test_so_do_images_that_are_no_bytes_and_more_threads(grey_levels, threads):
    given = problem(grey_levels=grey_levels, threads=threads)
    parameters, loss = distances(given, sampling.batches(0, 1, N_EXAMPLES, 128))
    assert parameters < 2e-5
    assert loss < 1e-5


def test_images_made_from_bytes_are_kept_as_bytes():
    assert numpy_mlp.as_bytes(problem().train_images).dtype == np.uint8
    assert numpy_mlp.as_bytes(problem(grey_levels=False).train_images).dtype == np.float32


def test_batches_of_changing_size_train_one_model():
    given = problem("relu_softmax_adam")
    start = sampling.initial_parameters(0, SIZES, given.recipe.initializer)
    model = numpy_mlp.MLP()
    model.setup(given, start)
    reference = Reference(start, given.recipe, given.learning_rate)
    for batch_size in (64, 1, 128):
        batches = sampling.batches(0, 1, N_EXAMPLES, batch_size)[:4]
        model.train_epoch(batches)
        for rows in batches:
            reference.step(given.train_images[rows], given.train_labels[rows])
    weights = model.parameters()[0].weights
    assert np.abs(weights - reference.weights[0]).max() < 2e-5


@pytest.mark.parametrize(("rows", "inner", "columns"), [(32, 784, 128), (7, 5, 3), (1, 784, 10)])
@pytest.mark.parametrize("in_blocks", [True, False])
def test_a_product_in_blocks_is_the_product(rows, inner, columns, in_blocks):
    generator = np.random.default_rng(5)
    left = generator.random((rows, inner), dtype=np.float32)
    right = generator.random((inner, columns), dtype=np.float32)
    for order in ("C", "F"):
        out = np.empty((rows, columns), np.float32, order=order)
        numpy_mlp.product(left, right, out, in_blocks=in_blocks)()
        assert np.allclose(out, left.astype(np.float64) @ right, rtol=1e-5)
