"""A multilayer perceptron from scratch, in loops that Numba compiles for one recipe.

The module `training` contains the algorithm; `equations` the recipe's activations, losses and
optimizers; `tiles` the matrix products; `memory` the layout of all arrays; `barrier` how threads
wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
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
        """Store the images, and the parameters in panels."""
        self._problem = problem
        self._images, self._scale = _pack(problem.train_images, as_bytes=problem.options["bytes"])
        self._labels = np.array(problem.train_labels, np.int64)
        self._layers = memory.place_layers(problem.layer_sizes)
        self._state = memory.allocate_state(self._layers, parameters)
        self._scratch = memory.allocate_scratch(self._layers, 1, problem.threads)
        self._n_steps = 0
        self._train = compile_epoch(problem.recipe, self._images.dtype)
        self._other_threads = ThreadPoolExecutor(max(1, problem.threads - 1))

    def warm_up(self, batches: Batches) -> None:
        """Compile and train on up to 20 batches, then restore the state."""
        saved, n_steps = [array.copy() for array in self._state], self._n_steps
        self._run(batches[:0], n_threads=1)  # compiles before other threads wait
        self.train_epoch(batches[:20])
        for array, copy in zip(self._state, saved, strict=True):
            array[...] = copy
        self._n_steps = n_steps

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        self._run(batches, self._problem.threads)
        self._n_steps += len(batches)
        return float(self._scratch.losses.sum()) / batches.size

    def _run(self, batches: Batches, n_threads: int) -> None:
        batch_size = batches.shape[1]
        if len(self._scratch.losses) != batch_size:
            self._scratch = memory.allocate_scratch(self._layers, batch_size, self._problem.threads)
        arrivals = np.zeros((n_threads, barrier.LINE), np.int64)
        arguments = (
            self._images, self._scale, self._labels,
            # A copy: Numba would compile again for a read-only array.
            np.array(batches, np.int64, order="C"),
            self._layers, memory.panel_rows(batch_size), self._state, self._scratch,
            np.float32(self._problem.learning_rate), self._n_steps, arrivals,
        )  # fmt: skip
        others: list[Future[None]] = []
        try:
            for thread in range(1, n_threads):
                others.append(
                    self._other_threads.submit(self._train, *arguments, thread, n_threads)
                )
            self._train(*arguments, 0, n_threads)
        except BaseException:
            # The other threads must not wait for this one, nor for threads that were not started.
            arrivals[0, 0] = arrivals[len(others) + 1 :, 0] = barrier.RELEASED
            raise
        for other in others:
            other.result()

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32, computed by NumPy."""
        *hidden, last = self.parameters()
        outputs = images
        for weights, bias in hidden:
            outputs = NUMPY_ACTIVATIONS[self._problem.recipe.activation](outputs @ weights + bias)
        logits: FloatArray = outputs @ last.weights + last.bias
        return logits

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        return memory.load_parameters(self._layers, self._state, self._problem.layer_sizes[0])


# For `predict_scores` only.
NUMPY_ACTIVATIONS: dict[str, Callable[[FloatArray], Any]] = {
    "relu": lambda z: np.maximum(z, np.float32(0)),
    "sigmoid": lambda z: (1 + np.tanh(z / 2)) / 2,  # does not overflow
    "tanh": np.tanh,
}


def _pack(images: FloatArray, *, as_bytes: bool) -> tuple[npt.NDArray[Any], np.float32]:
    """Return images for `training`, and what to multiply them by.

    Args:
        images: (n, n_inputs) float32.
        as_bytes: store grey levels 0 to 255, if images are exactly these, divided by 255. In
            training they are multiplied by 1 / 255, which differs by rounding.

    Returns:
        (n, 16 n_panels) uint8 or float32, and the scale.
    """
    n_columns = memory.PANEL * memory.count_panels(images.shape[1])
    if as_bytes:
        packed = np.zeros((len(images), n_columns), np.uint8)
        levels = packed[:, : images.shape[1]]
        np.rint(images * MAX_GREY_LEVEL, out=levels, casting="unsafe")
        if np.array_equal(levels / np.float32(MAX_GREY_LEVEL), images):
            return packed, np.float32(1 / MAX_GREY_LEVEL)
    floats = np.zeros((len(images), n_columns), np.float32)
    floats[:, : images.shape[1]] = images
    return floats, np.float32(1)
