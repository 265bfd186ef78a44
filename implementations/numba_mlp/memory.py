"""Where numbers are stored: panels, the state of training, and scratch memory for a batch.

A matrix (n_rows, n_columns) is stored in panels: an array (n_panels, n_rows, 16) of float32, in
which panel p contains columns 16 p to 16 p + 15, and the last panel is filled up with zeros.
Sixteen float32 are a cache line: one register of AVX-512, two of AVX2. The panels of all layers lie
one after the other in a few arrays (n, 16); compiled code finds them by their first row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, Layer, Parameters

PANEL = 16  # columns of a panel
CACHE_LINE_BYTES = 64

LAYER = np.dtype(
    [
        ("n_input_panels", np.int64),
        ("n_panels", np.int64),  # of the outputs
        ("n_units", np.int64),
        # The first row in arrays of `State`:
        ("weights", np.int64),  # of parameters: (n_panels, 16 n_input_panels, 16)
        ("bias", np.int64),  # of parameters: (n_panels, 16)
        ("transposed", np.int64),  # of transposed: (n_input_panels, 16 n_panels, 16)
        # The first panel in `Scratch`; a panel there has one row per example:
        ("inputs", np.int64),  # of values
        ("outputs", np.int64),  # of values and deltas
    ]
)
Layers = npt.NDArray[Any]  # (n_layers,) of LAYER


class State(NamedTuple):
    """What training changes, in arrays (n, 16) of float32."""

    parameters: FloatArray
    first_moments: FloatArray  # the velocity of momentum, or Adam's m; placed like parameters
    second_moments: FloatArray  # Adam's v; placed like parameters
    transposed: FloatArray  # a copy of all weights but the first layer's


class Scratch(NamedTuple):
    """Memory for a batch."""

    values: FloatArray  # (n, 16): images, and the outputs of all layers
    deltas: FloatArray  # (n, 16), placed like values
    gradients: FloatArray  # (n_threads, 16, 16): each thread's gradient of 16 x 16 weights
    losses: npt.NDArray[np.float64]  # (batch_size,): of each row of a batch, summed over an epoch


def place_layers(layer_sizes: tuple[int, ...]) -> Layers:
    """Decide where the arrays of each layer begin.

    Args:
        layer_sizes: units of each layer, including the input.
    """
    layers = np.zeros(len(layer_sizes) - 1, LAYER)
    n_parameters = n_transposed = n_panels = 0
    for index, layer in enumerate(layers):
        layer["n_units"] = layer_sizes[index + 1]
        layer["n_input_panels"] = count_panels(layer_sizes[index])
        layer["n_panels"] = count_panels(layer_sizes[index + 1])
        n_weights = int(layer["n_input_panels"] * layer["n_panels"]) * PANEL
        layer["weights"], layer["bias"] = n_parameters, n_parameters + n_weights
        n_parameters += n_weights + int(layer["n_panels"])
        layer["transposed"] = n_transposed
        n_transposed += n_weights if index > 0 else 0
        layer["inputs"], layer["outputs"] = n_panels, n_panels + int(layer["n_input_panels"])
        n_panels = int(layer["outputs"])
    return layers


def allocate_state(layers: Layers, parameters: Parameters) -> State:
    """Return copies of the parameters, and an optimizer's state of zeros."""
    last = layers[-1]
    n_parameters = int(last["bias"] + last["n_panels"])
    n_transposed = int(last["transposed"] + last["n_input_panels"] * last["n_panels"] * PANEL)
    state = State(
        parameters=zeros(n_parameters, PANEL),
        first_moments=zeros(n_parameters, PANEL),
        second_moments=zeros(n_parameters, PANEL),
        transposed=zeros(n_transposed, PANEL),
    )
    for index, (layer, given) in enumerate(zip(layers, parameters, strict=True)):
        weights = to_panels(given.weights).reshape(-1, PANEL)
        state.parameters[layer["weights"] :][: len(weights)] = weights
        bias = state.parameters[layer["bias"] :][: layer["n_panels"]]
        bias.reshape(-1)[: layer["n_units"]] = given.bias
        if index > 0:
            transposed = to_panels(given.weights.T).reshape(-1, PANEL)
            state.transposed[layer["transposed"] :][: len(transposed)] = transposed
    return state


def allocate_scratch(layers: Layers, batch_size: int, n_threads: int) -> Scratch:
    """Return memory of zeros for batches of one size."""
    n_rows = int(layers[-1]["outputs"] + layers[-1]["n_panels"]) * panel_rows(batch_size)
    return Scratch(
        values=zeros(n_rows, PANEL),
        deltas=zeros(n_rows, PANEL),
        gradients=zeros(n_threads, PANEL, PANEL),
        losses=np.zeros(batch_size),
    )


def load_parameters(layers: Layers, state: State, n_inputs: int) -> Parameters:
    """Return copies of weights and biases.

    Args:
        layers: from `place_layers`.
        state: contains the parameters.
        n_inputs: inputs of the first layer.
    """
    loaded = []
    for layer in layers:
        n_units = int(layer["n_units"])
        weights = state.parameters[layer["weights"] : layer["bias"]]
        panels = weights.reshape(layer["n_panels"], -1, PANEL)
        bias = state.parameters[layer["bias"] :][: layer["n_panels"]].reshape(-1)[:n_units]
        loaded.append(Layer(from_panels(panels, n_inputs, n_units), bias.copy()))
        n_inputs = n_units
    return tuple(loaded)


def panel_rows(n_examples: int) -> int:
    """Return the rows of a panel with one row per example: at least `n_examples`, and odd.

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
