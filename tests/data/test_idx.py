"""IDX files: arrays are read as they were written, and other files are refused."""

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import idx
from bench.data.errors import DatasetError

SOURCE = Path("file")
shapes = st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple)


def idx_bytes(array: np.ndarray) -> bytes:
    """Write an IDX file as its format is documented."""
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@given(shapes, st.randoms(use_true_random=False))
def test_a_written_array_is_read(shape, random):
    size = int(np.prod(shape))
    array = np.frombuffer(random.randbytes(size), np.uint8, count=size).reshape(shape)
    contents = idx_bytes(array)
    assert len(contents) == idx.size_bytes(shape)
    np.testing.assert_array_equal(idx.parse(contents, shape, SOURCE), array, strict=True)


@given(shapes, st.binary(max_size=40), st.integers(0, 16))
def test_any_contents_are_parsed_or_refused(shape, rest, n_kept):
    contents = idx_bytes(np.zeros(shape, np.uint8))[:n_kept] + rest
    try:
        array = idx.parse(contents, shape, SOURCE)
    except DatasetError as error:
        assert str(error).startswith("file: ")
    else:
        assert array.shape == shape
        assert idx_bytes(array) == contents


@given(st.binary(max_size=60))
def test_any_file_is_read_or_refused(tmp_path_factory, contents):
    path = tmp_path_factory.mktemp("any") / "file"
    for prefix in (b"", gzip.compress(b"")[:12]):
        path.write_bytes(prefix + contents)
        try:
            contents_read = idx.read(path, limit_bytes=1000)
        except DatasetError as error:
            assert str(error).startswith(f"{path}: ")
        else:
            assert prefix or contents_read == contents or contents.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("name", ["values", "values.gz"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_compression_is_recognised_by_the_contents(tmp_path, name, compress):
    (tmp_path / name).write_bytes(compress(b"contents"))
    assert idx.read(tmp_path / name, limit_bytes=8) == b"contents"


def test_a_gzip_bomb_stays_small(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(10**7)) * 100)  # a gigabyte
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match="more than the 60,008 bytes"):
            idx.read(path, limit_bytes=60_008)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="not a plain file"):
        idx.read(tmp_path / "pipe", limit_bytes=1)
