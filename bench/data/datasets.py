"""Datasets to train on: find, load and summarise them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from bench.contract import LabelArray
from bench.data import fashion_mnist, idx_folder, synthetic
from bench.data.errors import DatasetError
from bench.records import N_CLASSES, N_PIXELS, DatasetSummary

if TYPE_CHECKING:
    from bench.data.locate import Sources

ImageArray = npt.NDArray[np.uint8]

FASHION_MNIST, SYNTHETIC = "fashion_mnist", "synthetic"
IDX = "idx"  # until the files have been read: their name and checksum replace it

SAMPLE_SIZE = 20  # images of each set in reports
UNNAMED = tuple(f"class {label}" for label in range(N_CLASSES))

SyntheticSize = Annotated[int, Meta(ge=1, le=synthetic.MAX_SIZE)]


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
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0


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
    arrays = [fashion_mnist.read(folder, file)[1] for file in fashion_mnist.FILES]
    digests = [bytes.fromhex(file.sha256) for file in fashion_mnist.FILES]
    return _dataset(settings.name, arrays, fashion_mnist.CLASS_NAMES, _fingerprint(digests))


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
    class_names = tuple(map(str, range(N_CLASSES))) if name == "mnist" else UNNAMED
    return _dataset(name, found.arrays, class_names, fingerprint)


def _generate(settings: DatasetSettings) -> Dataset:
    train, test = synthetic.generate(settings.training_size, settings.test_size, settings.seed)
    fingerprint = _fingerprint(
        hashlib.sha256(array.tobytes()).digest() for array in (*train, *test)
    )
    return _dataset(settings.name, (train[1], test[1], test[0], train[0]), UNNAMED, fingerprint)


def _dataset(
    name: str, arrays: Sequence[npt.NDArray[Any]], class_names: tuple[str, ...], fingerprint: str
) -> Dataset:
    """Return a dataset, given its arrays in the order of `IdxSet.arrays`."""
    train_labels, test_labels, test_images, train_images = arrays
    return Dataset(
        name=name,
        train_images=train_images.reshape(-1, N_PIXELS),
        train_labels=train_labels.astype(np.int64),
        test_images=test_images.reshape(-1, N_PIXELS),
        test_labels=test_labels.astype(np.int64),
        class_names=class_names,
        fingerprint=fingerprint,
    )


def training_size(settings: DatasetSettings) -> int:
    """Return the number of training examples, validation included, without loading them."""
    if settings.name == SYNTHETIC:
        return settings.training_size
    if settings.name != FASHION_MNIST:
        return len(idx_folder.read(Path(settings.path or "").expanduser().absolute()).arrays[0])
    return fashion_mnist.TRAIN_LABELS.shape[0]


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


def _class_counts(labels: LabelArray) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=N_CLASSES).tolist())


def _fingerprint(digests: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()[:8]
