"""Split a dataset into images for training, validation and test, scaled to [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.contract import FloatArray, LabelArray
from bench.data.datasets import Dataset, ImageArray
from bench.data.errors import DatasetError


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Images and labels for training and evaluation.

    Attributes:
        train_images: (n_train, 784) float32 in [0, 1].
        train_labels: (n_train,) int64 in 0 to 9.
        validation_images: (n_validation, 784); may be empty.
        validation_labels: (n_validation,).
        test_images: (n_test, 784).
        test_labels: (n_test,).
    """

    train_images: FloatArray
    train_labels: LabelArray
    validation_images: FloatArray
    validation_labels: LabelArray
    test_images: FloatArray
    test_labels: LabelArray


def validation_size(n_examples: int, validation_fraction: float) -> int:
    """Return the number of training examples that become the validation set.

    Args:
        n_examples: size of the whole training set.
        validation_fraction: from 0 to 1.

    Returns:
        The nearest whole number; of two, the even number.
    """
    return round(n_examples * validation_fraction)


def split(dataset: Dataset, validation_fraction: float) -> Split:
    """Make the last part of the training set the validation set, and scale images to [0, 1].

    Args:
        dataset: the whole dataset.
        validation_fraction: from 0, for an empty validation set, up to but not including 1.

    Returns:
        float32 images and int64 labels.

    Raises:
        DatasetError: no training example is left.
    """
    n_examples = len(dataset.train_labels)
    n_train = n_examples - validation_size(n_examples, validation_fraction)
    if not 0 < n_train <= n_examples:
        raise DatasetError(
            f"validation_fraction={validation_fraction}: leaves {n_train} of {n_examples} "
            "examples to train on; give a smaller fraction, from 0 on"
        )
    train_images = _scale(dataset.train_images)
    return Split(
        train_images=train_images[:n_train],
        train_labels=dataset.train_labels[:n_train],
        validation_images=train_images[n_train:],
        validation_labels=dataset.train_labels[n_train:],
        test_images=_scale(dataset.test_images),
        test_labels=dataset.test_labels,
    )


def _scale(images: ImageArray) -> FloatArray:
    return np.divide(images, 255, dtype=np.float32)
