"""Read IDX files, the format of the MNIST family: four bytes of magic, the sizes, then the values.

The magic number is 0, 0, the type of the values (8: unsigned bytes, the only type read here) and
the number of dimensions; each dimension's size is a big-endian 32-bit number.

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

from bench.data.errors import DatasetError

UNSIGNED_BYTES = 8
GZIP_MAGIC = b"\x1f\x8b"


def size_bytes(shape: tuple[int, ...]) -> int:
    """Return the length of an uncompressed file with an array of this shape."""
    return _header_bytes(shape) + math.prod(shape)


def read(path: Path, limit_bytes: int) -> bytes:
    """Return a file's contents, decompressed if they are gzipped, whatever the file's name.

    Args:
        path: the file; symbolic links are followed.
        limit_bytes: at most one byte more than this is decompressed.

    Returns:
        At most `limit_bytes` bytes.

    Raises:
        DatasetError: the file is unreadable, not a plain file, damaged, or longer.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe could block for ever
            raise DatasetError(f"{path}: not a plain file")
        with path.open("rb") as file:
            compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            reader = gzip.GzipFile(fileobj=file) if compressed else file
            contents = reader.read(limit_bytes + 1)
    except EOFError as error:
        raise DatasetError(f"{path}: truncated; its compressed data ends early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path}: damaged; {error}") from error
    except OSError as error:
        raise DatasetError(f"{path}: can't be read: {error.strerror}") from error
    if len(contents) > limit_bytes:
        raise DatasetError(f"{path}: has more than the {limit_bytes:,} bytes that it should have")
    return contents


def parse(contents: bytes, shape: tuple[int, ...], source: Path) -> npt.NDArray[np.uint8]:
    """Return the array in an IDX file's contents, without copying it.

    Args:
        contents: the decompressed file.
        shape: what the array's must be.
        source: is named in errors.

    Returns:
        uint8, of `shape`, read-only.

    Raises:
        DatasetError: `contents` is not exactly one such array.
    """
    magic = bytes((0, 0, UNSIGNED_BYTES, len(shape)))
    if not contents:
        raise DatasetError(f"{source}: empty")
    if not contents.startswith(magic):
        raise DatasetError(
            f"{source}: not an IDX file of such an array; it begins with the bytes "
            f"{contents[:4].hex(' ')}, not with {magic.hex(' ')}"
        )
    if len(contents) < _header_bytes(shape):
        raise DatasetError(f"{source}: truncated; it has {len(contents)} bytes")
    actual_shape = struct.unpack_from(f">{len(shape)}I", contents, len(magic))
    if actual_shape != shape:
        raise DatasetError(f"{source}: has {_times(actual_shape)} values, not {_times(shape)}")
    if len(contents) != size_bytes(shape):
        fault = "truncated" if len(contents) < size_bytes(shape) else "has bytes after its end"
        raise DatasetError(
            f"{source}: {fault}; it has {len(contents):,} bytes, not {size_bytes(shape):,}"
        )
    return np.frombuffer(contents, np.uint8, offset=_header_bytes(shape)).reshape(shape)


def _header_bytes(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
