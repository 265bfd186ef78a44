"""Distances between two sets of parameters, and central differences of the loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, LabelArray, Layer, Parameters
from bench.parity.reference import Reference

Array = npt.NDArray[np.float64]

DIFFERENCE_STEP = 1e-5


def arrays_of(parameters: Parameters) -> list[Array]:
    """Return all weights and then all biases, in float64."""
    arrays = [layer.weights for layer in parameters] + [layer.bias for layer in parameters]
    return [array.astype(np.float64) for array in arrays]


def relative(error: npt.ArrayLike, scale: npt.ArrayLike) -> float:
    """Return the norm of an error, divided by the norm of the expected value."""
    return float(np.linalg.norm(error) / np.linalg.norm(scale))


def largest(distances: Iterable[float]) -> float:
    """Return the largest distance, or NaN if any is NaN; `max` may skip a NaN."""
    return float(np.max(list(distances)))


def distance_between(arrays: Sequence[Array], others: Sequence[Array]) -> float:
    """Return the Euclidean distance over all arrays together."""
    squares = [np.sum((a - b) ** 2) for a, b in zip(arrays, others, strict=True)]
    return float(np.sqrt(np.sum(squares)))


def moved_by_one_unit(parameters: Parameters) -> Parameters:
    """Return parameters moved to the next float32, up or down at random."""
    generator = np.random.default_rng(2)

    def moved(array: FloatArray) -> FloatArray:
        upwards = generator.random(array.shape) < 0.5
        return np.nextafter(array, np.where(upwards, np.inf, -np.inf).astype(np.float32))

    return tuple(Layer(moved(layer.weights), moved(layer.bias)) for layer in parameters)


def central_difference(
    reference: Reference,
    array: Array,
    index: int,
    images: FloatArray,
    labels: LabelArray,
) -> float:
    """Return (L(p + h) - L(p - h)) / 2h for one parameter p of the reference.

    Args:
        reference: its parameters are the same again afterwards.
        array: one of `reference.arrays`.
        index: index of p in the flattened array.
        images: (n, 784) float32.
        labels: (n,) int64.
    """
    flat = array.ravel()  # a view: the arrays are contiguous
    kept = flat[index]
    flat[index] = kept + DIFFERENCE_STEP
    above = reference.loss(images, labels)
    flat[index] = kept - DIFFERENCE_STEP
    below = reference.loss(images, labels)
    flat[index] = kept
    return (above - below) / (2 * DIFFERENCE_STEP)
