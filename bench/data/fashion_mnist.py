"""Fashion-MNIST's four files: their names, contents and checks.

Source: Xiao, Rasul and Vollgraf, Fashion-MNIST (2017), arXiv:1708.07747.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.data import idx
from bench.data.errors import DatasetError
from bench.records import IMAGE_SIDE

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
MAX_DEPTH = 3  # folders below the given one: a folder of torchvision roots has the files that deep
MAX_ENTRIES = 10_000  # looked at in search of a file; somebody may give the home folder
MAX_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class IdxFile:
    """One of the files.

    Attributes:
        name: as published, without the `.gz`.
        shape: of the array in it.
        sha256: of the decompressed bytes; mirrors compress them differently.
        mnist_sha256: the same of MNIST's file, which has the same name and shape.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str
    mnist_sha256: str

    @property
    def size_bytes(self) -> int:
        """The length of the decompressed file."""
        return idx.size_bytes(self.shape)

    def is_named(self, name: str) -> bool:
        """Whether a file's name is this one's, in one of the spellings in use."""
        return name.lower().removesuffix(".gz").replace(".idx", "-idx") == self.name


TRAIN_IMAGES = IdxFile(
    name="train-images-idx3-ubyte",
    shape=(60_000, IMAGE_SIDE, IMAGE_SIDE),
    sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    mnist_sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
TRAIN_LABELS = IdxFile(
    name="train-labels-idx1-ubyte",
    shape=(60_000,),
    sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    mnist_sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)
TEST_IMAGES = IdxFile(
    name="t10k-images-idx3-ubyte",
    shape=(10_000, IMAGE_SIDE, IMAGE_SIDE),
    sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    mnist_sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
)
TEST_LABELS = IdxFile(
    name="t10k-labels-idx1-ubyte",
    shape=(10_000,),
    sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    mnist_sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
FILES = (TRAIN_LABELS, TEST_LABELS, TEST_IMAGES, TRAIN_IMAGES)  # small ones fail faster


class MissingError(DatasetError):
    """A folder doesn't have the files, as opposed to having damaged ones."""


def check(folder: Path) -> None:
    """Check that a folder has the four files, each of them exactly as published.

    Args:
        folder: as for `read`.

    Raises:
        MissingError: there is no such folder, or it lacks a file.
        DatasetError: a file is damaged or not Fashion-MNIST's.
    """
    for file in FILES:
        next(_candidates(folder, file))
    for file in FILES:
        read(folder, file)


def read(folder: Path, file: IdxFile) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """Read one file from a folder or the folders below it, and check every byte.

    Args:
        folder: has the file itself, or somewhere below as torchvision and archives put it.
        file: which one; compressed or not, in any of the spellings in use.

    Returns:
        The decompressed file, and the array in it: uint8, of the file's shape, read-only.

    Raises:
        MissingError: it isn't there.
        DatasetError: it is truncated, altered or another file.
    """
    error = None
    for path in _candidates(folder, file):
        try:
            return _read_checked(path, file)
        except DatasetError as this_error:
            error = error or this_error
    raise error or AssertionError("there is a candidate, or MissingError")


def _read_checked(path: Path, file: IdxFile) -> tuple[bytes, npt.NDArray[np.uint8]]:
    contents = idx.read(path, file.size_bytes)
    values = idx.parse(contents, file.shape, path)
    if len(file.shape) == 1 and values.max() >= len(CLASS_NAMES):
        raise DatasetError(
            f"{path}: has the label {values.max()}; labels are 0 to {len(CLASS_NAMES) - 1}"
        )
    sha256 = hashlib.sha256(contents).hexdigest()
    if sha256 == file.mnist_sha256:
        raise DatasetError(f"{path}: from MNIST, whose files have the names of Fashion-MNIST's")
    if sha256 != file.sha256:
        raise DatasetError(
            f"{path}: altered, or not from Fashion-MNIST; the SHA-256 of its contents is {sha256}, "
            f"not {file.sha256}"
        )
    return contents, values


def _candidates(folder: Path, file: IdxFile) -> Iterator[Path]:
    """Yield files with the name of `file`, those nearest to the top first; at least one."""
    found = False
    for path in _files_below(folder):
        if file.is_named(path.name):
            found = True
            yield path
    if not found:
        listed = sorted(str(path.relative_to(folder)) for path in _files_below(folder))
        shown = ", ".join(listed[:MAX_LISTED]) or "no files"
        more = f" and {len(listed) - MAX_LISTED:,} more" if len(listed) > MAX_LISTED else ""
        raise MissingError(f"{folder}: has no file {file.name}, .gz or not; has {shown}{more}")


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, then those one level deeper, and so on."""
    n_left, level = MAX_ENTRIES, [folder]
    for _ in range(MAX_DEPTH + 1):
        deeper = []
        for place in level:
            entries = sorted(itertools.islice(_entries(place, place is folder), n_left))
            n_left -= len(entries)
            for entry in entries:
                if os.path.isdir(entry):  # noqa: PTH112  # False where that can't be known
                    deeper.append(entry)
                else:
                    yield entry
        level = deeper


def _entries(folder: Path, must_be_readable: bool) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except (OSError, ValueError) as error:
        if not must_be_readable:
            return
        if isinstance(error, FileNotFoundError):
            raise MissingError(f"{folder}: no such folder") from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DatasetError(f"{folder}: can't be read: {reason}") from error
