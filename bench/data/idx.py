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
    """Return the length of an uncompressed file that contains an array of this shape."""
    return _header_bytes(shape) + math.prod(shape)


def read(path: Path, limit_bytes: int) -> bytes:
    """Return a file's contents; decompress them if they begin like gzip.

    Args:
        path: the file; symbolic links are followed.
        limit_bytes: at most one byte more than this is decompressed.

    Returns:
        At most `limit_bytes` bytes.

    Raises:
        DatasetError: the file is unreadable, not a plain file, damaged, or longer.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe could block forever
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
        raise DatasetError(f"{path}: has more than the {limit_bytes:,} bytes expected")
    return contents


def parse(contents: bytes, shape: tuple[int, ...], source: Path) -> npt.NDArray[np.uint8]:
    """Return the array in an IDX file's contents, without copying it.

    Args:
        contents: the decompressed file.
        shape: shape of the array.
        source: path of the file, for errors.

    Returns:
        uint8, of `shape`, read-only.

    Raises:
        DatasetError: `contents` is not exactly one such array.
    """
    header = bytes((0, 0, UNSIGNED_BYTES, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
    if contents[: len(header)] != header[: len(contents)]:
        raise DatasetError(
            f"{source}: not an IDX file of this shape; it begins with the bytes "
            f"{contents[: len(header)].hex(' ')}, not with {header.hex(' ')}"
        )
    if len(contents) != size_bytes(shape):
        fault = "truncated" if len(contents) < size_bytes(shape) else "has bytes after its end"
        raise DatasetError(
            f"{source}: {fault}; it has {len(contents):,} bytes, not {size_bytes(shape):,}"
        )
    return np.frombuffer(contents, np.uint8, offset=_header_bytes(shape)).reshape(shape)


def _header_bytes(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape)
