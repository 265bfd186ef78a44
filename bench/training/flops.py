"""The arithmetic in one training step of a multilayer perceptron."""

from __future__ import annotations

import itertools


def weight_counts(layer_sizes: tuple[int, ...]) -> list[int]:
    """Return the number of weights of each layer, without biases."""
    return [fan_in * fan_out for fan_in, fan_out in itertools.pairwise(layer_sizes)]


def parameter_count(layer_sizes: tuple[int, ...]) -> int:
    """Return the number of weights and biases."""
    return sum(weight_counts(layer_sizes)) + sum(layer_sizes[1:])


def flops_per_example(layer_sizes: tuple[int, ...]) -> int:
    """Return the multiplications and additions of one training step, per example.

    Each weight costs 2 in the forward pass, 2 for its own gradient and 2 for the gradient of the
    layer's inputs, which the first layer does not need: 6 sum(weights) - 2 first_layer_weights.
    Element-wise work is not counted, as is usual.

    Args:
        layer_sizes: units of each layer, input and output included.
    """
    weights = weight_counts(layer_sizes)
    return 6 * sum(weights) - 2 * weights[0]
