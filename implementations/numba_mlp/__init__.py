"""A multilayer perceptron from scratch, in loops that Numba compiles for one recipe.

The module `training` contains the algorithm; `equations` the recipe's activations, losses and
optimizers; `tiles` the matrix products; `memory` the layout of all arrays; `barrier` how threads
wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.contract import Batches, FloatArray, Parameters, Problem
from implementations.numba_mlp import barrier, memory
from implementations.numba_mlp.training import compile_epoch

MAX_GREY_LEVEL = 255


class MLP:
    """Calls one compiled function per epoch and thread.

    Options:
        bytes: store images as bytes if they are grey levels; otherwise, as float32.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Store images as bytes, and parameters in panels."""
        self._problem = problem
        self._images, self._scale = _pack(problem.train_images, as_bytes=problem.options["bytes"])
        self._train = compile_epoch(problem.recipe, self._images.dtype)
        self._other_threads = ThreadPoolExecutor(max(1, problem.threads - 1))
        self._n_steps = 0
        self._allocate(batch_size=1)
        memory.store(parameters, self._layers, self._memory)

    def warm_up(self, batches: Batches) -> None:
        """Compile and train on up to 20 batches, then restore the state."""
        self._allocate(batches.shape[1])
        saved = [array.copy() for array in self._memory]
        self.train_epoch(batches[:20])
        self._n_steps = 0
        for array, copy in zip(self._memory, saved, strict=True):
            array[...] = copy

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        problem, n_threads = self._problem, self._problem.threads
        n_steps, batch_size = batches.shape
        self._allocate(batch_size)
        arguments = (
            self._images, self._scale, problem.train_labels, np.ascontiguousarray(batches),
            self._layers, memory.rows_for(batch_size), self._memory,
            np.float32(problem.learning_rate), self._n_steps,
            np.zeros((n_threads, barrier.LINE), np.int64),
        )  # fmt: skip
        others = [
            self._other_threads.submit(self._train, *arguments, thread, n_threads)
            for thread in range(1, n_threads)
        ]
        self._train(*arguments, 0, n_threads)
        for other in others:
            other.result()
        self._n_steps += n_steps
        return float(self._memory.losses.sum(dtype=np.float64)) / batches.size

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32, computed by NumPy."""
        *hidden, last = self.parameters()
        outputs = images
        for weights, bias in hidden:
            outputs = ACTIVATIONS[self._problem.recipe.activation](outputs @ weights + bias)
        logits: FloatArray = outputs @ last.weights + last.bias
        return logits

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        return memory.load(self._layers, self._memory, self._problem.layer_sizes[0])

    def _allocate(self, batch_size: int) -> None:
        """Allocate memory for another batch size, and copy the state."""
        old = getattr(self, "_memory", None)
        if old is not None and len(old.losses) == batch_size:
            return
        self._layers = memory.place_layers(self._problem.layer_sizes, batch_size)
        self._memory = memory.allocate(self._layers, batch_size, self._problem.threads)
        if old is not None:
            self._memory = memory.with_state(self._memory, old)


# For `predict_scores` only.
ACTIVATIONS: dict[str, Callable[[FloatArray], Any]] = {
    "relu": lambda z: np.maximum(z, np.float32(0)),
    "sigmoid": lambda z: (1 + np.tanh(z / 2)) / 2,  # does not overflow
    "tanh": np.tanh,
}


def _pack(images: FloatArray, *, as_bytes: bool) -> tuple[npt.NDArray[Any], np.float32]:
    """Return images for `training`, and what to multiply them by.

    Args:
        images: (n, n_inputs) float32.
        as_bytes: store grey levels 0 to 255, if images are exactly these, divided by 255.

    Returns:
        (n, 16 n_panels) uint8 or float32, and the scale.
    """
    levels = np.rint(images * MAX_GREY_LEVEL).astype(np.uint8)
    is_exact = as_bytes and np.array_equal(levels / np.float32(MAX_GREY_LEVEL), images)
    rows = levels if is_exact else images
    padding = memory.PANEL * memory.count_panels(rows.shape[1]) - rows.shape[1]
    packed = np.ascontiguousarray(np.pad(rows, ((0, 0), (0, padding))))
    return packed, np.float32(1 / MAX_GREY_LEVEL if is_exact else 1)
