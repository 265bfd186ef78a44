"""Backpropagation in NumPy: a multilayer perceptron from scratch, one equation a line.

One step of training calls `forward`, `softmax_cross_entropy`, `backward` and `update`, and `MLP`
repeats the step. Optimizers other than plain SGD change the gradients before `update`. These, and
the other activations and losses, follow in three tables.

Names, for a batch of n examples, one per row, and a layer with fan_in inputs and fan_out outputs:

    a      inputs of the layer (n, fan_in); the inputs of the first layer are the images (n, 784)
    W, b   weights (fan_in, fan_out) and bias (fan_out,) of the layer
    z      a @ W + b (n, fan_out), with b added to each row; in the last layer, the logits (n, 10)
    f      activation function of the hidden layers: f(z), element by element, is the next layer's a
    slope  derivative f'(z), computed from a = f(z), so that `backward` does not need z
    c, y   true class of an example, and its one-hot row in y (n, 10): 1 in column c, 0 elsewhere
    L      loss: a number, the mean over the n examples
    delta  dL/dz (n, fan_out): delta_ij is the derivative of L with respect to z_ij

Indices: example i, input k of a layer, output j of a layer. In the last layer, j is the class.
All arrays are float32. On a GPU they are CuPy's arrays; NumPy's functions then call CuPy's.

To read on: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 6.2 and 6.5.
"""

from __future__ import annotations

import copy
import importlib
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem, Recipe, UnavailableError

# Parameters is a tuple of Layer(weights, bias), first layer first.
Array = Any  # a float32 array of NumPy or CuPy
Function = Callable[[Array], Array]
State = defaultdict[str, Any]  # of an optimizer, for one W or b; a value never set reads as 0.0


def relu(z: Array) -> Array:
    """Return f(z) = max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(a: Array) -> Array:
    """Return f'(z): 1 if z > 0, that is a > 0; else 0. At z = 0 no derivative exists; 0 is used."""
    return (a > 0).astype(np.float32)


def forward(layers: Parameters, images: Array, f: Function) -> tuple[list[Array], Array]:
    """Return the inputs of all layers, which `backward` needs again, and the logits."""
    inputs = [images]  # (n, 784)
    for weights, bias in layers[:-1]:
        z = inputs[-1] @ weights + bias  # (n, fan_in) @ (fan_in, fan_out) + (fan_out,)
        inputs.append(f(z))  # (n, fan_out)
    weights, bias = layers[-1]
    logits = inputs[-1] @ weights + bias  # (n, fan_in) @ (fan_in, 10) + (10,) = (n, 10)
    return inputs, logits


def softmax_cross_entropy(logits: Array, y: Array) -> tuple[Array, Array]:
    """Return L, and delta of the last layer.

    Softmax turns the logits z_j of an example into probabilities p_j = exp(z_j) / sum_m exp(z_m),
    where m runs over all classes. The loss of the example is -log p_c = log(sum_m exp(z_m)) - z_c.
    The derivative of the first term with respect to z_j is exp(z_j) / sum_m exp(z_m) = p_j. The
    derivative of z_c is 1 if j = c and 0 otherwise; this number is y_j. So the derivative of the
    loss of one example is p_j - y_j. L is the mean over n examples, so delta = (p - y) / n.

    Subtracting a number from all logits of an example changes neither p nor the loss. With the
    largest logit as this number, each exponential is at most 1 and their sum at least 1. So neither
    exp nor log overflows.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)  # (n, 10) - (n, 1)
    exp = np.exp(shifted)  # (n, 10)
    sum_exp = exp.sum(axis=1, keepdims=True)  # (n, 1)
    shifted_c = (shifted * y).sum(axis=1, keepdims=True)  # (n, 1); y is 0 in all columns but c
    loss = (np.log(sum_exp) - shifted_c).mean()  # a number
    p = exp / sum_exp  # (n, 10) / (n, 1)
    delta = (p - y) / len(y)  # (n, 10)
    return loss, delta


def backward(layers: Parameters, inputs: list[Array], delta: Array, slope: Function) -> list[Array]:
    """Return [dL/dW, dL/db, dL/dW, dL/db, ...], first layer first, from delta of the last layer.

    If a small change e of one number changes each z_ij by about e * dz_ij, then L changes by about
    e * (sum of all delta_ij * dz_ij). This sum is the derivative of L with respect to that number:
    the chain rule for several variables. As z_ij = sum_k a_ik W_kj + b_j,

        number  changes z in  dz_ij     derivative of L         for the whole array
        W_kj    column j      a_ik      sum_i a_ik delta_ij     a.T @ delta
        b_j     column j      1         sum_i delta_ij          the column sums of delta
        a_ik    row i         W_kj      sum_j delta_ij W_kj     delta @ W.T

    As a is f(z) of the layer before, delta of that layer is dL/da * f'(z), element by element.
    """
    gradients: list[Array] = []
    for index in reversed(range(len(layers))):
        a, weights = inputs[index], layers[index].weights  # (n, fan_in), (fan_in, fan_out)
        weights_gradient = a.T @ delta  # (fan_in, n) @ (n, fan_out) = (fan_in, fan_out)
        bias_gradient = delta.sum(axis=0)  # (fan_out,)
        # In front, because the loop goes from the last layer to the first.
        gradients = [weights_gradient, bias_gradient, *gradients]
        if index > 0:
            a_gradient = delta @ weights.T  # (n, fan_out) @ (fan_out, fan_in) = (n, fan_in)
            delta = a_gradient * slope(a)  # (n, fan_in), of the layer before; slope(a) is f'(z)
    return gradients


def update(weights_and_biases: list[Array], directions: list[Array], learning_rate: float) -> None:
    """Subtract learning_rate * direction from every W and b, in place.

    The direction of plain SGD is the gradient. Then, for a small learning rate, L changes by about
    -learning_rate * (sum of the squares of all dL/dW_kj and dL/db_j), which is never positive.
    """
    for array, direction in zip(weights_and_biases, directions, strict=True):
        array -= learning_rate * direction  # (fan_in, fan_out) or (fan_out,)


class MLP:
    """Trains with the functions above."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Move the data to the device; look up the recipe in the tables below."""
        self._recipe, self._learning_rate = problem.recipe, problem.learning_rate
        self._f, self._slope = ACTIVATIONS[self._recipe.activation]
        self._loss = LOSSES[self._recipe.output, self._recipe.loss]
        self._optimizer = OPTIMIZERS[self._recipe.optimizer]
        self._library = import_cupy() if problem.device == "gpu" else np
        self._images = self._library.asarray(problem.train_images)  # (n_train, 784)
        one_hot = self._library.eye(problem.layer_sizes[-1], dtype=np.float32)  # (10, 10)
        self._y = one_hot[self._library.asarray(problem.train_labels)]  # (n_train, 10)
        self._start(parameters)

    def _start(self, parameters: Parameters) -> None:
        """Copy the parameters, and start with an optimizer whose state is 0."""
        array = self._library.array  # copies
        self._layers = tuple(Layer(array(weights), array(bias)) for weights, bias in parameters)
        # W, b, W, b, ...: the same arrays as in _layers, so that `update` changes both.
        self._weights_and_biases = [each for layer in self._layers for each in layer]
        self._states = [State(float) for _ in self._weights_and_biases]

    def warm_up(self, batches: Batches) -> None:
        """Train a copy of the model for two steps, in which CuPy compiles its kernels."""
        trial = copy.copy(self)
        trial._start(self.parameters())
        trial.train_epoch(batches[:2])

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, n); return the mean loss."""
        # On the device: float(loss) in every step would wait for the GPU.
        losses = self._library.empty(len(batches), np.float32)  # (n_steps,)
        for step, rows in enumerate(self._library.asarray(batches)):
            images = self._images.take(rows, axis=0)  # (n, 784)
            y = self._y.take(rows, axis=0)  # (n, 10)
            inputs, logits = forward(self._layers, images, self._f)
            losses[step], delta = self._loss(logits, y)
            gradients = backward(self._layers, inputs, delta, self._slope)
            directions = [
                self._optimizer(self._recipe, state, gradient)
                for state, gradient in zip(self._states, gradients, strict=True)
            ]
            update(self._weights_and_biases, directions, self._learning_rate)
        return float(losses.mean())

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits, (n, 784) -> (n, 10)."""
        _, logits = forward(self._layers, self._library.asarray(images), self._f)
        return to_numpy(logits)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return tuple(Layer(to_numpy(weights), to_numpy(bias)) for weights, bias in self._layers)

    def device_name(self) -> str:
        """Return the name of the GPU."""
        return str(self._library.cuda.runtime.getDeviceProperties(0)["name"].decode())

    def peak_device_memory_bytes(self) -> int:
        """Return the size of CuPy's memory pool, which never shrinks."""
        return int(self._library.get_default_memory_pool().total_bytes())


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)), which is (1 + tanh(z / 2)) / 2; that does not overflow."""
    return 0.5 + 0.5 * np.tanh(z / 2)


# f, and f'(z) computed from a = f(z). To try another f, replace both functions of "relu" here. They
# must return float32: np.where(a > 0, 1, 0.01) is float64 and slow; add .astype(np.float32). A new
# name must also be added to `bench.contract.Recipe` and `bench.parity.reference`.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def squared_error(p: Array, y: Array, factor: float) -> tuple[Array, Array]:
    """Return L, and dL/dp. The loss of an example is factor * sum_j (p_j - y_j)^2."""
    error = p - y  # (n, 10)
    return factor * (error**2).sum() / len(y), 2 * factor * error / len(y)  # a number, (n, 10)


def softmax_squared_error(logits: Array, y: Array, factor: float) -> tuple[Array, Array]:
    """Return L, and delta of the last layer, for p = softmax(z).

    dp_m/dz_j is p_j (1 - p_j) for m = j, and -p_m p_j otherwise. So, with g = dL/dp, the chain rule
    says dL/dz_j = sum_m g_m dp_m/dz_j = p_j (g_j - sum_m g_m p_m).
    """
    exp_z = np.exp(logits - logits.max(axis=1, keepdims=True))  # (n, 10)
    p = exp_z / exp_z.sum(axis=1, keepdims=True)  # (n, 10) / (n, 1)
    loss, g = squared_error(p, y, factor)  # a number, (n, 10)
    return loss, p * (g - (g * p).sum(axis=1, keepdims=True))  # (n, 10) * ((n, 10) - (n, 1))


def sigmoid_squared_error(logits: Array, y: Array, factor: float) -> tuple[Array, Array]:
    """Return L, and delta of the last layer, for p = sigmoid(z), where dp/dz = p (1 - p)."""
    p = sigmoid(logits)  # (n, 10)
    loss, g = squared_error(p, y, factor)  # a number, (n, 10)
    return loss, g * p * (1 - p)  # (n, 10)


# The factor 1/10 makes the loss of an example the mean over the 10 classes.
LOSSES: dict[tuple[str, str], Callable[[Array, Array], tuple[Array, Array]]] = {
    ("softmax", "cross_entropy"): softmax_cross_entropy,
    ("softmax", "mean_squared_error"): partial(softmax_squared_error, factor=1 / 10),
    ("softmax", "half_squared_error"): partial(softmax_squared_error, factor=1 / 2),
    ("sigmoid", "mean_squared_error"): partial(sigmoid_squared_error, factor=1 / 10),
    ("sigmoid", "half_squared_error"): partial(sigmoid_squared_error, factor=1 / 2),
}


def momentum(recipe: Recipe, state: State, g: Array) -> Array:
    """Return u = momentum * u + g, with u = 0 at the start; v of `Recipe` is -learning_rate * u."""
    state["u"] = recipe.momentum * state["u"] + g
    return state["u"]


def adam(recipe: Recipe, state: State, g: Array) -> Array:
    """Return sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon), with m = v = 0 at the start.

    The first factor corrects for this start. Epsilon is added to the uncorrected sqrt(v).
    """
    b1, b2 = recipe.beta_1, recipe.beta_2
    t = state["t"] = state["t"] + 1  # the number of this update
    m = state["m"] = b1 * state["m"] + (1 - b1) * g  # running mean of g
    v = state["v"] = b2 * state["v"] + (1 - b2) * g**2  # running mean of g^2
    return (1 - b2**t) ** 0.5 / (1 - b1**t) * m / (np.sqrt(v) + recipe.epsilon)


# Each returns the direction of a W or b with gradient g.
OPTIMIZERS = {"sgd": lambda _recipe, _state, g: g, "momentum": momentum, "adam": adam}


def to_numpy(array: Array) -> FloatArray:
    """Return a copy in main memory."""
    return np.array(array.get() if hasattr(array, "get") else array)


def import_cupy() -> Any:
    """Return CuPy; raise UnavailableError if it is not installed or finds no GPU."""
    try:
        # With `import cupy`, CuPy's version would be part of the fingerprint of a CPU run.
        cupy = importlib.import_module("cupy")
    except ModuleNotFoundError as error:
        message = "numpy uses a GPU through CuPy, which is not installed: make setup EXTRAS=gpu"
        raise UnavailableError(message) from error
    if not cupy.cuda.is_available():
        message = "CuPy finds no GPU; with an NVIDIA driver in place: make setup EXTRAS=gpu"
        raise UnavailableError(message)
    return cupy
