"""How good a model is, from its scores. The same NumPy code judges every implementation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.contract import FloatArray, LabelArray


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A model's mean loss and accuracy over a set of examples; the loss may be infinite or NaN."""

    loss: float
    accuracy: float


def judge(scores: FloatArray, labels: LabelArray) -> Quality:
    """Return softmax cross-entropy and accuracy, computed in float64.

    loss = mean over examples of log(sum_k exp(score_k)) - score_label

    Args:
        scores: (n, 10), the last layer's sums.
        labels: (n,) in 0..9.
    """
    shifted = scores.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    log_normaliser = np.log(np.exp(shifted).sum(axis=1))
    losses = log_normaliser - shifted[np.arange(len(labels)), labels]
    correct = scores.argmax(axis=1) == labels
    return Quality(loss=float(losses.mean()), accuracy=float(correct.mean()))


def confusion_matrix(scores: FloatArray, labels: LabelArray) -> tuple[tuple[int, ...], ...]:
    """Count examples by true class (rows) and predicted class (columns)."""
    n_classes = scores.shape[1]
    pairs = labels * n_classes + scores.argmax(axis=1)
    counts = np.bincount(pairs, minlength=n_classes * n_classes).reshape(n_classes, n_classes)
    return tuple(tuple(int(count) for count in row) for row in counts)
