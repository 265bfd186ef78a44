"""The from-scratch implementation: its gradients, all recipes, any batch size, the same bits."""

import itertools

import numpy as np
import pytest

from bench.config.compose import choices, compose_runs
from bench.contract import Layer, Problem
from bench.parity.reference import Reference
from bench.training import sampling
from implementations import numpy_mlp

SIZES = (784, 32, 16, 10)
N_EXAMPLES = 512
RATES = {"sgd": 2**-4, "momentum": 2**-6, "adam": 2**-11}


def problem(recipe="relu_softmax_sgd", *, threads=1, device="cpu"):
    (config,) = compose_runs([f"recipe={recipe}"], default_name="test")
    generator = np.random.default_rng(4)
    return Problem(
        train_images=generator.random((N_EXAMPLES, 784), dtype=np.float32),
        train_labels=generator.integers(0, 10, N_EXAMPLES),
        layer_sizes=SIZES,
        recipe=config.recipe,
        learning_rate=RATES[config.recipe.optimizer],
        device=device,
        threads=threads,
        options={},
    )


def set_up(given):
    model = numpy_mlp.MLP()
    model.setup(given, sampling.initial_parameters(0, SIZES, given.recipe.initializer))
    return model


def distances(given, epochs):
    """Train, and return the distances to the reference: parameters, and relative, the loss."""
    model = set_up(given)
    reference = Reference(model.parameters(), given.recipe, given.learning_rate)
    losses = [model.train_epoch(batches) for batches in epochs]
    expected = [
        np.mean([reference.step(given.train_images[i], given.train_labels[i]) for i in batches])
        for batches in epochs
    ]
    layers = model.parameters()
    arrays = [layer.weights for layer in layers] + [layer.bias for layer in layers]
    gaps = [np.abs(a - b).max() for a, b in zip(arrays, reference.arrays, strict=True)]
    return max(gaps), np.abs(np.divide(losses, expected) - 1).max()


@pytest.mark.parametrize("batch_size", [1, 2, 33, 250])
@pytest.mark.parametrize("recipe", choices("recipe"))
def test_parameters_agree_with_the_reference_for_any_batch_size(recipe, batch_size):
    batches = sampling.batches(0, 1, N_EXAMPLES, batch_size)[:70]
    parameters, loss = distances(problem(recipe), [batches])
    assert parameters < 2e-5
    assert loss < 1e-5


def test_batches_of_changing_size_train_one_model():
    epochs = [sampling.batches(0, 1, N_EXAMPLES, size)[:4] for size in (64, 1, 128)]
    parameters, loss = distances(problem("relu_softmax_adam"), epochs)
    assert parameters < 2e-5
    assert loss < 1e-5


@pytest.mark.parametrize("batch_size", [1, 32, 128])
def test_training_is_repeatable_to_the_last_bit(batch_size):
    batches = sampling.batches(0, 1, N_EXAMPLES, batch_size)
    ends = []
    for _ in range(2):
        model = set_up(problem())
        losses = [model.train_epoch(batches) for _ in range(3)]
        ends.append((losses, [layer.weights.tobytes() for layer in model.parameters()]))
    assert ends[0] == ends[1]


def test_the_given_parameters_are_not_changed():
    given = problem()
    start, same = (sampling.initial_parameters(0, SIZES, "he_normal") for _ in range(2))
    model = numpy_mlp.MLP()
    model.setup(given, start)
    model.train_epoch(sampling.batches(0, 1, N_EXAMPLES, 64))
    for layer, same_layer in zip(start, same, strict=True):
        assert all(map(np.array_equal, layer, same_layer))


def random_network(generator):
    """Return float64 parameters, inputs and one-hot labels of a network of 5, 6, 4 and 3 units."""
    sizes = (5, 6, 4, 3)
    layers = tuple(
        Layer(generator.normal(size=(fan_in, fan_out)), generator.normal(size=fan_out))
        for fan_in, fan_out in itertools.pairwise(sizes)
    )
    return layers, generator.normal(size=(7, 5)), np.eye(3)[generator.integers(0, 3, 7)]


@pytest.mark.parametrize("activation", numpy_mlp.ACTIVATIONS)
@pytest.mark.parametrize("loss", numpy_mlp.LOSSES, ids="-".join)
def test_gradients_agree_with_central_differences(activation, loss):
    """In float64, where differences are exact enough, for every activation with every loss."""
    f, slope = numpy_mlp.ACTIVATIONS[activation]
    loss_and_delta = numpy_mlp.LOSSES[loss]
    layers, images, y = random_network(np.random.default_rng(1))
    inputs, logits = numpy_mlp.forward(layers, images, f)
    _, delta = loss_and_delta(logits, y)
    gradients = numpy_mlp.backward(layers, inputs, delta, slope)
    parameters = [array for layer in layers for array in layer]
    h = 1e-6
    for parameter, gradient in zip(parameters, gradients, strict=True):
        differences = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            value = parameter[index]
            sides = []
            for moved in (value + h, value - h):
                parameter[index] = moved
                _, logits = numpy_mlp.forward(layers, images, f)
                sides.append(loss_and_delta(logits, y)[0])
            parameter[index] = value
            differences[index] = (sides[0] - sides[1]) / (2 * h)
        assert np.abs(gradient - differences).max() < 1e-7


def test_every_array_is_float32():
    model = set_up(problem("sigmoid_sigmoid_mean_squared_adam"))
    model.train_epoch(sampling.batches(0, 1, N_EXAMPLES, 64))
    for layer in model.parameters():
        assert {array.dtype for array in layer} == {np.dtype(np.float32)}
    for name in ("relu", "sigmoid", "tanh"):
        f, slope = numpy_mlp.ACTIVATIONS[name]
        a = f(np.linspace(-200, 200, 9, dtype=np.float32))
        assert (a.dtype, slope(a).dtype) == (np.float32, np.float32)


def test_large_logits_have_a_finite_loss():
    logits = np.array([[1000, -1000], [0, 500]], np.float32)
    loss, delta = numpy_mlp.softmax_cross_entropy(logits, np.eye(2, dtype=np.float32)[[1, 1]])
    assert loss == 1000
    assert delta.tolist() == [[0.5, -0.5], [0, 0]]


def test_an_activation_is_changed_by_a_line_of_the_table(monkeypatch):
    leaky = (lambda z: np.maximum(z, 0.1 * z), lambda a: np.where(a > 0, 1, 0.1))
    monkeypatch.setitem(numpy_mlp.ACTIVATIONS, "relu", leaky)
    test_gradients_agree_with_central_differences("relu", ("softmax", "cross_entropy"))
    batches = sampling.batches(0, 1, N_EXAMPLES, 64)
    model = set_up(problem())
    losses = [model.train_epoch(batches) for _ in range(3)]
    assert losses[-1] < losses[0]
