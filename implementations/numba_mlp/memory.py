"""Where numbers are stored: panels, layers and flat arrays.

A matrix (n_rows, n_columns) is stored in panels: an array (n_panels, n_rows, 16) of float32, in
which panel p contains columns 16 p to 16 p + 15, and the last panel is filled up with zeros.
Sixteen float32 are a cache line: one register of AVX-512, two of AVX2. All panels of all layers
are parts of a few flat arrays, because Numba passes these to a function in little time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, Layer, Parameters

PANEL = 16  # columns of a panel
BLOCK = PANEL * PANEL  # numbers in 16 rows of a panel
CACHE_LINE_BYTES = 64

LAYER = np.dtype(
    [
        ("n_input_panels", np.int64),
        ("n_panels", np.int64),  # of the outputs
        ("n_units", np.int64),
        # Positions in the flat arrays of `Memory`:
        ("weights", np.int64),  # in parameters: (n_panels, 16 n_input_panels, 16)
        ("bias", np.int64),  # in parameters: (n_panels, 16)
        ("transposed", np.int64),  # in transposed: (n_input_panels, 16 n_panels, 16)
        ("inputs", np.int64),  # in values: (n_input_panels, n_rows, 16)
        ("outputs", np.int64),  # in values and deltas: (n_panels, n_rows, 16)
    ]
)
Layers = npt.NDArray[Any]  # (n_layers,) of LAYER


class Memory(NamedTuple):
    """Flat arrays of float32; the first four are the state of training."""

    parameters: FloatArray
    first_moments: FloatArray  # the velocity of momentum, or Adam's m; placed like parameters
    second_moments: FloatArray  # Adam's v; placed like parameters
    transposed: FloatArray  # a copy of all weights but the first layer's
    values: FloatArray  # images and the outputs of all layers
    deltas: FloatArray  # placed like values
    gradients: FloatArray  # (n_threads, 256): each thread's gradient of one block
    losses: FloatArray  # (batch_size,): of each row of a batch, summed over an epoch


def place_layers(layer_sizes: tuple[int, ...], batch_size: int) -> Layers:
    """Decide where the arrays of each layer begin.

    Args:
        layer_sizes: units of each layer, including the input.
        batch_size: examples in a batch.
    """
    layers = np.zeros(len(layer_sizes) - 1, LAYER)
    parameters = transposed = 0
    values = 0
    for layer, n_inputs, n_units in zip(layers, layer_sizes[:-1], layer_sizes[1:], strict=True):
        layer["n_units"] = n_units
        layer["n_input_panels"], layer["n_panels"] = count_panels(n_inputs), count_panels(n_units)
        n_weights = int(layer["n_input_panels"] * layer["n_panels"]) * BLOCK
        layer["weights"], layer["bias"] = parameters, parameters + n_weights
        parameters += n_weights + int(layer["n_panels"]) * PANEL
        layer["transposed"] = transposed
        if values > 0:
            transposed += n_weights
        layer["inputs"] = values
        values += int(layer["n_input_panels"]) * rows_for(batch_size) * PANEL
        layer["outputs"] = values
    return layers


def allocate(layers: Layers, batch_size: int, n_threads: int) -> Memory:
    """Return the memory for layers from `place_layers`; all numbers are zero."""
    last = layers[-1]
    n_parameters = int(last["bias"] + last["n_panels"] * PANEL)
    n_transposed = int(last["transposed"] + last["n_input_panels"] * last["n_panels"] * BLOCK)
    n_values = int(last["outputs"] + last["n_panels"] * rows_for(batch_size) * PANEL)
    return Memory(
        parameters=zeros(n_parameters),
        first_moments=zeros(n_parameters),
        second_moments=zeros(n_parameters),
        transposed=zeros(n_transposed),
        values=zeros(n_values),
        deltas=zeros(n_values),
        gradients=zeros(n_threads, BLOCK),
        losses=zeros(batch_size),
    )


def with_state(memory: Memory, other: Memory) -> Memory:
    """Return `memory` with the state of training of another one; arrays are shared."""
    return memory._replace(
        parameters=other.parameters,
        first_moments=other.first_moments,
        second_moments=other.second_moments,
        transposed=other.transposed,
    )


def store(parameters: Parameters, layers: Layers, memory: Memory) -> None:
    """Copy weights and biases into memory."""
    for index, (layer, given) in enumerate(zip(layers, parameters, strict=True)):
        weights = to_panels(given.weights)
        memory.parameters[layer["weights"] :][: weights.size] = weights.ravel()
        memory.parameters[layer["bias"] :][: layer["n_units"]] = given.bias
        if index > 0:
            memory.transposed[layer["transposed"] :][: weights.size] = to_panels(
                given.weights.T
            ).ravel()


def load(layers: Layers, memory: Memory, n_inputs: int) -> Parameters:
    """Return copies of weights and biases.

    Args:
        layers: from `place_layers`.
        memory: contains the parameters.
        n_inputs: inputs of the first layer.
    """
    found = []
    for layer in layers:
        n_units = int(layer["n_units"])
        weights = memory.parameters[layer["weights"] : layer["bias"]]
        panels = weights.reshape(layer["n_panels"], -1, PANEL)
        bias = memory.parameters[layer["bias"] :][:n_units].copy()
        found.append(Layer(from_panels(panels, n_inputs, n_units), bias))
        n_inputs = n_units
    return tuple(found)


def rows_for(n_examples: int) -> int:
    """Return the rows of a panel with one row per example: an odd number.

    With a power of two, the same row of all panels would compete for a few places of the cache.
    """
    return n_examples | 1


def count_panels(n_columns: int) -> int:
    """Return the number of panels of a matrix."""
    return -(-n_columns // PANEL)


def to_panels(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy of a matrix in panels; the number of rows is rounded up to a multiple of 16."""
    n_rows, n_columns = (PANEL * count_panels(size) for size in matrix.shape)
    filled = np.zeros((n_rows, n_columns), matrix.dtype)
    filled[: matrix.shape[0], : matrix.shape[1]] = matrix
    return filled.reshape(n_rows, -1, PANEL).transpose(1, 0, 2)


def from_panels(panels: FloatArray, n_rows: int, n_columns: int) -> FloatArray:
    """Return a copy of a matrix (n_rows, n_columns) from its panels."""
    matrix = panels.transpose(1, 0, 2).reshape(panels.shape[1], -1)
    return matrix[:n_rows, :n_columns].copy()


def zeros(*shape: int) -> FloatArray:
    """Return an array of zeros that starts at the beginning of a cache line."""
    n_bytes = 4 * int(np.prod(shape))
    memory = np.zeros(n_bytes + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + n_bytes].view(np.float32).reshape(shape)
