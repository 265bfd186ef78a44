"""Decide whether a run has diverged, from losses that the harness computes.

The training loss that an implementation reports is recorded but not used: some frameworks clip it
or skip values that are not finite. The harness computes the loss over the same sample of the
training set before training and after every epoch, with or without a validation set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.contract import FloatArray, LabelArray
from bench.data.splits import Split
from bench.records import EpochRecord

# A run is stopped at this multiple of the untrained model's loss. No run was observed to recover
# from it; runs with smaller multiples in the first epochs may still learn.
DIVERGED_RATIO = 1000
# At the end, a smaller multiple is enough. A step that is much too long can switch off every ReLU:
# then the loss stays finite, but well above the loss of the untrained model.
FAILED_RATIO = 1.5
MAX_SAMPLE_SIZE = 1000


def training_sample(split: Split) -> tuple[FloatArray, LabelArray]:
    """Return up to 1000 examples, evenly spaced over the training set.

    Returns:
        Copies: images (n, 784) float32 and labels (n,) int64.
    """
    n_examples = len(split.train_labels)
    rows = np.linspace(0, n_examples - 1, min(n_examples, MAX_SAMPLE_SIZE)).astype(np.int64)
    return split.train_images[rows], split.train_labels[rows]


def has_diverged(epochs: Sequence[EpochRecord], test_loss: float | None = None) -> bool:
    """Decide whether a loss is not finite, or far above the loss of the untrained model.

    Args:
        epochs: all epochs so far; the first one is the untrained model.
        test_loss: loss on the test set after the last epoch; None before that.
    """
    untrained, latest = epochs[0], epochs[-1]
    losses = [latest.training_sample_loss]
    if untrained.validation_loss is not None:
        losses.append(latest.validation_loss)
    before = untrained.training_sample_loss or 1.0
    if any(loss is None or loss > DIVERGED_RATIO * before for loss in losses):
        return True
    if test_loss is None:
        return False
    return not math.isfinite(test_loss) or (losses[0] or 0.0) > FAILED_RATIO * before
