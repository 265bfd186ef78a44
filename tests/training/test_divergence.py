import math

import numpy as np
import pytest

from bench.data.splits import Split
from bench.records import EpochRecord
from bench.training.divergence import has_diverged, training_sample


def epoch(sample_loss, validation_loss=None):
    return EpochRecord(
        epoch=0,
        train_loss=None,
        validation_loss=validation_loss,
        validation_accuracy=None,
        train_seconds=0.0,
        evaluate_seconds=0.0,
        training_sample_loss=sample_loss,
    )


@pytest.mark.parametrize(
    ("sample_loss", "validation_loss", "at_once", "at_the_end"),
    [
        (0.3, 0.4, False, False),
        (2.4, 9.0, False, False),  # overfitting raises the validation loss alone
        (9.0, 9.0, False, True),
        (3000.0, 9.0, True, True),
        (0.3, 3000.0, True, True),
        (None, 0.4, True, True),
        (0.3, None, True, True),
    ],
)
def test_losses_are_compared_with_those_of_the_untrained_model(
    sample_loss, validation_loss, at_once, at_the_end
):
    epochs = [epoch(2.3, 2.3), epoch(sample_loss, validation_loss)]
    assert has_diverged(epochs) is at_once
    assert has_diverged(epochs, test_loss=0.4) is at_the_end


def test_without_a_validation_set_the_training_sample_decides():
    assert not has_diverged([epoch(2.3), epoch(0.3)], test_loss=0.4)
    assert has_diverged([epoch(2.3), epoch(9.0)], test_loss=0.4)


@pytest.mark.parametrize("test_loss", [math.inf, math.nan])
def test_a_test_loss_that_is_not_finite_is_divergence(test_loss):
    assert has_diverged([epoch(2.3), epoch(0.3)], test_loss)


@pytest.mark.parametrize(("n_examples", "size"), [(1, 1), (999, 999), (54_000, 1000)])
def test_the_sample_is_spread_over_the_training_set(n_examples, size):
    images = np.arange(n_examples, dtype=np.float32)[:, None]
    none, no_labels = images[:0], np.arange(0)
    split = Split(
        train_images=images,
        train_labels=np.arange(n_examples),
        validation_images=none,
        validation_labels=no_labels,
        test_images=none,
        test_labels=no_labels,
    )
    sample_images, labels = training_sample(split)
    assert len(labels) == size == len(np.unique(labels))
    assert labels[0] == 0
    assert labels[-1] == n_examples - 1
    assert sample_images[:, 0].tolist() == labels.tolist()
