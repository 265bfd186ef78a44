"""Fashion-MNIST's four files: what they are called, what they hold, and how to tell.

Source: Xiao, Rasul and Vollgraf, Fashion-MNIST (2017), arXiv:1708.07747.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.data import idx
from bench.data.idx import DatasetError

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True, kw_only=True)
class IdxFile:
    """One of the files, which may also be there gzipped, with `.gz` after its name."""

    name: str
    shape: tuple[int, ...]
    sha256: str  # of the decompressed bytes: archives compress them anew

    @property
    def size_bytes(self) -> int:
        """The length of the decompressed file."""
        return idx.size_bytes(self.shape)


TRAIN_IMAGES = IdxFile(
    name="train-images-idx3-ubyte",
    shape=(60_000, 28, 28),
    sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)
TRAIN_LABELS = IdxFile(
    name="train-labels-idx1-ubyte",
    shape=(60_000,),
    sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
TEST_IMAGES = IdxFile(
    name="t10k-images-idx3-ubyte",
    shape=(10_000, 28, 28),
    sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)
TEST_LABELS = IdxFile(
    name="t10k-labels-idx1-ubyte",
    shape=(10_000,),
    sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
FILES = (TRAIN_LABELS, TEST_LABELS, TEST_IMAGES, TRAIN_IMAGES)  # the quickest to refuse first


class MissingError(DatasetError):
    """A folder doesn't hold the files, as opposed to holding bad ones."""


def check(folder: Path) -> None:
    """Check that a folder holds the four files, each of them exactly as published.

    Raises:
        MissingError: no such folder, or one without all four files.
        DatasetError: one of them is broken or something else.
    """
    for file in FILES:
        path_in(folder, file)
    for file in FILES:
        read(folder, file)


def path_in(folder: Path, file: IdxFile) -> Path:
    """Return where in a folder a file is, uncompressed for preference.

    Raises:
        MissingError: it isn't.
        DatasetError: the folder can't be looked into.
    """
    try:
        names = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError as error:
        raise MissingError(f"{folder}: no such folder") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DatasetError(f"{folder}: can't be looked into: {reason}") from error
    for name in (file.name, f"{file.name}.gz"):
        if name in names:
            return folder / name
    raise MissingError(f"{folder}: has no file {file.name} or {file.name}.gz")


def read(folder: Path, file: IdxFile) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """Read one file and check everything that is known of it.

    Returns:
        The decompressed file, and the array in it: uint8, of the file's shape.

    Raises:
        MissingError: it isn't in the folder.
        DatasetError: it is truncated, altered or another file.
    """
    path = path_in(folder, file)
    contents = idx.read(path, file.size_bytes)
    values = idx.parse(contents, file.shape, path)
    if len(file.shape) == 1 and values.max() >= len(CLASS_NAMES):
        raise DatasetError(
            f"{path}: has the label {values.max()}; labels are 0 to {len(CLASS_NAMES) - 1}"
        )
    sha256 = hashlib.sha256(contents).hexdigest()
    if sha256 != file.sha256:
        raise DatasetError(
            f"{path}: altered, or not from Fashion-MNIST (MNIST's files are called the same); "
            f"the SHA-256 of its contents is {sha256}, not {file.sha256}"
        )
    return contents, values
