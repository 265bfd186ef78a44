"""How good a model is, from its scores. The same NumPy code judges every implementation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, LabelArray, Recipe

DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A model's mean loss and accuracy over a set of examples; the loss may be infinite or NaN."""

    loss: float
    accuracy: float


def judge(scores: FloatArray, labels: LabelArray, recipe: Recipe) -> Quality:
    """Return the recipe's mean loss and the accuracy, computed in float64.

    Args:
        scores: (n, 10), the last layer's sums.
        labels: (n,) in 0..9.
    """
    sums = scores.astype(np.float64)
    rows = np.arange(len(labels))
    if recipe.loss == "cross_entropy":
        losses = -log_softmax(sums)[rows, labels]
    else:
        errors = softmax(sums) if recipe.output == "softmax" else sigmoid(sums)
        errors[rows, labels] -= 1
        losses = np.square(errors).sum(axis=1)
        losses /= errors.shape[1] if recipe.loss == "mean_squared_error" else 2
    correct = scores.argmax(axis=1) == labels
    return Quality(loss=float(losses.mean()), accuracy=float(correct.mean()))


def log_softmax(sums: DoubleArray) -> DoubleArray:
    """Return z_k - log(sum_j exp(z_j)) for each row, without overflow."""
    shifted: DoubleArray = sums - sums.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(sums: DoubleArray) -> DoubleArray:
    """Return exp(z_k) / sum_j exp(z_j) for each row."""
    outputs: DoubleArray = np.exp(log_softmax(sums))
    return outputs


def sigmoid(sums: DoubleArray) -> DoubleArray:
    """Return 1 / (1 + exp(-z)), through tanh, which does not overflow."""
    halves: DoubleArray = np.tanh(0.5 * sums)
    return 0.5 * (1 + halves)


def confusion_matrix(scores: FloatArray, labels: LabelArray) -> tuple[tuple[int, ...], ...]:
    """Count examples by true class (rows) and predicted class (columns)."""
    n_classes = scores.shape[1]
    pairs = labels * n_classes + scores.argmax(axis=1)
    counts = np.bincount(pairs, minlength=n_classes * n_classes).reshape(n_classes, n_classes)
    return tuple(tuple(int(count) for count in row) for row in counts)
