"""A multilayer perceptron in JAX: pure functions, and a whole epoch in one compiled scan.

`lax.scan` carries the parameters and the optimizer's state from step to step inside one compiled
program. Their buffers are donated, so that the program can overwrite them with the new values.
"""

from __future__ import annotations

import functools
import os
from typing import Any, NamedTuple

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # allocate GPU memory when needed

import jax
import jax.numpy as jnp
import numpy as np

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem, Recipe, UnavailableError

ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


class State(NamedTuple):
    """Everything that a training step changes."""

    parameters: Any  # a list of (weights (fan_in, fan_out), bias (fan_out,)) float32
    first_moments: Any  # the velocity of momentum, or Adam's m; shaped like `parameters`
    second_moments: Any  # Adam's v; shaped like `parameters`
    n_steps: Any  # int32


class MLP:
    """Calls one compiled function per epoch."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Copy data and parameters to the device."""
        self._device = _choose_device(problem)
        self._problem = problem
        self._images, self._labels = self._put((problem.train_images, problem.train_labels))
        arrays = [tuple(layer) for layer in parameters]
        zeros = jax.tree.map(np.zeros_like, arrays)
        self._state = self._put(State(arrays, zeros, zeros, np.int32(0)))

    def warm_up(self, batches: Batches) -> None:
        """Train a whole epoch, because the number of steps is compiled in; restore the state."""
        saved = jax.tree.map(np.array, self._state)
        self.train_epoch(batches)
        self._state = self._put(saved)

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        problem = self._problem
        self._state, loss = _train_steps(
            self._state,
            self._images,
            self._labels,
            self._put(batches),
            recipe=problem.recipe,
            learning_rate=problem.learning_rate,
        )
        jax.block_until_ready(self._state)
        return float(loss)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32."""
        activation = self._problem.recipe.activation
        return np.asarray(_logits(self._state.parameters, self._put(images), activation))

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        return tuple(Layer(*map(np.array, layer)) for layer in self._state.parameters)

    def device_name(self) -> str:
        """Return the name of the GPU."""
        return str(self._device.device_kind)

    def peak_device_memory_bytes(self) -> int | None:
        """Return the peak of JAX's allocator; None if the allocator does not count it."""
        # An allocator that does not count it gives no such key, or -1.
        peak = (self._device.memory_stats() or {}).get("peak_bytes_in_use", -1)
        return int(peak) if peak >= 0 else None

    def _put(self, arrays: Any) -> Any:
        """Copy arrays to the device; a donated buffer must not be shared with NumPy."""
        return jax.device_put(arrays, self._device, may_alias=False)


@functools.partial(jax.jit, donate_argnums=0, static_argnames=("recipe", "learning_rate"))
def _train_steps(
    state: State, images: Any, labels: Any, batches: Any, *, recipe: Recipe, learning_rate: float
) -> tuple[State, Any]:
    """Make one update per row of `batches`.

    Returns:
        The new state, and the mean of the losses.
    """

    def step(state: State, rows: Any) -> tuple[State, Any]:
        loss, gradients = jax.value_and_grad(_loss)(
            state.parameters, images[rows], labels[rows], recipe
        )
        return _update(state, gradients, recipe, learning_rate), loss

    state, losses = jax.lax.scan(step, state, batches)
    return state, losses.mean()


@functools.partial(jax.jit, static_argnames="activation")
def _logits(parameters: Any, images: Any, activation: str) -> Any:
    """Forward pass: (n, 784) -> (n, 10)."""
    *hidden, (last_weights, last_bias) = parameters
    activations = images
    for weights, bias in hidden:
        activations = ACTIVATIONS[activation](activations @ weights + bias)  # (n, fan_out)
    return activations @ last_weights + last_bias


def _loss(parameters: Any, images: Any, labels: Any, recipe: Recipe) -> Any:
    """Return the mean loss over a batch."""
    logits = _logits(parameters, images, recipe.activation)  # (batch_size, 10)
    truth = jax.nn.one_hot(labels, logits.shape[1])
    if recipe.loss == "cross_entropy":
        return -(truth * jax.nn.log_softmax(logits)).sum(axis=1).mean()
    outputs = jax.nn.softmax(logits) if recipe.output == "softmax" else jax.nn.sigmoid(logits)
    errors = jnp.square(outputs - truth)
    if recipe.loss == "mean_squared_error":
        return errors.mean()
    return errors.sum(axis=1).mean() / 2


def _update(state: State, gradients: Any, recipe: Recipe, rate: float) -> State:
    """Make one step of the recipe's optimizer."""
    t = state.n_steps + 1
    first, second = state.first_moments, state.second_moments
    if recipe.optimizer == "sgd":
        steps = jax.tree.map(lambda g: -rate * g, gradients)
    elif recipe.optimizer == "momentum":
        first = jax.tree.map(lambda v, g: recipe.momentum * v - rate * g, first, gradients)
        steps = first
    else:
        b1, b2 = recipe.beta_1, recipe.beta_2
        first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, second, gradients)
        corrected = rate * jnp.sqrt(1 - b2**t) / (1 - b1**t)
        steps = jax.tree.map(
            lambda m, v: -corrected * m / (jnp.sqrt(v) + recipe.epsilon), first, second
        )
    parameters = jax.tree.map(jnp.add, state.parameters, steps)
    return State(parameters, first, second, t)


def _choose_device(problem: Problem) -> Any:
    """Return the run's device, and make matrix products use full float32 precision."""
    jax.config.update("jax_default_matmul_precision", "highest")
    on_gpu = problem.device == "gpu"
    # With "cuda" alone, JAX without a GPU fails with an AssertionError instead of RuntimeError.
    jax.config.update("jax_platforms", "cuda,cpu" if on_gpu else "cpu")
    try:
        return jax.devices("cuda" if on_gpu else "cpu")[0]
    except RuntimeError as error:
        raise UnavailableError(
            "JAX finds no GPU; install the NVIDIA driver, then: make setup EXTRAS=gpu"
        ) from error
