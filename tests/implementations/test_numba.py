"""The parts of the Numba implementation; the ladder and test_implementations test the whole."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("numba")

import numba

from bench.contract import Problem, Recipe
from bench.parity.reference import Reference
from bench.training import sampling
from implementations.numba_mlp import MLP, barrier, equations, memory, tiles
from implementations.numba_mlp.training import compile_epoch

SGD = Recipe(
    name="relu_softmax_sgd",
    activation="relu",
    output="softmax",
    loss="cross_entropy",
    optimizer="sgd",
    initializer="he_normal",
)
# No size but the first is a multiple of 16; sigmoid is not zero at zero, where columns are padding.
SIGMOID = Recipe(
    name="sigmoid_sigmoid_mean_squared_momentum",
    activation="sigmoid",
    output="sigmoid",
    loss="mean_squared_error",
    optimizer="momentum",
    initializer="glorot_uniform",
)
SIZES = (784, 20, 33, 10)
RATE = 0.01


def set_up(recipe, images, labels, *, threads):
    """Return a model with the parameters of seed 0."""
    problem = Problem(
        train_images=images, train_labels=labels, layer_sizes=SIZES, recipe=recipe,
        learning_rate=RATE, device="cpu", threads=threads, options={"bytes": True},
    )  # fmt: skip
    model = MLP()
    model.setup(problem, sampling.initial_parameters(0, SIZES, recipe.initializer))
    return model


def train(recipe, *, threads, batch_size, images=None, n_steps=7):
    """Train some steps; return the mean loss, the parameters, and the reference's."""
    generator = np.random.default_rng(0)
    if images is None:
        images = generator.integers(0, 256, (300, 784)).astype(np.float32) / np.float32(255)
    labels = generator.integers(0, 10, len(images))
    batches = generator.integers(0, len(images), (n_steps, batch_size))
    model = set_up(recipe, images, labels, threads=threads)
    initial = model.parameters()
    loss = model.train_epoch(batches)
    reference = Reference(initial, recipe, RATE)
    expected_loss = np.mean([reference.step(images[rows], labels[rows]) for rows in batches])
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    return loss, model.parameters(), reference


@pytest.mark.parametrize("recipe", [SGD, SIGMOID], ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("batch_size", [1, 13, 32])
def test_the_result_does_not_depend_on_the_number_of_threads(recipe, batch_size):
    loss, parameters, reference = train(recipe, threads=1, batch_size=batch_size)
    for layer, weights, bias in zip(parameters, reference.weights, reference.biases, strict=True):
        assert np.abs(layer.weights - weights).max() < 1e-6
        assert np.abs(layer.bias - bias).max() < 1e-6
    for threads in (2, 3):
        other_loss, others, _ = train(recipe, threads=threads, batch_size=batch_size)
        assert other_loss == loss
        for layer, other in zip(parameters, others, strict=True):
            assert np.array_equal(layer.weights, other.weights)
            assert np.array_equal(layer.bias, other.bias)


def test_images_that_are_not_grey_levels_are_used_unchanged():
    images = np.random.default_rng(1).random((50, 784), dtype=np.float32)
    _, (layer, *_), reference = train(SGD, threads=1, batch_size=8, images=images)
    assert np.abs(layer.weights - reference.weights[0]).max() < 1e-6


def test_a_large_batch_continues_from_the_state_of_a_small_one():
    generator = np.random.default_rng(0)
    images, labels = generator.random((64, 784), dtype=np.float32), generator.integers(0, 10, 64)
    model = set_up(SIGMOID, images, labels, threads=1)
    reference = Reference(model.parameters(), SIGMOID, RATE)
    for batch_size in (8, 32):
        rows = np.arange(batch_size)
        model.train_epoch(rows[None])
        reference.step(images[rows], labels[rows])
    assert np.abs(model.parameters()[0].weights - reference.weights[0]).max() < 1e-6


@pytest.mark.parametrize("n_rows", [1, 2, 4, 8])
def test_a_tile_is_a_product(n_rows):
    multiply = tiles.tile(n_rows)

    @numba.njit
    def product(a, b, c):
        a_step = a.strides[0]
        multiply(a.ctypes.data, a_step, b.ctypes.data, len(a), c.ctypes.data, np.float32(0))

    a, b = (np.random.default_rng(seed).random((8 * n, 48)) for seed, n in enumerate((1, 6)))
    a_panels, b_panel = aligned(memory.to_panels(a)), aligned(memory.to_panels(b)[0])
    c = memory.zeros(8, 16)
    product(a_panels, b_panel, c)
    assert np.allclose(c[:n_rows], (a @ b[:, :16])[:n_rows], rtol=1e-6)
    assert not c[n_rows:].any()


@pytest.mark.parametrize("accumulate", [False, True])
def test_a_tile_of_the_transpose_is_a_product(accumulate):
    multiply = tiles.tile(8, transposed=True, accumulate=accumulate)

    @numba.njit
    def product(a, b, c, scale):
        multiply(a.ctypes.data, a.strides[0], b.ctypes.data, len(a), c.ctypes.data, scale)

    a, b = (aligned(np.random.default_rng(seed).random((5, 16))) for seed in range(2))
    c = aligned(np.ones((8, 16)))
    product(a, b, c, np.float32(-0.5))
    expected = a[:, :8].T @ b
    assert np.allclose(c, 1 - 0.5 * expected if accumulate else expected, rtol=1e-6)


def test_transpose():
    @numba.njit
    def call(source, target):
        tiles.transpose(source.ctypes.data, target.ctypes.data)

    source, target = aligned(np.arange(256).reshape(16, 16)), memory.zeros(16, 16)
    call(source, target)
    assert np.array_equal(target, source.T)


def test_a_read_only_array_is_not_compiled_again():
    compile_epoch.cache_clear()
    generator = np.random.default_rng(0)
    images, labels = generator.random((64, 784), dtype=np.float32), generator.integers(0, 10, 64)
    model = set_up(SGD, images, labels, threads=2)
    batches = generator.integers(0, 64, (3, 16))
    model.warm_up(batches)
    batches.flags.writeable = False
    model.train_epoch(batches[::-1])
    assert len(compile_epoch(SGD, np.dtype(np.float32)).signatures) == 1


def test_an_interruption_releases_the_other_threads(monkeypatch):
    generator = np.random.default_rng(0)
    images, labels = generator.random((64, 784), dtype=np.float32), generator.integers(0, 10, 64)
    model = set_up(SGD, images, labels, threads=2)
    batches = generator.integers(0, 64, (3, 16))
    model.warm_up(batches)
    train, waiting = model._train, []

    def interrupted(*arguments):
        if arguments[-2] == 0:
            raise KeyboardInterrupt
        waiting.append(train(*arguments))

    monkeypatch.setattr(model, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.train_epoch(batches)
    model._other_threads.shutdown()  # waits for the other thread
    assert waiting == [None]


def test_panels_contain_the_matrix_and_zeros():
    matrix = np.arange(1, 1 + 20 * 33, dtype=np.float32).reshape(20, 33)
    panels = memory.to_panels(matrix)
    assert panels.shape == (3, 32, 16)
    assert np.array_equal(memory.from_panels(panels, 20, 33), matrix)
    assert panels.sum() == matrix.sum()


def test_activations_are_exact_and_propagate_nan():
    z = np.linspace(-20, 20, 20_001, dtype=np.float32)
    for name, exact in (
        ("tanh", np.tanh(z.astype(np.float64))),
        ("sigmoid", 1 / (1 + np.exp(-z.astype(np.float64)))),
    ):
        function, _ = equations.ACTIVATIONS[name]
        values = np.array([function(x) for x in z])
        assert np.abs(values - exact).max() < 5e-7
        assert np.abs(values).max() <= 1
    small = np.float32(1e-4)
    assert equations.tanh(small) == pytest.approx(np.tanh(float(small)), rel=5e-7)
    assert all(
        np.isnan(function(np.float32("nan"))) for function, _ in equations.ACTIVATIONS.values()
    )


def test_threads_wait_for_each_other():
    n_threads, n_rounds = 3, 2000
    arrivals = np.zeros((n_threads, barrier.LINE), np.int64)
    counts = np.zeros((n_threads, barrier.LINE), np.int64)
    differences = np.zeros(n_threads, np.int64)

    @numba.njit(nogil=True)
    def run(thread, arrivals, counts, differences):
        for n_done in range(1, n_rounds + 1):
            counts[thread, 0] = n_done
            barrier.wait(arrivals, thread, n_threads)
            for other in range(n_threads):
                differences[thread] += abs(counts[other, 0] - n_done)
            barrier.wait(arrivals, thread, n_threads)

    threads = [
        threading.Thread(target=run, args=(thread, arrivals, counts, differences))
        for thread in range(n_threads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not differences.any()


def aligned(array):
    """Return a copy as float32 that starts at the beginning of a cache line."""
    copy = memory.zeros(*array.shape)
    copy[:] = array
    return copy
