"""Loss and accuracy from logits. The same NumPy code evaluates every implementation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, LabelArray, Recipe

DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Loss and accuracy of a model on a set of examples.

    Attributes:
        loss: mean over the examples; may be infinite or NaN.
        accuracy: share of the examples with the largest logit at the true class, 0 to 1.
    """

    loss: float
    accuracy: float


def evaluate(logits: FloatArray, labels: LabelArray, recipe: Recipe) -> Metrics:
    """Compute the recipe's mean loss, and the accuracy, in float64.

    With outputs p = softmax(z) or sigmoid(z), one-hot truth y and K classes, an example's loss is
    ``-log p_label`` (cross_entropy), ``sum_k (p_k - y_k)^2 / K`` (mean_squared_error) or
    ``sum_k (p_k - y_k)^2 / 2`` (half_squared_error).

    Args:
        logits: (n, K) float32, outputs z of the last layer before softmax or sigmoid.
        labels: (n,) int64 in 0..K-1.
        recipe: names the loss and the output function.
    """
    z = logits.astype(np.float64)  # (n, K)
    rows = np.arange(len(labels))
    if recipe.loss == "cross_entropy":
        losses = -log_softmax(z)[rows, labels]  # (n,)
    else:
        errors = softmax(z) if recipe.output == "softmax" else sigmoid(z)  # (n, K)
        errors[rows, labels] -= 1
        losses = np.square(errors).sum(axis=1)  # (n,)
        losses /= errors.shape[1] if recipe.loss == "mean_squared_error" else 2
    correct = logits.argmax(axis=1) == labels
    return Metrics(loss=float(losses.mean()), accuracy=float(correct.mean()))


def log_softmax(z: DoubleArray) -> DoubleArray:
    """Return z_k - log(sum_j exp(z_j)) for each row of z (n, K), without overflow."""
    shifted: DoubleArray = z - z.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(z: DoubleArray) -> DoubleArray:
    """Return exp(z_k) / sum_j exp(z_j) for each row of z (n, K)."""
    outputs: DoubleArray = np.exp(log_softmax(z))
    return outputs


def sigmoid(z: DoubleArray) -> DoubleArray:
    """Return 1 / (1 + exp(-z)), computed as (1 + tanh(z / 2)) / 2, which does not overflow."""
    half_tanh: DoubleArray = np.tanh(0.5 * z)
    return 0.5 * (1 + half_tanh)


def confusion_matrix(logits: FloatArray, labels: LabelArray) -> tuple[tuple[int, ...], ...]:
    """Count examples by true class (rows) and predicted class (columns).

    Args:
        logits: (n, K) float32.
        labels: (n,) int64 in 0..K-1.

    Returns:
        K rows of K counts.
    """
    n_classes = logits.shape[1]
    pairs = labels * n_classes + logits.argmax(axis=1)  # (n,)
    counts = np.bincount(pairs, minlength=n_classes * n_classes).reshape(n_classes, n_classes)
    return tuple(tuple(int(count) for count in row) for row in counts)


def mistakes(logits: FloatArray, labels: LabelArray) -> bytes:
    """Mark the examples whose predicted class is wrong, so that two runs can be compared by image.

    Args:
        logits: (n, K) float32.
        labels: (n,) int64 in 0..K-1.

    Returns:
        n bits, padded with zeros to whole bytes; the first example is the highest bit.
    """
    return np.packbits(logits.argmax(axis=1) != labels).tobytes()
