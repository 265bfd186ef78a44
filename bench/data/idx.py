"""The IDX format of the MNIST family: four bytes of magic, the sizes, then the values.

The magic number is 0, 0, the type of the values (8: unsigned bytes, the only one read here) and the
number of dimensions; each dimension's size is a big-endian 32-bit number.

Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import gzip
import math
import stat
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

UNSIGNED_BYTES = 8
GZIP_MAGIC = b"\x1f\x8b"


class DatasetError(Exception):
    """The dataset can't be used or had; the message says which file or place, and why."""


def size_bytes(shape: tuple[int, ...]) -> int:
    """Return how long a file of this shape is, uncompressed."""
    return _header_bytes(shape) + math.prod(shape)


def read(path: Path, limit_bytes: int) -> bytes:
    """Return a file's contents, decompressed where it is gzipped, whatever it is called.

    Args:
        limit_bytes: no more than one byte beyond this is ever decompressed or kept.

    Raises:
        DatasetError: unreadable, not a plain file, damaged, or longer than `limit_bytes`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise DatasetError(f"{path}: not a plain file")
        with path.open("rb") as file:
            compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            if compressed:
                with gzip.GzipFile(fileobj=file) as decompressing:
                    contents = decompressing.read(limit_bytes + 1)
            else:
                contents = file.read(limit_bytes + 1)
    except EOFError as error:
        raise DatasetError(f"{path}: truncated; its compressed data stops in the middle") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path}: damaged; {error}") from error
    except OSError as error:
        raise DatasetError(f"{path}: can't be read: {error.strerror}") from error
    if len(contents) > limit_bytes:
        raise DatasetError(f"{path}: holds more than the {limit_bytes:,} bytes it should have")
    return contents


def parse(contents: bytes, shape: tuple[int, ...], source: Path) -> npt.NDArray[np.uint8]:
    """Return the array in an IDX file's contents, without copying it.

    Args:
        shape: what the file must hold.
        source: named in errors.

    Returns:
        uint8, of `shape`, read-only.

    Raises:
        DatasetError: `contents` is anything other than exactly one such array.
    """
    magic = bytes((0, 0, UNSIGNED_BYTES, len(shape)))
    if not contents:
        raise DatasetError(f"{source}: empty")
    if not contents.startswith(magic):
        raise DatasetError(
            f"{source}: another kind of file; it begins with the bytes {contents[:4].hex(' ')}, "
            f"not with {magic.hex(' ')}"
        )
    if len(contents) < _header_bytes(shape):
        raise DatasetError(f"{source}: truncated; it has {len(contents)} bytes")
    found = struct.unpack_from(f">{len(shape)}I", contents, len(magic))
    if found != shape:
        raise DatasetError(f"{source}: holds {_shown(found)} values, not {_shown(shape)}")
    if len(contents) != size_bytes(shape):
        fault = "truncated" if len(contents) < size_bytes(shape) else "bytes after its end"
        raise DatasetError(
            f"{source}: {fault}; it has {len(contents):,} bytes, not {size_bytes(shape):,}"
        )
    return np.frombuffer(contents, np.uint8, offset=_header_bytes(shape)).reshape(shape)


def _header_bytes(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
