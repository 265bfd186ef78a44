"""The parts of a dataset: for training, validation and test."""

import numpy as np
import pytest

from bench.data import datasets, splits
from bench.data.errors import DatasetError
from tests.data.conftest import SYNTHETIC


def test_the_validation_set_is_the_last_part_of_the_training_set(real):
    split = splits.split(real, 0.2)
    assert split.train_images.shape == (48_000, 784)
    assert split.validation_images.shape == (12_000, 784)
    assert split.test_images.shape == (10_000, 784)
    assert split.validation_labels.tolist() == real.train_labels[48_000:].tolist()
    assert split.train_labels.tolist() == real.train_labels[:48_000].tolist()
    for images in (split.train_images, split.validation_images, split.test_images):
        assert images.dtype == np.float32
        assert images.min() == 0
        assert images.max() == 1
    expected = (real.train_images[48_000] / 255.0).astype(np.float32)
    np.testing.assert_array_equal(split.validation_images[0], expected)


def test_without_validation_all_examples_are_for_training():
    split = splits.split(datasets.load(SYNTHETIC, None), 0)
    assert len(split.train_labels) == len(split.train_images) == 2_000
    assert split.validation_images.shape == (0, 784)
    assert split.validation_labels.shape == (0,)


@pytest.mark.parametrize("fraction", [1.0, 0.9999, -0.1, 2.0])
def test_a_split_without_training_examples_is_refused(fraction):
    with pytest.raises(DatasetError, match=f"validation_fraction={fraction}"):
        splits.split(datasets.load(SYNTHETIC, None), fraction)
