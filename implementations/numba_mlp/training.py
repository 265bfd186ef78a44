"""Training steps as loops that Numba compiles for one recipe.

A layer with inputs x, weights W and bias b has the outputs a = f(z), z = x W + b, with the
activation f. delta is the gradient of one example's loss with respect to z:

    last layer:    delta = dL/dlogits
    layer before:  delta = (delta W^T) f'(z)
    gradients:     dL/dW = x^T delta / batch_size,  dL/db = sum over examples of delta / batch_size

The deltas of an example depend on this example only. A thread computes them for its share of the
batch, eight examples at a time; the last few examples of a batch are grouped in the same way
for every number of threads. The gradient of a weight depends on all examples: the threads wait
for each other, then each one updates its share of the weights. No sum is split between threads, so
the result does not depend on their number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.contract import Recipe
from implementations.numba_mlp import barrier
from implementations.numba_mlp.equations import (
    ACTIVATIONS,
    compile_loss,
    compile_optimizer,
    compiled,
)
from implementations.numba_mlp.memory import PANEL
from implementations.numba_mlp.tiles import (
    FLOAT_BYTES,
    ROW_BYTES,
    convert,
    prefetch,
    tile,
    transpose,
)

MAX_ROWS = 8  # of a tile

forward_8, forward_4, forward_2, forward_1 = (tile(n_rows) for n_rows in (8, 4, 2, 1))
gradient_8 = tile(MAX_ROWS, transposed=True)
update_8 = tile(MAX_ROWS, transposed=True, accumulate=True)


@functools.cache
def compile_epoch(recipe: Recipe, image_type: np.dtype[Any]) -> Callable[..., None]:
    """Return the function that trains one epoch; Numba compiles it at the first call.

    Args:
        recipe: the equations.
        image_type: uint8 or float32.
    """
    go_forward, go_backward = _compile_passes(recipe)
    loss_and_delta = compile_loss(recipe)
    optimize, rate_of_step = compile_optimizer(recipe)
    update = _compile_update(optimize, is_sgd=recipe.optimizer == "sgd")
    convert_image = convert(image_type)

    @compiled
    def train_examples(
        images: Any, scale: Any, labels: Any, rows: Any, layers: Any, panel_rows: Any, state: Any,
        scratch: Any, start: Any, n: Any,
    ) -> None:  # fmt: skip
        """Compute the deltas of n examples of a batch, from its row `start` on."""
        n_panels, panel_bytes = images.shape[1] // PANEL, panel_rows * ROW_BYTES
        for example in range(start, start + n):
            image = images.ctypes.data + rows[example] * images.strides[0]
            target = address(scratch.values, example)
            convert_image(image, n_panels, scale, target, panel_bytes)
        go_forward(state, scratch, layers, panel_rows, start, n)
        last = layers[len(layers) - 1].outputs * panel_rows
        for example in range(start, start + n):
            scratch.losses[example] += loss_and_delta(
                scratch.values[last + example], labels[rows[example]],
                scratch.deltas[last + example],
            )  # fmt: skip
        go_backward(state, scratch, layers, panel_rows, start, n)

    @compiled
    def train_epoch(
        images: Any, scale: Any, labels: Any, batches: Any, layers: Any, panel_rows: Any,
        state: Any, scratch: Any, rate: Any, first_step: Any, arrivals: Any, thread: Any,
        n_threads: Any,
    ) -> None:  # fmt: skip
        """Train one epoch; all threads call it with the same arguments, except for `thread`.

        Args:
            images: (n, 16 n_panels) of `image_type`.
            scale: float32; images are multiplied by it.
            labels: (n,) int64.
            batches: (n_steps, batch_size) int64.
            layers: from `memory.place_layers`.
            panel_rows: from `memory.panel_rows`.
            state: a `State`.
            scratch: a `Scratch`. Afterwards its losses are sums over the epoch.
            rate: the learning rate, float32.
            first_step: number of steps before this epoch.
            arrivals: see `barrier.wait`.
            thread: 0 to n_threads - 1.
            n_threads: number of threads.
        """
        n_steps, batch_size = batches.shape
        first_group, last_group = share(-(-batch_size // MAX_ROWS), thread, n_threads)
        first, stop = first_group * MAX_ROWS, min(last_group * MAX_ROWS, batch_size)
        scratch.losses[first:stop] = 0
        for step in range(n_steps):
            start = first
            while start < stop:
                n = MAX_ROWS
                while n > stop - start:
                    n //= 2
                # While these examples are computed, fetch the images of the next ones.
                if start + n < stop:
                    prefetch_images(images, batches[step], start + n, stop)
                elif step + 1 < n_steps:
                    prefetch_images(images, batches[step + 1], first, stop)
                train_examples(
                    images, scale, labels, batches[step], layers, panel_rows, state, scratch,
                    start, n,
                )  # fmt: skip
                start += n
            barrier.wait(arrivals, thread, n_threads)
            step_rate = rate_of_step(rate, first_step + step + 1)
            for index in range(len(layers)):
                update(
                    state, scratch, layers, index, panel_rows, batch_size, step_rate, thread,
                    n_threads,
                )  # fmt: skip
            barrier.wait(arrivals, thread, n_threads)

    function: Callable[..., None] = train_epoch
    return function


@compiled
def prefetch_images(images: Any, rows: Any, start: Any, stop: Any) -> None:
    """Prefetch up to eight images of a batch, from its row `start` on."""
    for example in range(start, min(start + MAX_ROWS, stop)):
        image = images.ctypes.data + rows[example] * images.strides[0]
        prefetch(image, images.strides[0])


def _compile_passes(recipe: Recipe) -> tuple[Any, Any]:
    """Return functions for the forward and the backward pass of n = 8, 4, 2 or 1 examples."""
    activate, slope = ACTIVATIONS[recipe.activation]

    @compiled
    def go_forward(
        state: Any, scratch: Any, layers: Any, panel_rows: Any, start: Any, n: Any
    ) -> None:
        """Compute the outputs of all layers."""
        values, parameters = scratch.values, state.parameters
        for index in range(len(layers)):
            layer = layers[index]
            multiply(
                address(values, layer.inputs * panel_rows + start),
                layer.n_input_panels,
                address(parameters, layer.weights),
                address(values, layer.outputs * panel_rows + start),
                layer.n_panels, panel_rows * ROW_BYTES, n,
            )  # fmt: skip
            is_hidden = index < len(layers) - 1
            for panel in range(layer.n_panels):
                first, bias = (layer.outputs + panel) * panel_rows + start, layer.bias + panel
                for row in range(first, first + n):
                    for column in range(PANEL):
                        values[row, column] += parameters[bias, column]
                    if is_hidden:
                        for column in range(PANEL):
                            values[row, column] = activate(values[row, column])
                        # Columns that are no units, in the last panel:
                        for column in range(layer.n_units - panel * PANEL, PANEL):
                            values[row, column] = 0

    @compiled
    def go_backward(
        state: Any, scratch: Any, layers: Any, panel_rows: Any, start: Any, n: Any
    ) -> None:
        """Compute the deltas of all layers but the last one, whose deltas are given."""
        values, deltas = scratch.values, scratch.deltas
        for index in range(len(layers) - 1, 0, -1):
            layer = layers[index]
            multiply(
                address(deltas, layer.outputs * panel_rows + start),
                layer.n_panels,
                address(state.transposed, layer.transposed),
                address(deltas, layer.inputs * panel_rows + start),
                layer.n_input_panels, panel_rows * ROW_BYTES, n,
            )  # fmt: skip
            for panel in range(layer.n_input_panels):
                first = (layer.inputs + panel) * panel_rows + start
                for row in range(first, first + n):
                    for column in range(PANEL):
                        deltas[row, column] *= slope(values[row, column])

    return go_forward, go_backward


def _compile_update(optimize: Any, *, is_sgd: bool) -> Any:
    """Return the function that updates one thread's share of a layer's weights and biases."""

    @compiled
    def update_block(
        state: Any, inputs: Any, deltas: Any, weights: Any, gradient: Any, batch_size: Any,
        rate: Any,
    ) -> None:  # fmt: skip
        """Update 16 x 16 weights, from row `weights` on; `inputs`, `deltas` are addresses."""
        scale, unused = np.float32(1 / batch_size), np.float32(0)
        for row in range(0, PANEL, MAX_ROWS):
            columns = inputs + row * FLOAT_BYTES
            if is_sgd:  # W -= rate x^T delta, in one pass
                target = address(state.parameters, weights + row)
                update_8(columns, ROW_BYTES, deltas, batch_size, target, -rate * scale)
            else:
                target = address(gradient, row)
                gradient_8(columns, ROW_BYTES, deltas, batch_size, target, unused)
        if not is_sgd:
            optimize(state, weights, gradient, PANEL, scale, rate)

    @compiled
    def update_bias(
        state: Any, bias: Any, deltas: Any, first: Any, gradient: Any, batch_size: Any, rate: Any
    ) -> None:
        """Update 16 biases, row `bias`; their deltas begin at row `first`."""
        for column in range(PANEL):
            gradient[0, column] = 0
        for row in range(first, first + batch_size):
            for column in range(PANEL):
                gradient[0, column] += deltas[row, column]
        optimize(state, bias, gradient, 1, np.float32(1 / batch_size), rate)

    @compiled
    def update(
        state: Any, scratch: Any, layers: Any, index: Any, panel_rows: Any, batch_size: Any,
        rate: Any, thread: Any, n_threads: Any,
    ) -> None:  # fmt: skip
        layer, gradient = layers[index], scratch.gradients[thread]
        start, stop = share(layer.n_input_panels * layer.n_panels, thread, n_threads)
        for block in range(start, stop):
            input_panel, panel = block // layer.n_panels, block % layer.n_panels
            inputs = address(scratch.values, (layer.inputs + input_panel) * panel_rows)
            deltas = address(scratch.deltas, (layer.outputs + panel) * panel_rows)
            weights = layer.weights + (panel * layer.n_input_panels + input_panel) * PANEL
            update_block(state, inputs, deltas, weights, gradient, batch_size, rate)
            if index > 0:
                target = layer.transposed + (input_panel * layer.n_panels + panel) * PANEL
                transpose(address(state.parameters, weights), address(state.transposed, target))
        start, stop = share(layer.n_panels, thread, n_threads)
        for panel in range(start, stop):
            first = (layer.outputs + panel) * panel_rows
            update_bias(
                state, layer.bias + panel, scratch.deltas, first, gradient, batch_size, rate
            )

    return update


@compiled
def address(array: Any, row: Any) -> Any:
    """Return the address of a row of 16 numbers."""
    return array.ctypes.data + ROW_BYTES * row


@compiled
def share(n: Any, thread: Any, n_threads: Any) -> Any:
    """Return the beginning and the end of a thread's share of n items."""
    return n * thread // n_threads, n * (thread + 1) // n_threads


@compiled
def multiply(
    a: Any, n_blocks: Any, b: Any, c: Any, n_panels: Any, panel_bytes: Any, n: Any
) -> None:
    """Compute n rows of C = A B, n = 8, 4, 2 or 1; see `tile`.

    A and C have one row per example and `panel_bytes` from panel to panel.
    """
    b_panel_bytes, unused = n_blocks * PANEL * ROW_BYTES, np.float32(0)
    for panel in range(n_panels):
        b_panel, c_panel = b + panel * b_panel_bytes, c + panel * panel_bytes
        if n == 8:
            forward_8(a, panel_bytes, b_panel, n_blocks, c_panel, unused)
        elif n == 4:
            forward_4(a, panel_bytes, b_panel, n_blocks, c_panel, unused)
        elif n == 2:
            forward_2(a, panel_bytes, b_panel, n_blocks, c_panel, unused)
        else:
            forward_1(a, panel_bytes, b_panel, n_blocks, c_panel, unused)
