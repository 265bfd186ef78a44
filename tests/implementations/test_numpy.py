"""The ways that the from-scratch implementation takes to be fast, each against the reference."""

import gc
import multiprocessing
import threading

import numpy as np
import pytest

from bench.config.compose import choices, compose_runs
from bench.contract import Problem
from bench.parity.reference import Reference
from bench.training import sampling
from implementations import numpy_mlp

SIZES = (784, 32, 16, 10)
N_EXAMPLES = 512
RATES = {"sgd": 2**-4, "momentum": 2**-6, "adam": 2**-11}


def problem(recipe="relu_softmax_sgd", *, grey_levels=True, threads=1, device="cpu"):
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
        device=device,
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


@pytest.mark.parametrize("grey_levels", [True, False])
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 33, 128])
@pytest.mark.parametrize(
    "recipe", ["relu_softmax_sgd", "relu_softmax_momentum", "relu_softmax_adam"]
)
def test_so_do_several_cores_and_images_that_are_no_bytes(recipe, batch_size, threads, grey_levels):
    given = problem(recipe, grey_levels=grey_levels, threads=threads)
    parameters, loss = distances(given, sampling.batches(0, 1, N_EXAMPLES, batch_size)[:16])
    assert parameters < 2e-5
    assert loss < 1e-5


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (1, 32), (1, 128), (2, 1), (2, 64)])
def test_training_ends_at_the_same_bits_every_time(threads, batch_size):
    given = problem(threads=threads)
    start = sampling.initial_parameters(0, SIZES, given.recipe.initializer)
    batches = sampling.batches(0, 1, N_EXAMPLES, batch_size)
    ends = []
    for _ in range(2):
        model = numpy_mlp.MLP()
        model.setup(given, start)
        losses = [model.train_epoch(batches) for _ in range(3)]
        ends.append((losses, [layer.weights.tobytes() for layer in model.parameters()]))
    assert ends[0] == ends[1]


def test_no_process_is_left_once_a_model_is_forgotten():
    given = problem(threads=3)
    model = numpy_mlp.MLP()
    model.setup(given, sampling.initial_parameters(0, SIZES, given.recipe.initializer))
    model.warm_up(sampling.batches(0, 1, N_EXAMPLES, 64))
    helpers = multiprocessing.active_children()
    assert len(helpers) == 2
    del model
    gc.collect()
    assert not multiprocessing.active_children()


def test_training_fails_where_a_process_that_trained_along_has_died():
    given = problem(threads=2)
    model = numpy_mlp.MLP()
    model.setup(given, sampling.initial_parameters(0, SIZES, given.recipe.initializer))
    (helper,) = multiprocessing.active_children()
    batches = np.tile(sampling.batches(0, 1, N_EXAMPLES, 64), (20_000, 1))
    threading.Timer(0.3, helper.kill).start()
    with pytest.raises(RuntimeError, match="has died"):
        model.train_epoch(batches)
    with pytest.raises(RuntimeError, match="has died"):
        model.train_epoch(batches)


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


@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(32, 784, 128), (7, 5, 3), (1, 784, 10), (3, 1, 5)]
)
def test_a_product_in_blocks_is_the_product(rows, inner, columns):
    generator = np.random.default_rng(5)
    left = generator.random((rows, inner), dtype=np.float32)
    right = generator.random((inner, columns), dtype=np.float32)
    for order in ("C", "F"):
        out = np.empty((rows, columns), np.float32, order=order)
        numpy_mlp.product(left, right, out)()
        assert np.allclose(out, left.astype(np.float64) @ right, rtol=1e-5)
