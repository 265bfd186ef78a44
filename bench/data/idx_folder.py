"""Other sets in the format of MNIST: a folder with four IDX files, 28 x 28 pixels, ten classes."""

from __future__ import annotations

import functools
import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.data import idx
from bench.data.errors import DatasetError
from bench.data.fashion_mnist import FILES, IdxFile
from bench.records import IMAGE_SIDE, N_CLASSES

MAX_EXAMPLES = 300_000  # in one file
USUAL_FOLDERS = ("", "raw", "data", "gzip")  # their names say nothing about the set
FORMAT = f"unsigned bytes: {IMAGE_SIDE} x {IMAGE_SIDE} images, or labels 0 to {N_CLASSES - 1}"


@dataclass(frozen=True, kw_only=True, eq=False)
class IdxSet:
    """The arrays of four files, as stored.

    Attributes:
        name: `mnist` if the files are MNIST's; else the folder's name, in small letters.
        digests: SHA-256 of each decompressed file, in the order of `arrays`.
        arrays: uint8: training labels (n,), test labels (n_test,), test images (n_test, 28, 28) and
            training images (n, 28, 28).
    """

    name: str
    digests: tuple[bytes, ...]
    arrays: tuple[npt.NDArray[np.uint8], ...]


def read(folder: Path) -> IdxSet:
    """Read the four files of a folder, and check them.

    Args:
        folder: contains the files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
            `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, compressed or not. Their names
            may begin with the set's, such as `emnist-digits-`.

    Raises:
        DatasetError: a file is missing, damaged, of another format, or Fashion-MNIST's.
    """
    paths = [_find(folder, file) for file in FILES]
    return _read(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))


@functools.lru_cache(maxsize=1)  # called for the configuration of every run
def _read(files: tuple[tuple[Path, int, int], ...]) -> IdxSet:
    """Read files with these paths; times and sizes show whether they have changed."""
    digests, arrays = [], []
    for file, (path, _, _) in zip(FILES, files, strict=True):
        contents = _read_bytes(path, file)
        arrays.append(_parse(contents, file, path))
        digests.append(hashlib.sha256(contents).digest())
    train_labels, test_labels, test_images, train_images = arrays
    for (path, _, _), labels, images in (
        (files[0], train_labels, train_images),
        (files[1], test_labels, test_images),
    ):
        if len(labels) != len(images):
            raise DatasetError(
                f"{path}: has {len(labels):,} labels for {len(images):,} images; it must have as "
                "many labels as images"
            )
    name = _name(files[0][0].parent)
    if all(digest.hex() == file.sha256 for digest, file in zip(digests, FILES, strict=True)):
        raise DatasetError("this is Fashion-MNIST; use dataset=fashion_mnist")
    if all(digest.hex() == file.mnist_sha256 for digest, file in zip(digests, FILES, strict=True)):
        name = "mnist"
    return IdxSet(name=name, digests=tuple(digests), arrays=tuple(arrays))


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the decompressed files of a folder, by their published names.

    Raises:
        DatasetError: a file is missing, damaged or too long.
    """
    return {file.name: _read_bytes(_find(folder, file), file) for file in FILES}


def _read_bytes(path: Path, file: IdxFile) -> bytes:
    return idx.read(path, idx.size_bytes((MAX_EXAMPLES, *file.shape[1:])))


def _find(folder: Path, file: IdxFile) -> Path:
    """Return the file of a folder with this name, which may begin with the name of the set."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError as error:
        raise DatasetError(f"{folder}: no such folder") from error
    except OSError as error:
        raise DatasetError(f"{folder}: can't be read: {error.strerror}") from error
    endings = (file.name, file.name.replace("-idx", ".idx"))
    found = [name for name in names if name.lower().removesuffix(".gz").endswith(endings)]
    if not found:
        raise DatasetError(f"{folder}: has no file {file.name}, with or without .gz")
    if len({name.lower().removesuffix(".gz") for name in found}) > 1:
        raise DatasetError(f"{folder}: has {' and '.join(found)}; put each set into its own folder")
    return folder / found[0]


def _parse(contents: bytes, file: IdxFile, path: Path) -> npt.NDArray[np.uint8]:
    """Return the array in a file, which has as many examples as its header says."""
    n_dimensions = len(file.shape)
    header_bytes = 4 + 4 * n_dimensions
    magic = bytes((0, 0, idx.UNSIGNED_BYTES, n_dimensions))
    if contents[:4] != magic or len(contents) < header_bytes:
        raise DatasetError(
            f"{path}: not an IDX file of {FORMAT}; it begins with the bytes "
            f"{contents[:4].hex(' ')}, not with {magic.hex(' ')}"
        )
    n_examples, *sides = struct.unpack_from(f">{n_dimensions}I", contents, 4)
    if tuple(sides) != file.shape[1:]:
        shape = " x ".join(map(str, sides))
        raise DatasetError(f"{path}: has images of {shape} pixels; must be {FORMAT}")
    if not 1 <= n_examples <= MAX_EXAMPLES:
        raise DatasetError(f"{path}: has {n_examples:,} examples; must have 1 to {MAX_EXAMPLES:,}")
    array = idx.parse(contents, (n_examples, *file.shape[1:]), path)
    if n_dimensions == 1 and array.max() >= N_CLASSES:
        raise DatasetError(f"{path}: has the label {array.max()}; must be 0 to {N_CLASSES - 1}")
    return array


def _name(folder: Path) -> str:
    """Return the name of the first folder upwards whose name says something about the set."""
    names = [re.sub(r"[^a-z0-9]+", "_", each.name.lower()).strip("_") for each in
             (folder, *folder.parents)]  # fmt: skip
    return next((name[:30] for name in names if name not in USUAL_FOLDERS), "idx")
