"""A multilayer perceptron from scratch, in NumPy.

A layer computes ``z = a @ W + b``. Hidden layers pass on ``a = f(z)`` for an activation f; the last
layer's z are the scores. Backpropagation is the chain rule, walked from the loss back to the first
layer. With d = dL/dz of a layer, a batch of inputs a and a mean loss L:

    dL/dW = a.T @ d      dL/db = sum of d over the batch      dL/da = d @ W.T

and dL/da times f'(z) is the d of the layer before. An optimizer then moves W and b against the
gradient. The equations of losses and optimizers are those of `bench.contract.Recipe`.

What makes it fast is told, with figures, in docs/speed.md: every array is allocated once and
written in place, all parameters lie in one vector, images are kept as bytes, and large matrix
products are cut into blocks. With several threads each takes a share of every batch.

Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 6.2 and 6.5.
"""

from __future__ import annotations

import functools
import itertools
import math
import select
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from bench.contract import Batches, FloatArray, LabelArray, Layer, Parameters, Problem, Recipe

LEAST_SHARE = 64  # examples of a batch that are worth a thread of their own
MOST_MULTIPLICATIONS = 1_000_000  # in one block of a matrix product
FEWEST_ROWS = 4  # in one block
BYTE = np.float32(1 / 255)


class MLP:
    """Trains with as many threads as the run has cores, where the batches are large enough."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        self._problem = problem
        self._images = as_bytes(problem.train_images)
        self._model = Model(problem, parameters)
        self._workers: list[Worker] = []
        self._blas = ThreadpoolController()

    def warm_up(self, batches: Batches) -> None:
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        workers = self._workers_for(batches.shape[1])
        first, *others = np.array_split(batches, len(workers), axis=1)
        # The threads are ours; the library behind the matrix products is to start none of its own.
        with self._blas.limit(limits=1, user_api="blas"), ThreadPoolExecutor(len(workers)) as pool:
            futures = [
                pool.submit(worker.train, share, workers)
                for worker, share in zip(workers[1:], others, strict=True)
            ]
            total_loss = workers[0].train(first, workers)
            total_loss += sum(future.result() for future in futures)
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

    def _workers_for(self, batch_size: int) -> list[Worker]:
        """Return workers for batches of this size; the first one's model is the model."""
        if sum(worker.n_examples for worker in self._workers) != batch_size:
            n_workers = max(1, min(self._problem.threads, batch_size // LEAST_SHARE))
            sizes = [len(share) for share in np.array_split(range(batch_size), n_workers)]
            models = [self._model, *(Model(self._problem, self._model.layers) for _ in sizes[1:])]
            self._workers = [
                Worker(self._problem, self._images, model, size)
                for model, size in zip(models, sizes, strict=True)
            ]
        for worker in self._workers[1:]:
            worker.model.copy_from(self._model)
        return self._workers


class Model:
    """Parameters and the optimizer's state, a vector each; `layers` are views of the first."""

    def __init__(self, problem: Problem, parameters: Parameters) -> None:
        self._recipe, self._rate = problem.recipe, problem.learning_rate
        self.vector = np.concatenate([array.ravel() for layer in parameters for array in layer])
        self.layers = layers_of(self.vector, problem.layer_sizes)
        self._first = np.zeros_like(self.vector)  # the velocity, or Adam's m / (1 - b1)
        self._second = np.zeros_like(self.vector)  # Adam's v / (1 - b2)
        self._step = np.empty_like(self.vector)
        self._n_steps = 0

    def copy_from(self, other: Model) -> None:
        """Become equal to another model."""
        np.copyto(self.vector, other.vector)
        np.copyto(self._first, other._first)
        np.copyto(self._second, other._second)
        self._n_steps = other._n_steps

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
        np.sqrt(self._second, out=self._step)
        self._step += recipe.epsilon / root
        np.divide(self._first, self._step, out=self._step)
        self._step *= rate * (1 - recipe.beta_1) / root
        self.vector -= self._step


class Dense:
    """One layer at work on a share of a batch: (n, fan_in) goes in, (n, fan_out) comes out."""

    def __init__(
        self, layer: Layer, gradient: Layer, inputs: FloatArray, order: Literal["C", "F"]
    ) -> None:
        shape = (len(inputs), len(layer.bias))
        self.inputs, self._bias = inputs, layer.bias
        self.outputs = np.empty(shape, np.float32, order=order)
        self.delta = np.empty(shape, np.float32, order=order)  # dL/dz
        self._ones = np.ones(len(inputs), np.float32)
        self._gradient = gradient
        self._multiply = product(inputs, layer.weights, self.outputs)
        self._differentiate = product(inputs.T, self.delta, gradient.weights)
        self._weights = layer.weights

    def forward(self) -> None:
        """z = a @ W + b."""
        self._multiply()
        np.add(self.outputs, self._bias, out=self.outputs)

    def backward(self, delta_before: FloatArray | None) -> None:
        """Find dL/dW, dL/db and, where there is a layer before, dL/da."""
        self._differentiate()
        np.matmul(self._ones, self.delta, out=self._gradient.bias)  # the sum over the batch
        if delta_before is not None:
            np.matmul(self.delta, self._weights.T, out=delta_before)


class Worker:
    """Trains on its share of every batch, together with the others.

    Every worker has a model of its own, and all of them make every update, from the same gradients
    added up in the same order: the models stay equal to the last bit, and nobody waits for a copy.
    """

    def __init__(
        self, problem: Problem, images: npt.NDArray[Any], model: Model, n_examples: int
    ) -> None:
        sizes, self._recipe = problem.layer_sizes, problem.recipe
        self.model, self.n_examples = model, n_examples
        self.gradient = np.empty_like(model.vector)
        self.n_gradients = self.n_updates = 0  # made so far
        self.failed = False
        self._total = np.empty_like(model.vector)
        self._images, self._labels = images, problem.train_labels
        self._rows = np.empty((n_examples, sizes[0]), images.dtype)
        values = np.empty((n_examples, sizes[0]), np.float32)
        self._layers: list[Dense] = []
        for layer, gradient in zip(model.layers, layers_of(self.gradient, sizes), strict=True):
            # Of the scores, those of one class lie together: reductions over classes are faster.
            order: Literal["C", "F"] = "F" if len(self._layers) == len(sizes) - 2 else "C"
            self._layers.append(Dense(layer, gradient, values, order))
            values = self._layers[-1].outputs

    def train(self, batches: Batches, workers: Sequence[Worker]) -> float:
        """Make one update per row, and return the sum of this share's losses.

        Args:
            batches: this worker's columns of the batches.
            workers: all that train together, this one among them.
        """
        try:
            scale = self.model.gradient_scale / sum(worker.n_examples for worker in workers)
            truths = one_hot(self._labels[batches], self._layers[-1].outputs.shape[1])
            others = [worker for worker in workers if worker is not self]
            total_loss = 0.0
            for rows, truth in zip(batches, truths, strict=True):
                total_loss += self._forward(rows, truth)
                self._layers[-1].delta *= scale
                self._wait_for(others, "n_updates")  # someone may still read the gradient
                self._backward()
                self.n_gradients += 1
                self._wait_for(others, "n_gradients")
                self.model.update(self._sum_of_gradients(workers) if others else self.gradient)
                self.n_updates += 1
        except BaseException:
            self.failed = True  # or the others would wait for ever
            raise
        return total_loss

    def _forward(self, rows: npt.NDArray[np.int64], truth: FloatArray) -> float:
        """Compute the scores, and from them the loss and its gradient."""
        values = self._layers[0].inputs
        if self._images.dtype == np.uint8:
            np.take(self._images, rows, axis=0, out=self._rows, mode="clip")
            np.copyto(values, self._rows)
            values *= BYTE
        else:
            np.take(self._images, rows, axis=0, out=values, mode="clip")
        *hidden, last = self._layers
        for layer in hidden:
            layer.forward()
            activate(self._recipe.activation, layer.outputs)
        last.forward()
        return loss_and_delta(self._recipe, last.outputs, truth, last.delta)

    def _backward(self) -> None:
        """Walk from the last layer to the first."""
        layers = self._layers
        for number in range(len(layers) - 1, 0, -1):
            before = layers[number - 1]
            layers[number].backward(before.delta)
            multiply_by_slope(self._recipe.activation, before.outputs, before.delta)
        layers[0].backward(None)

    def _sum_of_gradients(self, workers: Sequence[Worker]) -> FloatArray:
        np.add(workers[0].gradient, workers[1].gradient, out=self._total)
        for worker in workers[2:]:
            self._total += worker.gradient
        return self._total

    def _wait_for(self, others: Sequence[Worker], count: str) -> None:
        """Wait until all have got as far. Mere microseconds, so it asks again and again."""
        for other in others:
            while getattr(other, count) < getattr(self, count):
                if other.failed:
                    raise RuntimeError("another thread of this run has failed")
                select.select((), (), (), 0)  # lets the others have the interpreter


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


def product(left: FloatArray, right: FloatArray, out: FloatArray) -> Callable[[], object]:
    """Return a function that writes left @ right to `out`, in blocks of rows.

    A library for matrix products first rearranges large matrices, to use each number many times;
    for matrices as narrow as a layer's that costs more than it saves, and below about a million
    multiplications it is left out.
    """
    n_rows, per_row = len(left), left.shape[1] * right.shape[1]
    fitting = [
        rows
        for rows in range(FEWEST_ROWS, n_rows + 1)
        if n_rows % rows == 0 and rows * per_row <= MOST_MULTIPLICATIONS
    ]
    rows = max(fitting, default=n_rows)
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
