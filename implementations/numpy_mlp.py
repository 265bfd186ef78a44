"""A multilayer perceptron from scratch, in NumPy.

A layer computes ``z = a @ W + b``. Hidden layers pass on ``a = f(z)`` for an activation f; the last
layer's z are the scores. Backpropagation is the chain rule, walked from the loss back to the first
layer. With d = dL/dz of a layer, a batch of inputs a and a mean loss L:

    dL/dW = a.T @ d      dL/db = sum of d over the batch      dL/da = d @ W.T

and dL/da times f'(z) is the d of the layer before. An optimizer then moves W and b against the
gradient. The equations of losses and optimizers are those of `bench.contract.Recipe`.

What makes it fast is told, with figures, in docs/speed.md: every array is allocated once and
written in place, all parameters lie in one vector, images are kept as bytes, and large matrix
products are cut into blocks.

Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 6.2 and 6.5.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bench.contract import Batches, FloatArray, LabelArray, Layer, Parameters, Problem, Recipe

MOST_MULTIPLICATIONS = 1_000_000  # in one block of a matrix product
FEWEST_ROWS = 4  # in one block
MOST_TOGETHER = 32  # examples of small batches whose steps are taken together
LEAST_FOR_THREADS = 128  # examples in a batch, below which threads wait more than they work
BYTE = np.float32(1 / 255)


class MLP:
    """The parts below, called in the order in which the harness asks."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        self._problem = problem
        self._images = as_bytes(problem.train_images)
        self._model = Model(problem, parameters)
        self._step: Step | None = None

    def warm_up(self, batches: Batches) -> None:
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        step = self._step_for(batches.shape[1])
        truths = one_hot(self._problem.train_labels[batches], self._problem.layer_sizes[-1])
        n_together = 1
        if self._problem.recipe.optimizer == "sgd":
            n_together = max(1, MOST_TOGETHER // batches.shape[1])
        total_loss = 0.0
        for start in range(0, len(batches), n_together):
            end = start + n_together
            total_loss += step.take_together(batches[start:end], truths[start:end])
        return total_loss / batches.size

    def predict_scores(self, images: FloatArray) -> FloatArray:
        values = images
        *hidden, last = self._model.layers
        for layer in hidden:
            values = values @ layer.weights + layer.bias
            activate(self._problem.recipe.activation, values)
        scores: FloatArray = values @ last.weights + last.bias
        return scores

    def parameters(self) -> Parameters:
        return tuple(Layer(*(array.copy() for array in layer)) for layer in self._model.layers)

    def _step_for(self, batch_size: int) -> Step:
        if self._step is None or self._step.batch_size != batch_size:
            self._step = Step(self._problem, self._images, self._model, batch_size)
        return self._step


class Model:
    """Parameters and the optimizer's state, a vector each; `layers` are views of the first."""

    def __init__(self, problem: Problem, parameters: Parameters) -> None:
        self._recipe, self._rate = problem.recipe, problem.learning_rate
        self.vector = np.concatenate([array.ravel() for layer in parameters for array in layer])
        self.layers = layers_of(self.vector, problem.layer_sizes)
        self._first = np.zeros_like(self.vector)  # the velocity, or Adam's m / (1 - b1)
        self._second = np.zeros_like(self.vector)  # Adam's v / (1 - b2)
        self._change = np.empty_like(self.vector)
        self._n_steps = 0

    @property
    def gradient_scale(self) -> float:
        """What the gradient that `update` takes is multiplied by: the rate, except for Adam."""
        return 1.0 if self._recipe.optimizer == "adam" else self._rate

    def update(self, gradient: FloatArray) -> None:
        """Make one update, in place. The gradient is used up."""
        if self._recipe.optimizer == "sgd":
            self.vector -= gradient
        elif self._recipe.optimizer == "momentum":
            self._first *= self._recipe.momentum
            self._first -= gradient
            self.vector += self._first
        else:
            self._update_by_adam(gradient)

    def _update_by_adam(self, gradient: FloatArray) -> None:
        """Keep m and v without their factors 1 - b1 and 1 - b2, which go into two numbers."""
        recipe = self._recipe
        self._n_steps += 1
        self._first *= recipe.beta_1
        self._first += gradient
        self._second *= recipe.beta_2
        self._second += np.square(gradient, out=gradient)
        rate = self._rate * math.sqrt(1 - recipe.beta_2**self._n_steps)
        rate /= 1 - recipe.beta_1**self._n_steps
        root = math.sqrt(1 - recipe.beta_2)
        np.sqrt(self._second, out=self._change)
        self._change += recipe.epsilon / root
        np.divide(self._first, self._change, out=self._change)
        self._change *= rate * (1 - recipe.beta_1) / root
        self.vector -= self._change


class Dense:
    """One layer at work on a batch: (n, fan_in) goes in, (n, fan_out) comes out."""

    def __init__(
        self,
        layer: Layer,
        gradient: Layer,
        inputs: FloatArray,
        delta_before: FloatArray | None,
        order: Literal["C", "F"],
        n_threads: int,
    ) -> None:
        shape = (len(inputs), len(layer.bias))
        self._layer, self._gradient = layer, gradient
        self.inputs = inputs
        self.outputs = np.empty(shape, np.float32, order=order)
        self.delta = np.empty(shape, np.float32, order=order)  # dL/dz
        self._ones = np.ones(len(inputs), np.float32)
        in_blocks = n_threads == 1 or len(inputs) < LEAST_FOR_THREADS
        self._multiply = product(inputs, layer.weights, self.outputs, in_blocks=in_blocks)
        self._differentiate = product(inputs.T, self.delta, gradient.weights, in_blocks=in_blocks)
        self._go_back: Callable[[], object] | None = None
        if delta_before is not None:
            self._go_back = product(self.delta, layer.weights.T, delta_before, in_blocks=in_blocks)

    def forward(self) -> None:
        """z = a @ W + b."""
        self._multiply()
        np.add(self.outputs, self._layer.bias, out=self.outputs)

    def backward(self) -> None:
        """Find dL/dW, dL/db and, where there is a layer before, its dL/da."""
        self._differentiate()
        self.find_bias_gradient()
        if self._go_back is not None:
            self._go_back()

    def find_bias_gradient(self) -> None:
        """Find dL/db, the sum of d over the batch."""
        np.matmul(self._ones, self.delta, out=self._gradient.bias)


class Step:
    """Forwards and backwards through all layers, and the update, for batches of one size."""

    def __init__(
        self, problem: Problem, images: npt.NDArray[Any], model: Model, batch_size: int
    ) -> None:
        sizes, self._recipe, self.batch_size = problem.layer_sizes, problem.recipe, batch_size
        self._model, self._images = model, images
        self._scale = np.float32(model.gradient_scale / batch_size)
        self._gradient = np.empty_like(model.vector)
        self._bytes = np.empty((max(batch_size, MOST_TOGETHER), sizes[0]), np.uint8)
        self._layers: list[Dense] = []
        values, delta = np.empty((batch_size, sizes[0]), np.float32), None
        for layer, gradient in zip(model.layers, layers_of(self._gradient, sizes), strict=True):
            # Of the scores, those of one class lie together: reductions over classes are faster.
            order: Literal["C", "F"] = "F" if len(self._layers) == len(sizes) - 2 else "C"
            self._layers.append(Dense(layer, gradient, values, delta, order, problem.threads))
            values, delta = self._layers[-1].outputs, self._layers[-1].delta

    def take_together(self, batches: Batches, truths: FloatArray) -> float:
        """Make one update per row, and return the sum of all examples' losses."""
        if len(batches) > 1:
            return self._take_with_delay(batches, truths)
        first = self._layers[0]
        self._gather(batches[0], first.inputs)
        first.forward()
        loss = self._find_gradient(truths[0])
        first.backward()
        self._model.update(self._gradient)
        return loss

    def _take_with_delay(self, batches: Batches, truths: FloatArray) -> float:
        """Make several steps of plain descent, and update the first layer's weights but once.

        With steps s_i = rate dL/dz_i, the weights of step j are W - sum_{i<j} x_i.T @ s_i, so that
        z_j = x_j @ W - sum_{i<j} (x_j @ x_i.T) @ s_i. Few examples a step would be a walk through
        all of W for little work; here W is walked through twice in all, with much to do.
        """
        first, size = self._layers[0], self.batch_size
        images = np.empty((batches.size, first.inputs.shape[1]), np.float32)
        self._gather(batches.ravel(), images)
        weights = self._model.layers[0].weights
        sums, similarities = images @ weights, images @ images.T
        steps = np.empty_like(sums)
        loss = 0.0
        for start, truth in zip(range(0, batches.size, size), truths, strict=True):
            end = start + size
            np.matmul(similarities[start:end, :start], steps[:start], out=first.outputs)
            np.subtract(sums[start:end], first.outputs, out=first.outputs)
            first.outputs += self._model.layers[0].bias
            loss += self._find_gradient(truth)
            first.find_bias_gradient()
            steps[start:end] = first.delta
            self._model.vector[weights.size :] -= self._gradient[weights.size :]
        weights -= images.T @ steps
        return loss

    def _find_gradient(self, truth: FloatArray) -> float:
        """Go on from the first layer's sums, and back to them; return the sum of the losses."""
        activation = self._recipe.activation
        *hidden, last = self._layers
        for layer, after in zip(hidden, self._layers[1:], strict=True):
            activate(activation, layer.outputs)
            after.forward()
        loss = loss_and_delta(self._recipe, last.outputs, truth, last.delta)
        last.delta *= self._scale
        for before, layer in zip(hidden[::-1], self._layers[:0:-1], strict=True):
            layer.backward()
            multiply_by_slope(activation, before.outputs, before.delta)
        return loss

    def _gather(self, rows: npt.NDArray[np.int64], out: FloatArray) -> None:
        """Write the images of these rows to `out`, (n, 784), from bytes or as they are."""
        if self._images.dtype != np.uint8:
            np.take(self._images, rows, axis=0, out=out, mode="clip")
            return
        np.take(self._images, rows, axis=0, out=self._bytes[: len(rows)], mode="clip")
        np.copyto(out, self._bytes[: len(rows)])
        out *= BYTE


def activate(name: str, sums: FloatArray) -> None:
    """Apply a hidden layer's activation, in place."""
    if name == "relu":
        np.maximum(sums, 0, out=sums)
    elif name == "tanh":
        np.tanh(sums, out=sums)
    else:
        sigmoid(sums)


def sigmoid(sums: FloatArray) -> None:
    """Apply 1 / (1 + exp(-z)), in place; written with tanh, which does not overflow."""
    sums *= 0.5
    np.tanh(sums, out=sums)
    sums += 1
    sums *= 0.5


def multiply_by_slope(name: str, outputs: FloatArray, delta: FloatArray) -> None:
    """Multiply `delta` by the activation's slope f'(z), told from f(z). Both are used up."""
    if name == "relu":
        delta *= outputs > 0
    elif name == "tanh":  # 1 - f^2
        np.square(outputs, out=outputs)
        np.subtract(1, outputs, out=outputs)
        delta *= outputs
    else:  # f (1 - f)
        delta *= outputs
        np.subtract(1, outputs, out=outputs)
        delta *= outputs


def loss_and_delta(
    recipe: Recipe, scores: FloatArray, truth: FloatArray, delta: FloatArray
) -> float:
    """Return the sum of the examples' losses and write its gradient to `delta`.

    Args:
        scores: (n, 10), used up.
        truth: (n, 10), one-hot.
    """
    if recipe.output == "softmax":
        scores -= np.maximum.reduce(scores, axis=1, keepdims=True)  # no overflow, same softmax
        outputs = np.exp(scores, out=delta)
        totals = np.add.reduce(outputs, axis=1, keepdims=True)
        outputs /= totals
    else:
        sigmoid(scores)
        outputs = scores
    if recipe.loss == "cross_entropy":
        loss = float(np.log(totals).sum() - np.vdot(scores.T, truth.T))
        delta -= truth  # softmax and logarithm leave outputs - truth
        return loss
    scale = 1 / truth.shape[1] if recipe.loss == "mean_squared_error" else 1 / 2
    errors = outputs - truth
    loss = scale * float(np.vdot(errors.T, errors.T))
    errors *= 2 * scale  # with respect to the outputs
    if recipe.output == "softmax":
        errors -= (errors * outputs).sum(axis=1, keepdims=True)
        delta *= errors
    else:
        np.multiply(errors, outputs, out=delta)
        delta *= 1 - outputs
    return loss


def product(
    left: FloatArray, right: FloatArray, out: FloatArray, *, in_blocks: bool
) -> Callable[[], object]:
    """Return a function that writes left @ right to `out`, in blocks of rows or as one.

    A library for matrix products first rearranges large matrices, to use each number many times;
    for matrices as narrow as a layer's that costs more than it saves, and below about a million
    multiplications it is left out. Only one thread works on a block.
    """
    if left.shape[1] == 1:  # an outer product is no work for such a library
        return functools.partial(np.multiply, left, right, out=out)
    n_rows, per_row = len(left), left.shape[1] * right.shape[1]
    fitting = [
        rows
        for rows in range(FEWEST_ROWS, n_rows + 1)
        if n_rows % rows == 0 and rows * per_row <= MOST_MULTIPLICATIONS
    ]
    rows = max(fitting, default=n_rows) if in_blocks else n_rows
    blocks = left.reshape(-1, rows, left.shape[1])
    blocks_out = out.reshape(-1, rows, out.shape[1])
    return functools.partial(np.matmul, blocks, right, out=blocks_out)


def layers_of(vector: FloatArray, sizes: Sequence[int]) -> Parameters:
    """Return views of a vector that holds weights and bias of one layer after the other."""
    layers, start = [], 0
    for fan_in, fan_out in itertools.pairwise(sizes):
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        weights = vector[start:middle].reshape(fan_in, fan_out)
        layers.append(Layer(weights, vector[middle:end]))
        start = end
    return tuple(layers)


def one_hot(labels: LabelArray, n_classes: int) -> FloatArray:
    """Return (n_steps, n, n_classes) of ones and zeros; in memory, a class's lie together."""
    classes = np.arange(n_classes)[:, None]
    truths: FloatArray = (labels[:, None, :] == classes).astype(np.float32)
    return truths.transpose(0, 2, 1)


def as_bytes(images: FloatArray) -> npt.NDArray[Any]:
    """Return images as the bytes that they were made from, where they were: a quarter of the memory
    to read at every step. Otherwise return them as they are."""
    grey_levels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), 1000):  # small enough to stay in the cache
        block, levels = images[start : start + 1000], grey_levels[start : start + 1000]
        np.rint(block * 255, out=levels, casting="unsafe")
        if not np.array_equal(levels / np.float32(255), block):
            return images
    return grey_levels
