"""All randomness of a run: initial parameters and the order of the examples, from a seed.

Every implementation gets the same arrays and draws nothing itself.
"""

from __future__ import annotations

import itertools
import math
from enum import IntEnum

import numpy as np

from bench.contract import Batches, Layer, Parameters


class Stream(IntEnum):
    """Purposes of random numbers; each has its own stream for the same seed."""

    PARAMETERS = 0
    ORDER = 1


def initial_parameters(seed: int, layer_sizes: tuple[int, ...], initializer: str) -> Parameters:
    """Draw the parameters that training starts from.

    - he_normal: weights ~ N(0, 2 / fan_in), biases 0. He et al. 2015, arXiv:1502.01852.
    - notebook: weights and biases ~ N(0, 2 / fan_in).
    - glorot_uniform: weights ~ U(-a, a), a = sqrt(6 / (fan_in + fan_out)), biases 0. Glorot and
      Bengio 2010.

    Args:
        seed: 0 or more.
        layer_sizes: units of each layer, input and output included.
        initializer: one of the three names above.

    Returns:
        One layer per pair of neighbouring sizes: weights (fan_in, fan_out) and bias (fan_out,),
        drawn in float64 and rounded to float32.
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
    """Order the examples and cut them into whole batches.

    The examples that do not fill a last batch are left out of this epoch: batches of one shape are
    compiled once, and all examples have the same weight in the mean loss. With `shuffle`, every
    epoch leaves out other examples; without it, always the last ones of the training set. The
    `examples_per_epoch` of a record is the number of examples that are trained on.

    Args:
        seed: 0 or more.
        epoch: 1 or more; with `shuffle`, every epoch has its own order.
        n_examples: size of the training set.
        batch_size: 1 to `n_examples`.
        shuffle: draw a random order; otherwise use the order of the training set.

    Returns:
        (n_examples // batch_size, batch_size) int64, rows of the training set.
    """
    n_steps = n_examples // batch_size
    if shuffle:
        order = np.random.default_rng((seed, Stream.ORDER, epoch)).permutation(n_examples)
    else:
        order = np.arange(n_examples)
    return order[: n_steps * batch_size].reshape(n_steps, batch_size)
