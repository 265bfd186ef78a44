"""All randomness of a run: initial parameters and the order of the examples, from a seed.

Every implementation gets the same arrays, so none of them draws anything itself.
"""

from __future__ import annotations

import itertools
import math
from enum import IntEnum

import numpy as np

from bench.contract import Batches, Layer, Parameters


class Stream(IntEnum):
    """Keeps what is drawn for one purpose independent of what is drawn for another."""

    PARAMETERS = 0
    ORDER = 1


def initial_parameters(seed: int, layer_sizes: tuple[int, ...], initializer: str) -> Parameters:
    """Draw the parameters that training starts from; biases are zero but for `notebook`.

    he_normal: weights ~ N(0, 2 / fan_in). He et al. 2015, arXiv:1502.01852.
    notebook: weights and biases ~ N(0, 2 / fan_in).
    glorot_uniform: weights ~ U(-a, a), a = sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010.

    Args:
        seed: 0 or more.
        layer_sizes: units of each layer, input and output included.

    Returns:
        One float32 layer per pair of neighbouring sizes.
    """
    generator = np.random.default_rng((seed, Stream.PARAMETERS))
    layers = []
    for fan_in, fan_out in itertools.pairwise(layer_sizes):
        bias = np.zeros(fan_out)
        if initializer == "glorot_uniform":
            bound = math.sqrt(6.0 / (fan_in + fan_out))
            weights = generator.uniform(-bound, bound, (fan_in, fan_out))
        else:
            deviation = math.sqrt(2.0 / fan_in)
            weights = generator.normal(0.0, deviation, (fan_in, fan_out))
            if initializer == "notebook":
                bias = generator.normal(0.0, deviation, fan_out)
        layers.append(Layer(weights.astype(np.float32), bias.astype(np.float32)))
    return tuple(layers)


def batches(
    seed: int, epoch: int, n_examples: int, batch_size: int, *, shuffle: bool = True
) -> Batches:
    """Order the examples, anew for each epoch unless `shuffle` is off, and cut them into batches.

    Returns:
        (n_examples // batch_size, batch_size) row numbers; what is left over is dropped.
    """
    n_steps = n_examples // batch_size
    if shuffle:
        order = np.random.default_rng((seed, Stream.ORDER, epoch)).permutation(n_examples)
    else:
        order = np.arange(n_examples)
    return order[: n_steps * batch_size].reshape(n_steps, batch_size)
