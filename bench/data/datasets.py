"""Datasets to train on: load, split and summarise them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from bench.contract import FloatArray, LabelArray
from bench.data import fashion_mnist, idx_folder
from bench.data.errors import DatasetError
from bench.records import N_CLASSES, N_PIXELS, DatasetSummary

if TYPE_CHECKING:
    from bench.data.locate import Sources

ImageArray = npt.NDArray[np.uint8]

FASHION_MNIST, SYNTHETIC = "fashion_mnist", "synthetic"
IDX = "idx"  # until the files have been read: their name and checksum replace it

SAMPLE_SIZE = 20  # images of each set in reports
MAX_SYNTHETIC_SIZE = 100_000
MAX_NOISE = 120  # grey levels added or subtracted; a prototype has 0 to 255

SyntheticSize = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_SYNTHETIC_SIZE,
        description=f"a whole number from 1 to {MAX_SYNTHETIC_SIZE}",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSettings:
    """The dataset of a run; one file of conf/dataset.

    Attributes:
        name: "fashion_mnist", "synthetic", or a name and a checksum such as "kmnist-0f3a9c21".
        path: folder of the files; None to find or download Fashion-MNIST.
        training_size: examples of the synthetic training set, validation included.
        test_size: examples of the synthetic test set.
        seed: seed of the synthetic set.
    """

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9_]+(-[0-9a-f]{8})?\Z")]
    path: str | None = None
    training_size: SyntheticSize = 2_000
    test_size: SyntheticSize = 500
    seed: Annotated[
        int, Meta(ge=0, lt=2**32, description="a whole number from 0 to 4294967295")
    ] = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and labels as stored.

    Attributes:
        name: name of the dataset.
        train_images: (n, 784) grey levels, 0 to 255.
        train_labels: (n,) in 0 to 9.
        test_images: (n_test, 784) grey levels.
        test_labels: (n_test,).
        class_names: names of labels 0 to 9.
        fingerprint: 8 hexadecimal digits of a SHA-256 over the four arrays.
    """

    name: str
    train_images: ImageArray
    train_labels: LabelArray
    test_images: ImageArray
    test_labels: LabelArray
    class_names: tuple[str, ...]
    fingerprint: str


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


def locate(settings: DatasetSettings, sources: Sources | None = None) -> Path | None:
    """Find the dataset's folder; download the dataset if it is not on this machine.

    Args:
        settings: settings of the dataset.
        sources: places to search; None for the usual ones.

    Returns:
        An absolute folder, checked for Fashion-MNIST; None for a dataset without a folder.

    Raises:
        DatasetError: it can't be found or downloaded; the message lists all places.
    """
    if settings.name == SYNTHETIC:
        return None
    if settings.name != FASHION_MNIST:
        return Path(settings.path or "").expanduser().absolute()
    from bench.data import locate

    return locate.locate(settings.path, sources)


def load(settings: DatasetSettings, folder: Path | None) -> Dataset:
    """Load the dataset, checking every byte.

    Args:
        settings: settings of the dataset.
        folder: result of `locate`.

    Returns:
        The whole dataset.

    Raises:
        DatasetError: a file is missing, damaged or wrong.
    """
    if settings.name == SYNTHETIC:
        return _generate(settings)
    if folder is None:
        raise DatasetError(f"{settings.name} is read from a folder; none was given")
    if settings.name != FASHION_MNIST:
        return _load_idx_set(settings, folder)
    arrays = {file: fashion_mnist.read(folder, file)[1] for file in fashion_mnist.FILES}
    return Dataset(
        name=settings.name,
        train_images=arrays[fashion_mnist.TRAIN_IMAGES].reshape(-1, N_PIXELS),
        train_labels=arrays[fashion_mnist.TRAIN_LABELS].astype(np.int64),
        test_images=arrays[fashion_mnist.TEST_IMAGES].reshape(-1, N_PIXELS),
        test_labels=arrays[fashion_mnist.TEST_LABELS].astype(np.int64),
        class_names=fashion_mnist.CLASS_NAMES,
        fingerprint=_fingerprint(bytes.fromhex(file.sha256) for file in fashion_mnist.FILES),
    )


def with_contents(settings: DatasetSettings) -> DatasetSettings:
    """Replace the name `idx` by the name and the checksum of the files in its folder.

    Raises:
        DatasetError: no folder is given, or a file is missing, damaged or of another format.
    """
    if settings.name != IDX:
        return settings
    if not settings.path:
        raise DatasetError("must be the folder of the set's four files")
    try:
        found = idx_folder.read(Path(settings.path).expanduser().absolute())
    except (OSError, RuntimeError, ValueError) as error:  # too long, a null character, no such user
        raise DatasetError(str(error)) from error
    return replace(settings, name=f"{found.name}-{_fingerprint(found.digests)}")


def _load_idx_set(settings: DatasetSettings, folder: Path) -> Dataset:
    found = idx_folder.read(folder)
    name, _, fingerprint = settings.name.rpartition("-")
    if _fingerprint(found.digests) != fingerprint:
        raise DatasetError(f"{folder}: its files have changed since the run was planned")
    train_labels, test_labels, test_images, train_images = found.arrays
    return Dataset(
        name=name,
        train_images=train_images.reshape(-1, N_PIXELS),
        train_labels=train_labels.astype(np.int64),
        test_images=test_images.reshape(-1, N_PIXELS),
        test_labels=test_labels.astype(np.int64),
        class_names=tuple(
            str(label) if name == "mnist" else f"class {label}" for label in range(N_CLASSES)
        ),
        fingerprint=fingerprint,
    )


def training_size(settings: DatasetSettings) -> int:
    """Return the number of training examples, validation included, without loading them."""
    if settings.name == SYNTHETIC:
        return settings.training_size
    if settings.name != FASHION_MNIST:
        return len(idx_folder.read(Path(settings.path or "").expanduser().absolute()).arrays[0])
    return fashion_mnist.TRAIN_LABELS.shape[0]


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


def summarise(dataset: Dataset) -> DatasetSummary:
    """Return the data for reports: class counts and the first images."""
    return DatasetSummary(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        class_names=dataset.class_names,
        train_class_counts=_class_counts(dataset.train_labels),
        test_class_counts=_class_counts(dataset.test_labels),
        train_images=dataset.train_images[:SAMPLE_SIZE].tobytes(),
        train_labels=tuple(dataset.train_labels[:SAMPLE_SIZE].tolist()),
        test_images=dataset.test_images[:SAMPLE_SIZE].tobytes(),
        test_labels=tuple(dataset.test_labels[:SAMPLE_SIZE].tolist()),
    )


def _generate(settings: DatasetSettings) -> Dataset:
    """Generate a dataset: each class is a random prototype image, each example one plus noise.

    All arithmetic is on integers, so a seed gives the same bytes on every machine.
    """
    generator = np.random.default_rng(settings.seed)
    prototypes = generator.integers(0, 256, (N_CLASSES, N_PIXELS), dtype=np.int16)

    def examples(size: int) -> tuple[ImageArray, LabelArray]:
        labels = generator.integers(0, N_CLASSES, size, dtype=np.int64)
        images = generator.integers(-MAX_NOISE, MAX_NOISE + 1, (size, N_PIXELS), dtype=np.int16)
        images += prototypes[labels]
        return images.clip(0, 255, out=images).astype(np.uint8), labels

    train_images, train_labels = examples(settings.training_size)
    test_images, test_labels = examples(settings.test_size)
    arrays = (train_images, train_labels, test_images, test_labels)
    return Dataset(
        name=settings.name,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=tuple(f"class {label}" for label in range(N_CLASSES)),
        fingerprint=_fingerprint(hashlib.sha256(array.tobytes()).digest() for array in arrays),
    )


def _scale(images: ImageArray) -> FloatArray:
    return np.divide(images, 255, dtype=np.float32)


def _class_counts(labels: LabelArray) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=N_CLASSES).tolist())


def _fingerprint(digests: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()[:8]
