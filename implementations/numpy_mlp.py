"""Backpropagation in NumPy: a multilayer perceptron from scratch, one equation a line.

One step of training is `forward`, `softmax_cross_entropy`, `backward`, `update`. `MLP` repeats it.
The other activations, losses and optimizers follow, in three tables. Names, for a batch of n
examples, one a row, and for a layer with fan_in inputs and fan_out outputs:

    a      inputs of the layer (n, fan_in); the first layer's are the images (n, 784)
    W, b   its weights (fan_in, fan_out) and bias (fan_out,)
    z      a @ W + b (n, fan_out), with b added to each row; in the last layer, the logits (n, 10)
    f      activation function of a hidden layer: f(z), element by element, is the next layer's a
    c, y   true class of an example, and the same one-hot (n, 10): 1 in column c, 0 elsewhere
    L      loss: a number, the mean over the examples of the batch
    delta  dL/dz (n, fan_out): row i, column j is the derivative of L with respect to z_ij

All arrays are float32. On a GPU they are CuPy's, and NumPy's functions call CuPy's for them.

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

Arrays = list[FloatArray]
Function = Callable[[FloatArray], FloatArray]
LossAndDelta = tuple[FloatArray, FloatArray]
State = defaultdict[str, Any]  # of an optimizer, for one W or b; what is not set is 0.0


def relu(z: FloatArray) -> FloatArray:
    """Return f(z) = max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(a: FloatArray) -> FloatArray:
    """Return f'(z): 1 where z > 0, else 0. As a = f(z), that is where a > 0."""
    return (a > 0).astype(np.float32)


def forward(layers: Parameters, images: FloatArray, f: Function) -> tuple[Arrays, FloatArray]:
    """Return the inputs of all layers, and the logits. `backward` needs the inputs again."""
    inputs = [images]  # (n, 784)
    for weights, bias in layers[:-1]:
        z = inputs[-1] @ weights + bias  # (n, fan_in) @ (fan_in, fan_out) + (fan_out,)
        inputs.append(f(z))  # (n, fan_out)
    weights, bias = layers[-1]
    logits = inputs[-1] @ weights + bias  # (n, fan_in) @ (fan_in, 10) + (10,) = (n, 10)
    return inputs, logits


def softmax_cross_entropy(logits: FloatArray, y: FloatArray) -> LossAndDelta:
    """Return L, and delta of the last layer.

    Softmax turns the logits of an example into probabilities: p_k = exp(z_k) / sum_j exp(z_j).
    The loss of the example is -log p_c = log(sum_j exp(z_j)) - z_c. The derivatives of these two
    terms with respect to z_k are exp(z_k) / sum_j exp(z_j) = p_k, and 1 if k = c, else 0, which is
    y_k. So delta is p - y.

    Subtracting a number from all z_k changes neither p nor the loss. With the largest subtracted,
    no exponential overflows.
    """
    z = logits - logits.max(axis=1, keepdims=True)  # (n, 10) - (n, 1)
    exp_z = np.exp(z)  # (n, 10)
    sum_exp_z = exp_z.sum(axis=1, keepdims=True)  # (n, 1)
    z_c = (z * y).sum(axis=1, keepdims=True)  # (n, 1); y keeps z_c, and makes the others 0
    loss = (np.log(sum_exp_z) - z_c).mean()  # a number
    delta = (exp_z / sum_exp_z - y) / len(y)  # (n, 10); / n, because L is a mean over n examples
    return loss, delta


def backward(layers: Parameters, inputs: Arrays, delta: FloatArray, slope: Function) -> Arrays:
    """Return dL/dW and dL/db of all layers, from delta of the last.

    With example i, input k and output j of a layer, z_ij = sum_k a_ik W_kj + b_j. By the chain
    rule, the derivative of L is the sum over all z_ij that change of delta_ij times the derivative
    of z_ij. W_kj and b_j change column j of z, and a_ik changes row i:

        dL/dW_kj = sum_i a_ik delta_ij       all of them: a.T @ delta
        dL/db_j  = sum_i delta_ij            all of them: the column sums of delta
        dL/da_ik = sum_j delta_ij W_kj       all of them: delta @ W.T

    This a is f(z) of the layer before. So that layer's delta is dL/da * f'(z), element by element.
    """
    gradients: Arrays = []
    for index in reversed(range(len(layers))):
        a = inputs[index]  # (n, fan_in)
        weights_gradient = a.T @ delta  # (fan_in, n) @ (n, fan_out) = (fan_in, fan_out)
        bias_gradient = delta.sum(axis=0)  # (fan_out,)
        gradients = [weights_gradient, bias_gradient, *gradients]
        if index > 0:
            a_gradient = delta @ layers[index].weights.T  # (n, fan_out) @ (fan_out, fan_in)
            delta = a_gradient * slope(a)  # (n, fan_in); fan_in is fan_out of the layer before
    return gradients


def update(parameters: Arrays, directions: Arrays, learning_rate: float) -> None:
    """Move every W and b against its direction, in place.

    In plain SGD the direction is the gradient: dL/dW, dL/db. A small step against it lowers L.
    """
    for parameter, direction in zip(parameters, directions, strict=True):
        parameter -= learning_rate * direction  # (fan_in, fan_out) or (fan_out,)


class MLP:
    """Trains with the functions above."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Move the data to the device; look up the recipe in the tables below."""
        self._learning_rate = problem.learning_rate
        self._f, self._slope = ACTIVATIONS[problem.recipe.activation]
        self._loss = LOSSES[problem.recipe.output, problem.recipe.loss]
        self._direction = partial(OPTIMIZERS[problem.recipe.optimizer], problem.recipe)
        self._library = import_cupy() if problem.device == "gpu" else np
        self._images = self._library.asarray(problem.train_images)  # (n_train, 784)
        one_hot = self._library.eye(problem.layer_sizes[-1], dtype=np.float32)  # (10, 10)
        self._y = one_hot[self._library.asarray(problem.train_labels)]  # (n_train, 10)
        self._start(parameters)

    def _start(self, parameters: Parameters) -> None:
        """Copy the parameters, and begin with an optimizer whose state is 0."""
        array = self._library.array  # copies
        self._layers = tuple(Layer(array(weights), array(bias)) for weights, bias in parameters)
        self._parameters = [each for layer in self._layers for each in layer]  # W, b, W, b, ...
        self._states = [State(float) for _ in self._parameters]

    def warm_up(self, batches: Batches) -> None:
        """Train a copy of the model for two steps."""
        trial = copy.copy(self)
        trial._start(self.parameters())
        trial.train_epoch(batches[:2])

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, n); return the mean loss."""
        losses = self._library.empty(len(batches), np.float32)  # (n_steps,)
        for step, rows in enumerate(self._library.asarray(batches)):
            images = self._images.take(rows, axis=0)  # (n, 784)
            y = self._y.take(rows, axis=0)  # (n, 10)
            inputs, logits = forward(self._layers, images, self._f)
            losses[step], delta = self._loss(logits, y)
            gradients = backward(self._layers, inputs, delta, self._slope)
            directions = list(map(self._direction, self._states, gradients))
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


# Each f, and its derivative f'(z) as a function of a = f(z). To try another f, change a line; a new
# name must also be known to `bench.contract.Recipe` and `bench.parity.reference`.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def softmax_squared_error(logits: FloatArray, y: FloatArray, factor: float) -> LossAndDelta:
    """Return L, and delta of the last layer, for p = softmax(z).

    dp_j/dz_k is p_j (1 - p_j) for j = k and else -p_j p_k. So with g = dL/dp the chain rule says
    dL/dz_k = sum_j g_j dp_j/dz_k = p_k (g_k - sum_j g_j p_j).
    """
    exp_z = np.exp(logits - logits.max(axis=1, keepdims=True))  # (n, 10)
    p = exp_z / exp_z.sum(axis=1, keepdims=True)  # (n, 10) / (n, 1)
    loss, g = squared_error(p, y, factor)  # a number, (n, 10)
    return loss, p * (g - (g * p).sum(axis=1, keepdims=True))  # (n, 10) * ((n, 10) - (n, 1))


def sigmoid_squared_error(logits: FloatArray, y: FloatArray, factor: float) -> LossAndDelta:
    """Return L, and delta of the last layer, for p = sigmoid(z), where dp/dz = p (1 - p)."""
    p = sigmoid(logits)  # (n, 10)
    loss, g = squared_error(p, y, factor)  # a number, (n, 10)
    return loss, g * p * (1 - p)  # (n, 10)


def squared_error(p: FloatArray, y: FloatArray, factor: float) -> tuple[Any, FloatArray]:
    """Return L, and dL/dp. The loss of an example is factor * sum_k (p_k - y_k)^2."""
    error: Any = p - y  # (n, 10)
    return factor * (error**2).sum() / len(y), 2 * factor * error / len(y)  # a number, (n, 10)


LOSSES: dict[tuple[str, str], Callable[[FloatArray, FloatArray], LossAndDelta]] = {
    ("softmax", "cross_entropy"): softmax_cross_entropy,
    ("softmax", "mean_squared_error"): partial(softmax_squared_error, factor=1 / 10),
    ("softmax", "half_squared_error"): partial(softmax_squared_error, factor=1 / 2),
    ("sigmoid", "mean_squared_error"): partial(sigmoid_squared_error, factor=1 / 10),
    ("sigmoid", "half_squared_error"): partial(sigmoid_squared_error, factor=1 / 2),
}


def sgd(_recipe: Recipe, _state: State, g: FloatArray) -> FloatArray:
    """Return the direction of a W or b with gradient g."""
    return g


def momentum(recipe: Recipe, state: State, g: FloatArray) -> FloatArray:
    """Return u, a decaying sum of the gradients; v of `bench.contract.Recipe` is -rate u."""
    u: FloatArray = recipe.momentum * state["u"] + g
    state["u"] = u
    return u


def adam(recipe: Recipe, state: State, g: FloatArray) -> FloatArray:
    """Return m / (sqrt(v) + epsilon), corrected for m and v that start at 0."""
    b1, b2 = recipe.beta_1, recipe.beta_2
    t = state["t"] = state["t"] + 1  # the number of this update
    m = state["m"] = b1 * state["m"] + (1 - b1) * g  # running mean of g
    v = state["v"] = b2 * state["v"] + (1 - b2) * g**2  # running mean of g^2
    direction: FloatArray = (1 - b2**t) ** 0.5 / (1 - b1**t) * m / (np.sqrt(v) + recipe.epsilon)
    return direction


OPTIMIZERS = {"sgd": sgd, "momentum": momentum, "adam": adam}


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
