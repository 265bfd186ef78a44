"""Training steps as loops that Numba compiles for one recipe.

A layer with inputs x, weights W and bias b has the outputs a = f(z), z = x W + b, with the
activation f. delta is the gradient of one example's loss with respect to z:

    last layer:    delta = dL/dlogits
    layer before:  delta = (delta W^T) f'(z)
    gradients:     dL/dW = x^T delta / batch_size,  dL/db = sum over examples of delta / batch_size

The way from an image to its deltas concerns one example only: a thread takes its examples through
all layers, eight at a time. The gradient of a weight concerns all examples: the threads wait for
each other, then each one updates its share of the weights. No sum is split between threads, so the
result does not depend on their number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from bench.contract import Recipe
from implementations.numba_mlp import barrier
from implementations.numba_mlp.equations import ACTIVATIONS, compile_loss, compile_optimizer
from implementations.numba_mlp.memory import BLOCK, PANEL
from implementations.numba_mlp.tiles import FLOAT_BYTES, ROW_BYTES, convert, tile, transpose

MAX_ROWS = 8  # of a tile

compiled = njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})

forward_8, forward_4, forward_2, forward_1 = (tile(n_rows) for n_rows in (8, 4, 2, 1))
gradient_8 = tile(MAX_ROWS, transposed=True)
update_8 = tile(MAX_ROWS, transposed=True, accumulate=True)


@functools.cache
def compile_epoch(recipe: Recipe, image_type: np.dtype[Any]) -> Callable[..., None]:
    """Return the function that trains one epoch; Numba compiles it at the first call.

    All threads call it, with the same arguments except for `thread`:

        images: (n, 16 n_panels) of `image_type`.
        scale: float32; images are multiplied by it.
        labels: (n,) int64.
        batches: (n_steps, batch_size) int64.
        layers: from `memory.place_layers`.
        n_rows: from `memory.rows_for`.
        memory: a `Memory`. Afterwards its `losses` are sums over the epoch.
        rate: the learning rate, float32.
        first_step: number of steps before this epoch.
        arrivals: see `barrier.wait`.
        thread: 0 to n_threads - 1.
        n_threads: number of threads.

    Args:
        recipe: the equations.
        image_type: uint8 or float32.
    """
    take_forward, take_backward = _compile_passes(recipe)
    find_delta = compile_loss(recipe)
    optimize, rate_of_step = compile_optimizer(recipe)
    update = _compile_update(optimize, is_sgd=recipe.optimizer == "sgd")
    convert_image = convert(image_type)

    @compiled
    def train_rows(
        images: Any, scale: Any, labels: Any, rows: Any, layers: Any, n_rows: Any, memory: Any,
        row: Any, n: Any,
    ) -> None:  # fmt: skip
        """Take n examples of a batch from images to deltas."""
        n_panels, panel_bytes = images.shape[1] // PANEL, n_rows * ROW_BYTES
        for example in range(row, row + n):
            image = images.ctypes.data + rows[example] * images.strides[0]
            target = address(memory.values, example * PANEL)
            convert_image(image, n_panels, scale, target, panel_bytes)
        take_forward(memory, layers, n_rows, row, n)
        for example in range(row, row + n):
            start = layers[len(layers) - 1].outputs + example * PANEL
            logits, delta = memory.values[start:][:PANEL], memory.deltas[start:][:PANEL]
            memory.losses[example] += find_delta(logits, labels[rows[example]], delta)
        take_backward(memory, layers, n_rows, row, n)

    @compiled
    def train_epoch(
        images: Any, scale: Any, labels: Any, batches: Any, layers: Any, n_rows: Any, memory: Any,
        rate: Any, first_step: Any, arrivals: Any, thread: Any, n_threads: Any,
    ) -> None:  # fmt: skip
        n_steps, batch_size = batches.shape
        start, stop = share(-(-batch_size // MAX_ROWS), thread, n_threads)  # in groups of rows
        start, stop = start * MAX_ROWS, min(stop * MAX_ROWS, batch_size)
        memory.losses[start:stop] = 0
        for step in range(n_steps):
            rows = batches[step]
            row = start
            while row < stop:
                n = MAX_ROWS
                while n > stop - row:
                    n //= 2
                train_rows(images, scale, labels, rows, layers, n_rows, memory, row, n)
                row += n
            barrier.wait(arrivals, thread, n_threads)
            step_rate = rate_of_step(rate, first_step + step + 1)
            for index in range(len(layers)):
                update(memory, layers, index, n_rows, batch_size, step_rate, thread, n_threads)
            barrier.wait(arrivals, thread, n_threads)

    function: Callable[..., None] = train_epoch
    return function


def _compile_passes(recipe: Recipe) -> tuple[Any, Any]:
    """Return functions for the forward and the backward pass of n = 8, 4, 2 or 1 examples."""
    activate, slope = ACTIVATIONS[recipe.activation]

    @compiled
    def finish(outputs: Any, bias: Any, n_units: Any, is_hidden: Any) -> None:
        """Compute a = f(z + b) of one example in one panel, which has n_units."""
        for column in range(PANEL):
            outputs[column] += bias[column]
        if is_hidden:
            for column in range(PANEL):
                outputs[column] = activate(outputs[column])
            for column in range(n_units, PANEL):  # the columns that fill up the last panel
                outputs[column] = 0

    @compiled
    def take_forward(memory: Any, layers: Any, n_rows: Any, row: Any, n: Any) -> None:
        """Compute the outputs of all layers."""
        for index in range(len(layers)):
            layer = layers[index]
            multiply(
                address(memory.values, layer.inputs + row * PANEL),
                layer.n_input_panels,
                address(memory.parameters, layer.weights),
                address(memory.values, layer.outputs + row * PANEL),
                layer.n_panels, n_rows * ROW_BYTES, n,
            )  # fmt: skip
            for panel in range(layer.n_panels):
                bias = memory.parameters[layer.bias + panel * PANEL :][:PANEL]
                for example in range(row, row + n):
                    start = layer.outputs + (panel * n_rows + example) * PANEL
                    outputs = memory.values[start:][:PANEL]
                    n_units = layer.n_units - panel * PANEL
                    finish(outputs, bias, n_units, index < len(layers) - 1)

    @compiled
    def take_backward(memory: Any, layers: Any, n_rows: Any, row: Any, n: Any) -> None:
        """Compute the deltas of all layers but the last one, whose deltas are given."""
        for index in range(len(layers) - 1, 0, -1):
            layer = layers[index]
            multiply(
                address(memory.deltas, layer.outputs + row * PANEL),
                layer.n_panels,
                address(memory.transposed, layer.transposed),
                address(memory.deltas, layer.inputs + row * PANEL),
                layer.n_input_panels, n_rows * ROW_BYTES, n,
            )  # fmt: skip
            for panel in range(layer.n_input_panels):
                start = layer.inputs + (panel * n_rows + row) * PANEL
                for i in range(start, start + n * PANEL):
                    memory.deltas[i] *= slope(memory.values[i])

    return take_forward, take_backward


def _compile_update(optimize: Any, *, is_sgd: bool) -> Any:
    """Return the function that updates one thread's share of a layer's weights and biases."""

    @compiled
    def update_block(
        memory: Any, inputs: Any, deltas: Any, weights: Any, gradient: Any, batch_size: Any,
        rate: Any,
    ) -> None:  # fmt: skip
        """Update 16 x 16 weights. `inputs` and `deltas` are addresses of panels."""
        scale = np.float32(1 / batch_size)
        for row in range(0, PANEL, MAX_ROWS):
            if is_sgd:  # W -= rate x^T delta, in one go
                target = address(memory.parameters, weights + row * PANEL)
                update_8(
                    inputs + row * FLOAT_BYTES, ROW_BYTES, deltas, batch_size, target, -rate * scale
                )
            else:
                target = address(gradient, row * PANEL)
                gradient_8(inputs + row * FLOAT_BYTES, ROW_BYTES, deltas, batch_size, target, scale)
        if not is_sgd:
            optimize(memory, weights, gradient, scale, rate)

    @compiled
    def update_bias(
        memory: Any, bias: Any, deltas: Any, gradient: Any, batch_size: Any, rate: Any
    ) -> None:
        """Update 16 biases. `bias` and `deltas` are positions in memory."""
        gradient[:] = 0
        for example in range(batch_size):
            delta = memory.deltas[deltas + example * PANEL :][:PANEL]
            for column in range(PANEL):
                gradient[column] += delta[column]
        optimize(memory, bias, gradient, np.float32(1 / batch_size), rate)

    @compiled
    def update(
        memory: Any, layers: Any, index: Any, n_rows: Any, batch_size: Any, rate: Any,
        thread: Any, n_threads: Any,
    ) -> None:  # fmt: skip
        layer, gradient = layers[index], memory.gradients[thread]
        start, stop = share(layer.n_input_panels * layer.n_panels, thread, n_threads)
        for block in range(start, stop):
            input_panel, panel = block // layer.n_panels, block % layer.n_panels
            inputs = address(memory.values, layer.inputs + input_panel * n_rows * PANEL)
            deltas = address(memory.deltas, layer.outputs + panel * n_rows * PANEL)
            weights = layer.weights + (panel * layer.n_input_panels + input_panel) * BLOCK
            update_block(memory, inputs, deltas, weights, gradient, batch_size, rate)
            if index > 0:
                target = layer.transposed + (input_panel * layer.n_panels + panel) * BLOCK
                transpose(address(memory.parameters, weights), address(memory.transposed, target))
        start, stop = share(layer.n_panels, thread, n_threads)
        for panel in range(start, stop):
            bias, deltas = layer.bias + panel * PANEL, layer.outputs + panel * n_rows * PANEL
            update_bias(memory, bias, deltas, gradient[:PANEL], batch_size, rate)

    return update


@compiled
def address(array: Any, position: Any) -> Any:
    """Return the address of a number in an array of float32."""
    return array.ctypes.data + FLOAT_BYTES * position


@compiled
def share(n: Any, thread: Any, n_threads: Any) -> Any:
    """Return the beginning and the end of a thread's share of n things."""
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
