"""A generated dataset, for tests and first tries: each class is a random image plus noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.records import N_CLASSES, N_PIXELS

MAX_SIZE = 100_000  # examples of a set
MAX_NOISE = 120  # grey levels added or subtracted; a prototype has 0 to 255

Examples = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def generate(training_size: int, test_size: int, seed: int) -> tuple[Examples, Examples]:
    """Generate a dataset: each class is a random prototype image, each example one plus noise.

    All arithmetic is on integers, so a seed gives the same bytes on every machine.

    Args:
        training_size: examples of the training set.
        test_size: examples of the test set.
        seed: seed of the generator.

    Returns:
        Of the training set and of the test set: images (n, 784) uint8, and labels (n,) int64.
    """
    generator = np.random.default_rng(seed)
    prototypes = generator.integers(0, 256, (N_CLASSES, N_PIXELS), dtype=np.int16)

    def examples(size: int) -> Examples:
        labels = generator.integers(0, N_CLASSES, size, dtype=np.int64)
        images = generator.integers(-MAX_NOISE, MAX_NOISE + 1, (size, N_PIXELS), dtype=np.int16)
        images += prototypes[labels]
        return images.clip(0, 255, out=images).astype(np.uint8), labels

    return examples(training_size), examples(test_size)
