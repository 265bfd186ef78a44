"""Fashion-MNIST's four files: their names, contents and checks.

Source: Xiao, Rasul and Vollgraf, Fashion-MNIST (2017), arXiv:1708.07747.
"""

from __future__ import annotations

import contextlib
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
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
MAX_DEPTH = 3  # levels of folders below the given one, as in a folder of torchvision roots
MAX_ENTRIES = 10_000  # files and folders to search; the given folder may be a home folder
MAX_LISTED = 5  # files in an error message


@dataclass(frozen=True, slots=True)
class IdxFile:
    """One of the four files.

    Attributes:
        name: published name, without `.gz`.
        shape: shape of the array in the file.
        sha256: hash of the decompressed bytes; mirrors compress them differently.
        mnist_sha256: hash of MNIST's file, which has the same name and shape.
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
        """Return whether a name is this file's, in one of the common spellings."""
        return name.lower().removesuffix(".gz").replace(".idx", "-idx") == self.name


# Small files first: errors are found faster.
FILES = (
    IdxFile(
        "train-labels-idx1-ubyte", (60_000,),
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    IdxFile(
        "t10k-labels-idx1-ubyte", (10_000,),
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    IdxFile(
        "t10k-images-idx3-ubyte", (10_000, IMAGE_SIDE, IMAGE_SIDE),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    IdxFile(
        "train-images-idx3-ubyte", (60_000, IMAGE_SIDE, IMAGE_SIDE),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
)  # fmt: skip
TRAIN_LABELS, TEST_LABELS, TEST_IMAGES, TRAIN_IMAGES = FILES


class MissingError(DatasetError):
    """Files are missing, not damaged."""


def check(folder: Path) -> None:
    """Check that a folder contains the four files exactly as published.

    Args:
        folder: as for `read`.

    Raises:
        MissingError: the folder or a file is missing.
        DatasetError: a file is damaged, or does not belong to Fashion-MNIST.
    """
    for file in FILES:
        next(_candidates(folder, file))
    for file in FILES:
        read(folder, file)


def read(folder: Path, file: IdxFile) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """Read one file from a folder or the folders below it, and check every byte.

    Args:
        folder: contains the file, directly or in a folder below, as with torchvision and archives.
        file: file to read; compressed or not, with one of the common spellings of its name.

    Returns:
        The decompressed file, and the array in it: uint8, of the file's shape, read-only.

    Raises:
        MissingError: the file is missing.
        DatasetError: the file is truncated, altered or another file.
    """
    error = None
    for path in _candidates(folder, file):
        try:
            return _read_checked(path, file)
        except DatasetError as this_error:
            error = error or this_error
    raise error or AssertionError("_candidates yields a file or raises MissingError")


def _read_checked(path: Path, file: IdxFile) -> tuple[bytes, npt.NDArray[np.uint8]]:
    contents = idx.read(path, file.size_bytes)
    values = idx.parse(contents, file.shape, path)
    sha256 = hashlib.sha256(contents).hexdigest()
    if sha256 == file.mnist_sha256:
        raise DatasetError(f"{path}: this is MNIST, not Fashion-MNIST; use dataset=idx for it")
    if sha256 != file.sha256:
        raise DatasetError(
            f"{path}: altered, or not from Fashion-MNIST; the SHA-256 of its contents is {sha256}, "
            f"not {file.sha256}"
        )
    return contents, values


def _candidates(folder: Path, file: IdxFile) -> Iterator[Path]:
    """Yield files with the name of `file`, top levels first; at least one file."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError as error:
        raise MissingError(f"{folder}: no such folder") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{folder}: can't be read: {reason}") from error
    found = list(_files_below(folder))
    named = [path for path in found if file.is_named(path.name)]
    if not named:
        listed = sorted(str(path.relative_to(folder)) for path in found)
        names = ", ".join(listed[:MAX_LISTED]) or "no files"
        more = f" and {len(listed) - MAX_LISTED:,} more" if len(listed) > MAX_LISTED else ""
        raise MissingError(
            f"{folder}: has no file {file.name}, with or without .gz; has {names}{more}"
        )
    yield from named


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, then those one level deeper, and so on."""
    n_left, level = MAX_ENTRIES, [folder]
    for _ in range(MAX_DEPTH + 1):
        entries = [*itertools.islice(itertools.chain.from_iterable(map(_entries, level)), n_left)]
        n_left -= len(entries)
        level = sorted(filter(os.path.isdir, entries))  # False on errors
        yield from sorted({*entries} - {*level})


def _entries(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from folder.iterdir()
