"""Backpropagation in NumPy: a multilayer perceptron from scratch, one equation a line.

One step of training is `forward`, `softmax_cross_entropy`, `backward`, `update`. `MLP` repeats it.
The other activations, losses and optimizers follow, in three tables. Names, for a batch of n
examples, one a row, and for a layer with fan_in inputs and fan_out outputs:

    a      inputs of the layer (n, fan_in); the first layer's are the images (n, 784)
    W, b   weights (fan_in, fan_out) and bias (fan_out,)
    z      a @ W + b (n, fan_out); the last layer's z are the logits (n, 10)
    f      activation function of hidden layers: f(z), number by number, is the next layer's a
    y      true classes, one-hot (n, 10): 1 in the column of the example's class c, else 0
    L      loss, the mean over the batch, a number
    delta  dL/dz (n, fan_out): row i, column j is the derivative of L with respect to z_ij

All arrays are float32. On a GPU they are CuPy's arrays, and np.exp calls CuPy's exp for them.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem, Recipe, UnavailableError

Arrays = list[FloatArray]
Function = Callable[[FloatArray], FloatArray]
LossAndDelta = tuple[FloatArray, FloatArray]


def relu(z: FloatArray) -> FloatArray:
    """Return f(z) = max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(a: FloatArray) -> FloatArray:
    """Return f'(z): 1 where z > 0, else 0. There, and only there, a = f(z) is above 0 too."""
    return (a > 0).astype(np.float32)


def forward(layers: Parameters, images: FloatArray, f: Function) -> tuple[Arrays, FloatArray]:
    """Return the inputs a of all layers, and the logits."""
    inputs = [images]  # (n, 784)
    for weights, bias in layers[:-1]:
        z = inputs[-1] @ weights + bias  # (n, fan_in) @ (fan_in, fan_out) + (fan_out,)
        inputs.append(f(z))  # (n, fan_out)
    weights, bias = layers[-1]
    logits = inputs[-1] @ weights + bias  # (n, fan_in) @ (fan_in, 10) + (10,)
    return inputs, logits


def softmax_cross_entropy(logits: FloatArray, y: FloatArray) -> LossAndDelta:
    """Return L, and delta of the last layer.

    Softmax turns the logits of an example into probabilities: p_k = exp(z_k) / sum_j exp(z_j).
    Its loss is -log p_c = log(sum_j exp(z_j)) - z_c, whose derivative with respect to z_k is
    p_k - y_k. Subtracting a number from all z_k changes neither; the largest avoids overflow.
    """
    z = logits - logits.max(axis=1, keepdims=True)  # (n, 10) - (n, 1)
    exp_z = np.exp(z)  # (n, 10)
    total = exp_z.sum(axis=1, keepdims=True)  # (n, 1)
    z_c = (z * y).sum(axis=1, keepdims=True)  # (n, 1)
    loss = (np.log(total) - z_c).mean()  # a number
    delta = (exp_z / total - y) / len(y)  # (n, 10); L is a mean over n examples, hence / n
    return loss, delta


def backward(layers: Parameters, inputs: Arrays, delta: FloatArray, slope: Function) -> Arrays:
    """Return dL/dW and dL/db of all layers, from delta of the last.

    By the chain rule, as z_ij = sum_k a_ik W_kj + b_j:

        dL/dW_kj = sum_i a_ik delta_ij,  which is a.T @ delta
        dL/db_j  = sum_i delta_ij,       the sum of delta over the batch
        dL/da_ik = sum_j delta_ij W_kj,  which is delta @ W.T

    As a = f(z) with z of the layer before, that layer's delta is dL/da * f'(z), number by number.
    """
    gradients: Arrays = []
    for index in reversed(range(len(layers))):
        a = inputs[index]  # (n, fan_in)
        weights_gradient = a.T @ delta  # (fan_in, n) @ (n, fan_out) = (fan_in, fan_out)
        bias_gradient = delta.sum(axis=0)  # (fan_out,)
        gradients = [weights_gradient, bias_gradient, *gradients]
        if index > 0:
            inputs_gradient = delta @ layers[index].weights.T  # (n, fan_out) @ (fan_out, fan_in)
            delta = inputs_gradient * slope(a)  # (n, fan_in), which is the layer before's fan_out
    return gradients


def update(parameters: Arrays, directions: Arrays, learning_rate: float) -> None:
    """Move every W and b, in place, against its direction: its gradient, in plain SGD."""
    for parameter, direction in zip(parameters, directions, strict=True):
        parameter -= learning_rate * direction  # both (fan_in, fan_out), or both (fan_out,)


class MLP:
    """Trains with the functions above."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Move the data to the device; look up the recipe in the tables below."""
        self._learning_rate = problem.learning_rate
        self._f, self._slope = ACTIVATIONS[problem.recipe.activation]
        self._loss = LOSSES[problem.recipe.output, problem.recipe.loss]
        optimizer, self._first_state = OPTIMIZERS[problem.recipe.optimizer]
        self._optimizer = partial(optimizer, problem.recipe)
        self._library = import_cupy() if problem.device == "gpu" else np
        self._images = self._library.asarray(problem.train_images)  # (n_train, 784)
        identity = self._library.eye(problem.layer_sizes[-1], dtype=np.float32)  # (10, 10)
        self._y = identity[self._library.asarray(problem.train_labels)]  # (n_train, 10)
        self._start(parameters)

    def _start(self, parameters: Parameters) -> None:
        copied = self._library.array
        self._layers = tuple(Layer(copied(weights), copied(bias)) for weights, bias in parameters)
        self._parameters = [array for layer in self._layers for array in layer]  # W, b, W, b, ...
        self._states = [self._first_state] * len(self._parameters)

    def warm_up(self, batches: Batches) -> None:
        """Train a copy of the model for two steps."""
        trial = copy.copy(self)
        trial._start(self.parameters())
        trial.train_epoch(batches[:2])

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, n); return the mean loss."""
        losses = self._library.empty(len(batches), np.float32)  # (n_steps,)
        for step, rows in enumerate(self._library.asarray(batches)):
            images, y = self._images[rows], self._y[rows]  # (n, 784), (n, 10)
            inputs, logits = forward(self._layers, images, self._f)
            losses[step], delta = self._loss(logits, y)
            gradients = backward(self._layers, inputs, delta, self._slope)
            results = list(map(self._optimizer, gradients, self._states))
            self._states = [state for _, state in results]
            directions = [direction for direction, _ in results]
            update(self._parameters, directions, self._learning_rate)
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
        runtime = self._library.cuda.runtime
        return str(runtime.getDeviceProperties(runtime.getDevice())["name"].decode())

    def peak_device_memory_bytes(self) -> int:
        """Return the size of CuPy's memory pool, which never shrinks."""
        return int(self._library.get_default_memory_pool().total_bytes())


def sigmoid(z: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-z)), which is (1 + tanh(z / 2)) / 2; that does not overflow."""
    t: FloatArray = np.tanh(z / 2)
    return 0.5 + 0.5 * t


# f, and f'(z) computed from a = f(z). To add an activation, add a line.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def softmax_squared_error(logits: FloatArray, y: FloatArray, factor: float) -> LossAndDelta:
    """Return L and delta. The loss of an example is factor * sum_k (p_k - y_k)^2.

    With g_j = dL/dp_j and dp_j/dz_k = p_j ([j = k] - p_k): dL/dz_k = p_k (g_k - sum_j g_j p_j).
    """
    exp_z = np.exp(logits - logits.max(axis=1, keepdims=True))  # (n, 10)
    p = exp_z / exp_z.sum(axis=1, keepdims=True)  # (n, 10) / (n, 1)
    loss, g = squared_error(p, y, factor)  # a number, (n, 10)
    return loss, p * (g - (g * p).sum(axis=1, keepdims=True))  # (n, 10) * ((n, 10) - (n, 1))


def sigmoid_squared_error(logits: FloatArray, y: FloatArray, factor: float) -> LossAndDelta:
    """Return the same for p_k = sigmoid(z_k), where dp_k/dz_k = p_k (1 - p_k)."""
    p = sigmoid(logits)  # (n, 10)
    loss, g = squared_error(p, y, factor)  # a number, (n, 10)
    return loss, g * p * (1 - p)  # (n, 10)


def squared_error(p: FloatArray, y: FloatArray, factor: float) -> tuple[Any, FloatArray]:
    """Return L, and g = dL/dp."""
    error: Any = p - y  # (n, 10)
    return factor * (error**2).sum() / len(y), 2 * factor * error / len(y)  # a number, (n, 10)


LOSSES: dict[tuple[str, str], Callable[[FloatArray, FloatArray], LossAndDelta]] = {
    ("softmax", "cross_entropy"): softmax_cross_entropy,
    ("softmax", "mean_squared_error"): partial(softmax_squared_error, factor=1 / 10),
    ("softmax", "half_squared_error"): partial(softmax_squared_error, factor=1 / 2),
    ("sigmoid", "mean_squared_error"): partial(sigmoid_squared_error, factor=1 / 10),
    ("sigmoid", "half_squared_error"): partial(sigmoid_squared_error, factor=1 / 2),
}


def sgd(_recipe: Recipe, g: FloatArray, state: None) -> tuple[FloatArray, None]:
    """Return the direction of a parameter with gradient g, and the new state for its next g."""
    return g, state


def momentum(recipe: Recipe, g: FloatArray, u: Any) -> tuple[FloatArray, Any]:
    """Return u, u. As v = -rate u, the recipe's v = momentum v - rate g; W += v is W -= rate u."""
    u = recipe.momentum * u + g  # shape of g
    return u, u


def adam(recipe: Recipe, g: FloatArray, state: Any) -> tuple[FloatArray, Any]:
    """Return m / (sqrt(v) + epsilon), corrected for the start of m and v at 0, and m, v, t."""
    m, v, t = state
    t += 1  # updates so far, with this one
    m = recipe.beta_1 * m + (1 - recipe.beta_1) * g  # running mean of g, shape of g
    v = recipe.beta_2 * v + (1 - recipe.beta_2) * g**2  # running mean of g^2, shape of g
    correction = (1 - recipe.beta_2**t) ** 0.5 / (1 - recipe.beta_1**t)  # a number
    return correction * m / (np.sqrt(v) + recipe.epsilon), (m, v, t)


OPTIMIZERS: dict[str, tuple[Callable[..., tuple[FloatArray, Any]], Any]] = {  # and first states
    "sgd": (sgd, None),
    "momentum": (momentum, 0.0),
    "adam": (adam, (0.0, 0.0, 0)),
}


def to_numpy(array: Any) -> FloatArray:
    """Return a copy in main memory."""
    copied: FloatArray = array.copy() if isinstance(array, np.ndarray) else array.get()
    return copied


def import_cupy() -> Any:
    """Return CuPy, whose arrays are on the GPU.

    Raises:
        UnavailableError: it is not installed, or there is no GPU.
    """
    try:
        library: Any = importlib.import_module("cupy")
    except ModuleNotFoundError as error:
        message = "numpy uses a GPU through CuPy, which is not installed: make setup EXTRAS=gpu"
        raise UnavailableError(message) from error
    if not library.cuda.is_available():
        message = "CuPy finds no GPU; with an NVIDIA driver in place: make setup EXTRAS=gpu"
        raise UnavailableError(message)
    return library
