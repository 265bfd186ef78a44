"""A multilayer perceptron from scratch, in NumPy.

A layer computes ``z = a @ W + b``. Hidden layers pass on ``a = f(z)`` for an activation f; the last
layer's z are the scores. Backpropagation is the chain rule, walked from the loss back to the first
layer. With d = dL/dz of a layer, a batch of inputs a and a mean loss L:

    dL/dW = a.T @ d      dL/db = sum of d over the batch      dL/da = d @ W.T

and dL/da times f'(z) is the d of the layer before. An optimizer then moves W and b against the
gradient. The equations of losses and optimizers are those of `bench.contract.Recipe`.

It is to be read from the top: the perceptron comes first, and from `Worker` on, how several cores
share the work. What makes it fast is told, with figures, in docs/speed.md: every array is allocated
once, where the processor likes it, and written in place; images are kept as bytes; matrix products
are cut into blocks; each core takes its part of a batch.

On a GPU the same calls are made on arrays of CuPy, which NumPy's functions hand on to it.

Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 6.2 and 6.5.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import math
import mmap
import multiprocessing
import os
import signal
import sys
import warnings
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from bench.contract import (
    Batches,
    FloatArray,
    LabelArray,
    Layer,
    Parameters,
    Problem,
    Recipe,
    UnavailableError,
)

MOST_MULTIPLICATIONS = 1_000_000  # in one block of a matrix product
FEWEST_ROWS = {"C": 8, "F": 32}  # in one block, by how the rows to be cut lie in memory
FEWEST_SHARED = 64  # examples in a batch that plain descent shares among cores
MOST_TOGETHER = 32  # examples of small batches whose steps are taken together
FEW_NUMBERS = 8192  # in a product that `dot` makes; begun sooner than by `matmul`, but zeroed first
CACHE_LINE = 16  # numbers, of 4 bytes each
BYTE = 1 / 255
SPINS = 20_000  # looks at a semaphore before going to sleep, about two milliseconds
DEATH = "a process that trained along, on a core of its own, has died"

# One NumPy function with all its arguments, by position: a keyword takes a tenth of a microsecond
# each time, as does a number that is no array.
Call = Callable[[], object]


class MLP:
    """The parts below, called in the order in which the harness asks."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build the network from copies of `parameters`; store images as bytes."""
        images = as_bytes(problem.train_images)
        if problem.device == "gpu":
            images = cupy().asarray(images)
        self._begin(problem, images, parameters)

    def warm_up(self, batches: Batches) -> None:
        """Run a few steps on a throwaway network of the same size."""
        trial = MLP()
        trial._begin(self._problem, self._images, self.parameters())
        trial.train_epoch(batches[:20])
        trial._end()

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches`; return the mean loss."""
        for helper in self._helpers:
            helper.begin(batches)
        total_loss = self._worker.train(batches)
        for helper in self._helpers:
            total_loss += helper.loss()
        return total_loss / batches.size

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return the logits, (n, 784) -> (n, 10)."""
        values = put_beside(self._images, images)
        *hidden, last = self._layers
        with self._worker.on_one_core():
            for layer in hidden:
                values = values @ layer.weights + layer.bias
                run(activate(self._problem.recipe.activation, values))
            return in_main_memory(values @ last.weights + last.bias)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return tuple(
            Layer(*(in_main_memory(array).copy() for array in layer)) for layer in self._layers
        )

    def device_name(self) -> str:
        """Return the name of the GPU."""
        runtime = cupy().cuda.runtime
        return str(runtime.getDeviceProperties(runtime.getDevice())["name"].decode())

    def peak_device_memory_bytes(self) -> int:
        """Return the size of the memory pool, which never shrinks."""
        return int(cupy().get_default_memory_pool().total_bytes())

    def _begin(self, problem: Problem, images: npt.NDArray[Any], parameters: Parameters) -> None:
        """Lay the parameters out, and start a process for every further core."""
        self._problem, self._images = problem, images
        vector = allocate(n_numbers(problem.layer_sizes), beside=images)
        self._layers = layers_of(vector, problem.layer_sizes)
        for layer, given in zip(self._layers, parameters, strict=True):
            layer.weights[:], layer.bias[:] = given
        n_workers = problem.threads if sys.platform == "linux" and is_numpy(images) else 1
        gradients = [allocate(len(vector), beside=images) for _ in range(n_workers)]
        barrier = Barrier(n_workers)
        self._worker, *others = (
            Worker(problem, images, vector, gradients, barrier, rank) for rank in range(n_workers)
        )
        self._helpers = helpers = [Helper(worker) for worker in others]
        barrier.all_alive = lambda: all(helper.is_alive for helper in helpers)
        self._end = weakref.finalize(self, end_all, self._helpers)


class Optimizer:
    """Moves some parameters against their gradient; its state is a vector or two of that length."""

    def __init__(self, recipe: Recipe, learning_rate: float, parameters: FloatArray) -> None:
        """Allocate the state of the optimizer."""
        self._recipe, self._rate, self._parameters = recipe, learning_rate, parameters
        n_states = {"sgd": 0, "momentum": 1, "adam": 3}[recipe.optimizer]
        self._states = [allocate(len(parameters), beside=parameters) for _ in range(n_states)]
        self._n_steps = 0

    def update(self, gradient: FloatArray) -> None:
        """Make one update, in place. The gradient, times `gradient_scale`, is used up."""
        if self._recipe.optimizer == "sgd":
            self._parameters -= gradient
        elif self._recipe.optimizer == "momentum":
            (velocity,) = self._states
            velocity *= self._recipe.momentum
            velocity -= gradient
            self._parameters += velocity
        else:
            self._update_by_adam(gradient)

    def _update_by_adam(self, gradient: FloatArray) -> None:
        """Keep m and v without their factors 1 - b1 and 1 - b2, which go into two numbers."""
        recipe, (first, second, change) = self._recipe, self._states
        self._n_steps += 1
        first *= recipe.beta_1
        first += gradient
        second *= recipe.beta_2
        second += np.square(gradient, out=gradient)
        rate = self._rate * math.sqrt(1 - recipe.beta_2**self._n_steps)
        rate /= 1 - recipe.beta_1**self._n_steps
        root = math.sqrt(1 - recipe.beta_2)
        np.sqrt(second, out=change)
        change += recipe.epsilon / root
        np.divide(first, change, out=change)
        change *= rate * (1 - recipe.beta_1) / root
        self._parameters -= change


def gradient_scale(problem: Problem) -> float:
    """What the gradient that `Optimizer` takes is multiplied by: the rate, except for Adam."""
    return 1.0 if problem.recipe.optimizer == "adam" else problem.learning_rate


class Dense:
    """One layer at work on a batch: (n, fan_in) goes in, (n, fan_out) comes out."""

    def __init__(
        self,
        layer: Layer,
        gradient: Layer,
        inputs: FloatArray,
        order: Literal["C", "F"],
        unit: float,
        before: Dense | None = None,
    ) -> None:
        """Allocate the arrays of a layer.

        Args:
            unit: of the inputs, which go unscaled into all products; the smaller arrays around
                them are scaled: `delta` contains dL/dz times `unit`.
        """
        shape = (len(inputs), len(layer.bias))
        self.layer, self.gradient = layer, gradient
        self.inputs = inputs
        self.outputs = allocate(shape, order, beside=inputs)
        self.delta = allocate(shape, order, beside=inputs)  # dL/dz
        self._unit, self._before = unit, before

    def forward(self) -> list[Call]:
        """Return the calls of z = a @ W + b."""
        return [product(self.inputs, self.layer.weights, self.outputs), *self.finish_sums()]

    def finish_sums(self) -> list[Call]:
        """Go on from a @ W, with a counted in units."""
        calls: list[Call] = []
        if self._unit != 1:
            unit = number(self._unit, beside=self.outputs)
            calls.append(partial(np.multiply, self.outputs, unit, self.outputs))
        return [*calls, partial(np.add, self.outputs, self.layer.bias, self.outputs)]

    def backward(self) -> list[Call]:
        """Find dL/dW, dL/db and, where there is a layer before, its dL/da."""
        calls = [
            product(self.inputs.T, self.delta, self.gradient.weights),
            self.find_bias_gradient(),
        ]
        if self._before is not None:
            # Turned round in memory; a library is slower with rows that lie across.
            turned = allocate(self.layer.weights.shape[::-1], beside=self.delta)
            unit = number(self._before._unit, beside=self.delta)
            calls.append(partial(np.multiply, self.layer.weights.T, unit, turned))
            calls.append(product(self.delta, turned, self._before.delta))
        return calls

    def find_bias_gradient(self) -> Call:
        """Find dL/db, the sum of d over the batch."""
        of_one = np.full(len(self.delta), 1 / self._unit, np.float32, like=self.delta)
        return partial(of_one.dot, self.delta, self.gradient.bias)


class Step:
    """Forwards and backwards through all layers, for some rows of every batch of one size.

    What is to be done is written down once, as a list of calls on arrays that stay where they are.
    """

    def __init__(
        self,
        problem: Problem,
        images: npt.NDArray[Any],
        vector: FloatArray,
        gradient: FloatArray,
        batch_size: int,
        n_rows: int,
    ) -> None:
        """Prepare a step of a batch.

        Args:
            vector: all parameters.
            gradient: gets theirs, of the mean loss of the whole batch, times `gradient_scale`.
            n_rows: how many of a batch's rows are this step's, maybe none.
        """
        sizes, self._batch_size = problem.layer_sizes, batch_size
        self._images, self._vector, self._gradient = images, vector, gradient
        self._gradient[:] = 0
        layers: list[Dense] = []
        values = allocate((n_rows, sizes[0]), beside=images)
        unit = BYTE if images.dtype == np.uint8 else 1.0
        pairs = zip(layers_of(vector, sizes), layers_of(gradient, sizes), strict=True)
        for layer, of_layer in pairs:
            # Of the scores, those of one class lie together: reductions over classes are faster.
            order: Literal["C", "F"] = "F" if len(layers) == len(sizes) - 2 else "C"
            before = layers[-1] if layers else None
            layers.append(Dense(layer, of_layer, values, order, unit, before))
            values, unit = layers[-1].outputs, 1.0
        self._first = layers[0]
        self._loss = Loss(problem.recipe, layers[-1].outputs, layers[-1].delta)
        scale = gradient_scale(problem) / batch_size
        self._find_deltas = through(problem.recipe, layers, self._loss, scale)
        self._rows = np.zeros(n_rows, np.int64, like=images)  # of the images, to be filled in
        self._find_gradient = [
            *gather(images, self._rows, self._first.inputs),
            *self._first.forward(),
            *self._find_deltas,
            *self._first.backward(),
        ]

    def find_gradient(self, rows: npt.NDArray[np.int64], truth: FloatArray) -> None:
        """Find the gradient of the rows of one batch."""
        if len(rows) > 0:
            self._rows[:], self._loss.truth[:] = rows, truth
            run(self._find_gradient)

    def read_loss(self) -> float:
        """Return the sum of the losses of all examples since the last time."""
        return self._loss.read()

    def take_together(self, batches: Batches, truths: FloatArray) -> None:
        """Make steps of plain descent, several at once."""
        n_together = max(1, MOST_TOGETHER // self._batch_size)
        for start in range(0, len(batches), n_together):
            self._take_with_delay(batches[start:][:n_together], truths[start:][:n_together])

    def _take_with_delay(self, batches: Batches, truths: FloatArray) -> None:
        """Make several steps of plain descent, and update the first layer's weights but once.

        With steps s_i = rate dL/dz_i, the weights of step j are W - sum_{i<j} x_i.T @ s_i, so that
        z_j = x_j @ W - sum_{i<j} (x_j @ x_i.T) @ s_i. Few examples a step would be a walk through
        all of W for little work; here W is walked through twice in all, with much to do.
        """
        first, size = self._first, self._batch_size
        images = np.empty((batches.size, first.inputs.shape[1]), np.float32)
        run(gather(self._images, batches.ravel(), images))
        weights = first.layer.weights
        sums, similarities = images @ weights, images @ images.T
        steps = np.empty_like(sums)
        go_on = [*first.finish_sums(), *self._find_deltas, first.find_bias_gradient()]
        for start, truth in zip(range(0, batches.size, size), truths, strict=True):
            end = start + size
            np.matmul(similarities[start:end, :start], steps[:start], out=first.outputs)
            np.subtract(sums[start:end], first.outputs, out=first.outputs)
            self._loss.truth[:] = truth
            run(go_on)
            steps[start:end] = first.delta
            self._vector[weights.size :] -= self._gradient[weights.size :]
        weights -= images.T @ steps


def through(recipe: Recipe, layers: Sequence[Dense], loss: Loss, scale: float) -> list[Call]:
    """Go on from the first layer's sums, and back to them; gradients are multiplied by `scale`."""
    *hidden, last = layers
    calls: list[Call] = []
    for layer, after in zip(hidden, layers[1:], strict=True):
        calls += activate(recipe.activation, layer.outputs)
        calls += after.forward()
    calls += loss.find_delta()
    calls.append(partial(np.multiply, last.delta, number(scale, beside=last.delta), last.delta))
    for before, layer in zip(hidden[::-1], layers[:0:-1], strict=True):
        calls += layer.backward()
        calls += multiply_by_slope(recipe.activation, before.outputs, before.delta)
    return calls


def gather(images: npt.NDArray[Any], rows: npt.NDArray[np.int64], out: FloatArray) -> list[Call]:
    """Write the images of these rows to `out`, (n, 784): grey levels from bytes, or as they are."""
    mode = ("clip",) if is_numpy(images) else ()  # without it, NumPy fills a copy first
    if images.dtype != np.uint8:
        return [partial(images.take, rows, 0, out, *mode)]
    grey_levels = np.empty(out.shape, np.uint8, like=images)
    return [
        partial(images.take, rows, 0, grey_levels, *mode),
        partial(np.copyto, out, grey_levels),
    ]


def activate(name: str, sums: FloatArray) -> list[Call]:
    """Apply a hidden layer's activation, in place."""
    if name == "relu":
        return [partial(np.maximum, sums, np.zeros_like(sums), out=sums)]
    if name == "tanh":
        return [partial(np.tanh, sums, sums)]
    return sigmoid(sums)


def sigmoid(sums: FloatArray) -> list[Call]:
    """Apply 1 / (1 + exp(-z)), in place; written with tanh, which does not overflow."""
    half, one = number(1 / 2, beside=sums), number(1, beside=sums)
    return [
        partial(np.multiply, sums, half, sums),
        partial(np.tanh, sums, sums),
        partial(np.add, sums, one, sums),
        partial(np.multiply, sums, half, sums),
    ]


def multiply_by_slope(name: str, outputs: FloatArray, delta: FloatArray) -> list[Call]:
    """Multiply `delta` by the activation's slope f'(z), told from f(z). Both are used up."""
    if name == "relu":
        is_on = np.empty_like(outputs, np.bool_)
        return [
            partial(np.greater, outputs, number(0, beside=outputs), is_on),
            partial(np.multiply, delta, is_on, delta),
        ]
    calls: list[Call] = []
    one = number(1, beside=outputs)
    if name == "tanh":  # 1 - f^2
        calls.append(partial(np.square, outputs, outputs))
    else:  # f (1 - f)
        calls.append(partial(np.multiply, delta, outputs, delta))
    calls.append(partial(np.subtract, one, outputs, outputs))
    calls.append(partial(np.multiply, delta, outputs, delta))
    return calls


class Loss:
    """From the scores of a batch to its loss, and to the gradient of that."""

    def __init__(self, recipe: Recipe, scores: FloatArray, delta: FloatArray) -> None:
        """Prepare the loss of a batch.

        Args:
            scores: (n, 10), used up.
            delta: (n, 10), gets the gradient of the sum of the examples' losses.
        """
        self._recipe, self._scores, self._delta = recipe, scores, delta
        self.truth = np.zeros_like(scores)  # (n, 10), one-hot, to be filled in
        self._totals = np.empty((len(scores), 1), np.float32, like=scores)  # of exp(scores)
        self._terms = np.zeros(2, np.float32, like=scores)  # of a batch's loss
        self._sums = np.zeros(2, np.float64, like=scores)  # of those terms, over batches
        classes = scores.shape[1]
        self._scale = {"cross_entropy": 1, "mean_squared_error": 1 / classes}.get(
            recipe.loss, 1 / 2
        )

    def read(self) -> float:
        """Return the sum of the examples' losses, of all times that the calls have been made."""
        first, second = self._sums.tolist()
        self._sums[...] = 0
        return float(self._scale * (first - second))

    def find_delta(self) -> list[Call]:
        """Find the loss and its gradient with respect to the scores."""
        return [*self._of_batch(), partial(np.add, self._sums, self._terms, self._sums)]

    def _of_batch(self) -> list[Call]:
        """Find the terms of one batch's loss, and their gradient."""
        scores, delta, truth = self._scores, self._delta, self.truth
        if self._recipe.output == "sigmoid":
            return [*sigmoid(scores), *self._from_squares(scores)]
        highest = np.empty_like(self._totals)
        softmax: list[Call] = [
            partial(scores.max, 1, highest, True),
            partial(np.subtract, scores, highest, scores),  # no overflow, same softmax
            partial(np.exp, scores, delta),
            sum_over_classes(delta, self._totals),
            partial(np.divide, delta, self._totals, delta),
        ]
        if self._recipe.loss != "cross_entropy":
            return [*softmax, *self._from_squares(delta)]
        of_one = np.ones(len(scores), np.float32, like=scores)
        return [
            *softmax,
            partial(np.log, self._totals, self._totals),
            partial(of_one.dot, flat(self._totals), self._terms[0, ...]),
            partial(flat(scores).dot, flat(truth), self._terms[1, ...]),
            partial(np.subtract, delta, truth, delta),  # softmax and logarithm leave that
        ]

    def _from_squares(self, outputs: FloatArray) -> list[Call]:
        """Find the squared error of the outputs, and its gradient with respect to the scores."""
        delta, errors = self._delta, np.empty_like(outputs)
        calls: list[Call] = [
            partial(np.subtract, outputs, self.truth, errors),
            partial(flat(errors).dot, flat(errors), self._terms[0, ...]),
            partial(np.multiply, errors, number(2 * self._scale, beside=errors), errors),
        ]
        products = np.empty_like(outputs)
        if self._recipe.output == "softmax":
            sums = np.empty_like(self._totals)
            return [
                *calls,
                partial(np.multiply, errors, outputs, products),
                sum_over_classes(products, sums),
                partial(np.subtract, errors, sums, errors),
                partial(np.multiply, errors, outputs, delta),
            ]
        return [
            *calls,
            partial(np.multiply, errors, outputs, delta),
            partial(np.subtract, number(1, beside=outputs), outputs, products),
            partial(np.multiply, delta, products, delta),
        ]


def sum_over_classes(values: FloatArray, out: FloatArray) -> Call:
    """Write the sum of each row of `values`, (n, 10), to `out`, (n, 1)."""
    of_one = np.ones(values.shape[1], np.float32, like=values)
    return partial(of_one.dot, values.T, flat(out))


def run(calls: Sequence[Call]) -> None:
    """Make calls, one after the other."""
    for call in calls:
        call()


def flat(array: FloatArray) -> FloatArray:
    """Return a view of an array's numbers as they lie in memory."""
    return (array if array.flags.c_contiguous else array.T).reshape(-1)


def product(left: FloatArray, right: FloatArray, out: FloatArray) -> Call:
    """Return a call that writes left @ right to `out`, in blocks of rows or as one.

    A library for matrix products first rearranges large matrices, to use each number many times;
    for matrices as narrow as a layer's that costs more than it saves, and below about a million
    multiplications it is left out. Blocks of too few rows cost more again.
    """
    if left.shape[1] == 1:  # an outer product is no work for such a library
        return partial(np.multiply, left, right, out)
    if is_numpy(out):
        n_rows, per_row = len(left), left.shape[1] * right.shape[1]
        order: Literal["C", "F"] = "C" if left.strides[1] == left.itemsize else "F"
        fitting = [
            rows
            for rows in range(FEWEST_ROWS[order], n_rows)
            if n_rows % rows == 0 and rows * per_row <= MOST_MULTIPLICATIONS
        ]
        if n_rows * per_row > MOST_MULTIPLICATIONS and fitting:
            blocks = left.reshape(-1, max(fitting), left.shape[1])
            blocks_out = out.reshape(-1, max(fitting), out.shape[1])
            return partial(np.matmul, blocks, right, blocks_out)
        if out.size > FEW_NUMBERS:
            return partial(np.matmul, left, right, out)
    if out.flags.c_contiguous:
        return partial(left.dot, right, out)
    return partial(right.T.dot, left.T, out.T)


def cupy() -> Any:
    """Return CuPy, whose arrays are on the GPU.

    Raises:
        UnavailableError: it is not installed, or there is no GPU.
    """
    if importlib.util.find_spec("cupy") is None:
        raise UnavailableError(
            "NumPy's code trains on a GPU by way of CuPy, which is not installed: "
            "make setup EXTRAS=gpu"
        )
    library: Any = importlib.import_module("cupy")
    if not library.cuda.is_available():
        raise UnavailableError(
            "CuPy finds no GPU; with an NVIDIA driver in place: make setup EXTRAS=gpu"
        )
    return library


def is_numpy(array: npt.NDArray[Any]) -> bool:
    """Whether an array is one of NumPy's own."""
    return type(array) is np.ndarray


def put_beside(other: npt.NDArray[Any], array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array of NumPy's where `other` is: as it is, or a copy on the GPU."""
    return np.asarray(array, like=other)


def in_main_memory(array: Any) -> FloatArray:
    """Return an array as one of NumPy's: as it is, or a copy of what is on the GPU."""
    copied: FloatArray = array if is_numpy(array) else array.get()
    return copied


def number(value: float, *, beside: npt.NDArray[Any]) -> FloatArray:
    """Return a number as an array of no dimensions, where `beside` is."""
    return np.array(value, np.float32, like=beside)


def allocate(
    shape: int | tuple[int, ...],
    order: Literal["C", "F"] = "C",
    *,
    beside: npt.NDArray[Any],
) -> FloatArray:
    """Return an array of float32 zeros where `beside` is; in main memory, on a page of its own.

    There each row of a layer's weights starts on a cache line too, where a processor reads 16
    numbers at once; and processes that are forked later share it.
    """
    if not is_numpy(beside):
        return np.zeros(shape, np.float32, order, like=beside)
    n_bytes = 4 * int(np.prod(shape))
    memory = mmap.mmap(-1, max(n_bytes, 1))
    return np.frombuffer(memory, np.float32, n_bytes // 4).reshape(shape, order=order)


def layers_of(vector: FloatArray, sizes: Sequence[int]) -> Parameters:
    """Return views of a vector that holds weights and bias of one layer after the other."""
    layers, start = [], 0
    for fan_in, fan_out in itertools.pairwise(sizes):
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        weights = vector[start:middle].reshape(fan_in, fan_out)
        layers.append(Layer(weights, vector[middle:end]))
        start = whole_lines(end)
    return tuple(layers)


def n_numbers(sizes: Sequence[int]) -> int:
    """Return how long the vector of `layers_of` is."""
    return sum(whole_lines((fan_in + 1) * fan_out) for fan_in, fan_out in itertools.pairwise(sizes))


def whole_lines(count: int) -> int:
    """Return a count of numbers, rounded up to whole cache lines."""
    return -(-count // CACHE_LINE) * CACHE_LINE


def one_hot(labels: LabelArray, n_classes: int) -> FloatArray:
    """Return (n_steps, n, n_classes) of ones and zeros; in memory, a class's lie together."""
    classes = np.arange(n_classes, like=labels)[:, None]
    truths: FloatArray = (labels[:, None, :] == classes).astype(np.float32)
    return truths.transpose(0, 2, 1)


def as_bytes(images: FloatArray) -> npt.NDArray[Any]:
    """Return images as bytes if every value is a byte divided by 255, else unchanged.

    Bytes are a quarter of the memory to read at every step.
    """
    grey_levels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), 1000):  # small enough to stay in the cache
        block, levels = images[start : start + 1000], grey_levels[start : start + 1000]
        np.rint(block * 255, out=levels, casting="unsafe")
        if not np.array_equal(levels / np.float32(255), block):
            return images
    return grey_levels


class Worker:
    """One core's part of the training: some rows of every batch, and some of the parameters.

    All find the gradient of their rows, meet, add up and apply all gradients for their share of the
    parameters, and meet again. Which number is added to which is the same every time.
    """

    def __init__(
        self,
        problem: Problem,
        images: npt.NDArray[Any],
        vector: FloatArray,
        gradients: Sequence[FloatArray],
        barrier: Barrier,
        rank: int,
    ) -> None:
        """Prepare a worker.

        Args:
            vector: all parameters, shared by all workers.
            gradients: one for each worker, by rank, shared as well.
        """
        self._problem, self._images = problem, images
        self._labels = put_beside(images, problem.train_labels)
        self._vector, self._gradients = vector, gradients
        self.barrier, self._rank = barrier, rank
        part = share(len(vector), rank, len(gradients), multiple=CACHE_LINE)
        self._optimizer = Optimizer(problem.recipe, problem.learning_rate, vector[part])
        self._step: Step | None = None
        self._batch_size = 0  # that the step is for
        self._libraries = ThreadpoolController()

    def on_one_core(self) -> AbstractContextManager[object]:
        """Keep libraries from starting threads of their own, where there are other workers.

        Those threads look for work for a tenth of a second after they have had some, and would
        stand in the way of the other workers for as long.
        """
        limits = {"blas": 1} if len(self._gradients) > 1 else {}
        context: AbstractContextManager[object] = self._libraries.limit(limits=limits)
        return context

    def train(self, batches: Batches) -> float:
        """Take part in an epoch, and return the sum of the losses of one's examples."""
        batch_size, is_descent = batches.shape[1], self._problem.recipe.optimizer == "sgd"
        n_workers = len(self._gradients)
        if is_descent and batch_size < FEWEST_SHARED:
            if self._rank > 0:
                return 0.0  # too little work to be shared
            n_workers = 1
        rows = share(batch_size, self._rank, n_workers)
        if self._step is None or self._batch_size != batch_size:
            self._step, self._batch_size = self._step_for(batch_size, rows), batch_size
        with self.on_one_core():
            mine = put_beside(self._images, batches[:, rows])
            truths = one_hot(self._labels[mine], self._problem.layer_sizes[-1])
            if is_descent and batch_size <= MOST_TOGETHER // 2 and is_numpy(mine):
                self._step.take_together(mine, truths)
            else:
                self._train_by_steps(self._step, mine, truths, n_workers)
        return self._step.read_loss()

    def _train_by_steps(
        self, step: Step, rows: Batches, truths: FloatArray, n_workers: int
    ) -> None:
        part = share(len(self._vector), self._rank, n_workers, multiple=CACHE_LINE)
        total, *others = (gradient[part] for gradient in self._gradients[:n_workers])
        optimizer = self._optimizer
        if n_workers < len(self._gradients):  # plain descent, which keeps no state
            optimizer = Optimizer(self._problem.recipe, self._problem.learning_rate, self._vector)
        for of_batch, truth in zip(rows, truths, strict=True):
            step.find_gradient(of_batch, truth)
            if others:
                self.barrier.meet(self._rank)
            for other in others:
                total += other
            optimizer.update(total)
            if others:
                self.barrier.meet(self._rank)

    def _step_for(self, batch_size: int, rows: slice) -> Step:
        gradient, n_rows = self._gradients[self._rank], rows.stop - rows.start
        return Step(self._problem, self._images, self._vector, gradient, batch_size, n_rows)


def share(count: int, rank: int, n_workers: int, *, multiple: int = 1) -> slice:
    """Return which of `count` things one of several workers takes, maybe none."""
    each = -(-count // (n_workers * multiple)) * multiple
    return slice(min(count, rank * each), min(count, (rank + 1) * each))


class Barrier:
    """A barrier for processes. They wait by spinning: waking up takes longer than the wait."""

    def __init__(self, size: int) -> None:
        """Make a barrier for `size` processes."""
        self._n_meetings = 0
        if size > 1:
            context = multiprocessing.get_context("fork")
            # Two sets, used by turns: one who goes ahead must not be counted for the time before.
            self._arrivals = [[context.Semaphore(0) for _ in range(size)] for _ in range(2)]
        self.all_alive: Callable[[], bool] = lambda: True  # set in each process

    def meet(self, rank: int) -> None:
        """Wait until all have come here.

        Raises:
            RuntimeError: one of them has died.
        """
        arrivals = self._arrivals[self._n_meetings % 2]
        self._n_meetings += 1
        mine = arrivals[rank]
        others = [semaphore for semaphore in arrivals if semaphore is not mine]
        for semaphore in others:
            semaphore.release()
        for _ in others:
            if any(mine.acquire(False) for _ in range(SPINS)):
                continue
            while not mine.acquire(timeout=1):
                if not self.all_alive():
                    raise RuntimeError(DEATH)


class Helper:
    """A process with a worker of its own, forked from this one; it sleeps between epochs."""

    def __init__(self, worker: Worker) -> None:
        """Start the process of a worker."""
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        arguments = (worker, theirs, os.getpid())
        self._process = context.Process(target=help_along, args=arguments, daemon=True)
        with warnings.catch_warnings():
            # A fork is at odds with threads that hold locks; the worker needs none of theirs.
            warnings.simplefilter("ignore")
            self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.is_alive()

    def begin(self, batches: Batches) -> None:
        """Have it take part in an epoch.

        Raises:
            RuntimeError: it has died.
        """
        try:
            self._connection.send_bytes(np.int64(batches.shape[1]).tobytes() + batches.tobytes())
        except ConnectionError as error:
            raise RuntimeError(DEATH) from error

    def loss(self) -> float:
        """Wait for the end of the epoch, and return the sum of the losses of its examples.

        Raises:
            RuntimeError: it has died.
        """
        try:
            return float(np.frombuffer(self._connection.recv_bytes(), np.float64)[0])
        except (ConnectionError, EOFError) as error:
            raise RuntimeError(DEATH) from error

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()


def end_all(helpers: Sequence[Helper]) -> None:
    """End processes."""
    for helper in helpers:
        helper.end()


def help_along(worker: Worker, connection: Connection, parent: int) -> None:
    """Be a helper's process, until it is killed or the one that forked it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides what that means
    worker.barrier.all_alive = lambda: os.getppid() == parent
    with worker.on_one_core():
        pass  # the library starts its threads now, which have gone to sleep when there is work
    while True:
        while not connection.poll(1):
            if os.getppid() != parent:
                return
        message = np.frombuffer(connection.recv_bytes(), np.int64)
        loss = worker.train(message[1:].reshape(-1, message[0]))
        connection.send_bytes(np.float64(loss).tobytes())
