"""Records and data with flipped bits or a missing end are read correctly or refused by name."""

from __future__ import annotations

import gzip

import pytest

from bench.data import fashion_mnist
from bench.data.datasets import DatasetSettings, load, locate
from bench.data.errors import DatasetError
from bench.results import store
from tests.chaos.conftest import stored


@pytest.fixture(scope="module")
def written(undisturbed_folder):
    """Return the bytes of a record."""
    return next(iter(stored(undisturbed_folder).values()))


def read_or_refuse(path, content):
    """Return the record with this content; None if it is refused by name."""
    path.write_bytes(content)
    try:
        return store.read_record(path)
    except store.StoreError as error:
        assert str(error).startswith(str(path))
        return None


def test_a_record_cut_off_anywhere_is_refused(written, tmp_path, tries):
    step = len(written) // tries("cuts of a record", 200, len(written) - 1) or 1
    whole = read_or_refuse(tmp_path / "record.json", written)
    assert read_or_refuse(tmp_path / "record.json", written.rstrip()) == whole
    for end in range(0, len(written.rstrip()), step):
        assert read_or_refuse(tmp_path / "record.json", written[:end]) is None


def test_a_record_with_a_bit_flipped_is_read_as_it_was_or_refused(
    written, tmp_path, randomness, tries
):
    whole = read_or_refuse(tmp_path / "record.json", written)
    for _ in range(tries("bits of a record flipped", 200, 1000)):
        changed = bytearray(written)
        changed[randomness.randrange(len(changed))] ^= 1 << randomness.randrange(8)
        assert read_or_refuse(tmp_path / "record.json", bytes(changed)) in (None, whole)
        assert whole is not None


@pytest.fixture
def fashion_mnist_copy(tmp_path):
    """Return a folder with a copy of Fashion-MNIST, unpacked, and the contents of its files."""
    found = locate(DatasetSettings(name="fashion_mnist"))
    contents = {}
    for file in fashion_mnist.FILES:
        plain, packed = found / file.name, found / f"{file.name}.gz"
        content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        contents[file.name] = content
        (tmp_path / file.name).write_bytes(content)
    load(DatasetSettings(name="fashion_mnist", path=str(tmp_path)), tmp_path)
    return tmp_path, contents


def assert_refused(folder, name):
    with pytest.raises(DatasetError, match=name):
        load(DatasetSettings(name="fashion_mnist", path=str(folder)), folder)


def test_data_cut_off_anywhere_is_refused(fashion_mnist_copy, randomness, tries):
    folder, contents = fashion_mnist_copy
    for number in range(tries("cuts of the data", 8, 100)):
        name = list(contents)[number % len(contents)]
        (folder / name).write_bytes(contents[name][: randomness.randrange(len(contents[name]))])
        assert_refused(folder, name)
        (folder / name).write_bytes(contents[name])


def test_data_with_a_bit_flipped_is_refused(fashion_mnist_copy, randomness, tries):
    folder, contents = fashion_mnist_copy
    for number in range(tries("bits of the data flipped", 8, 1000)):
        name = list(contents)[number % len(contents)]
        place = randomness.randrange(len(contents[name]))
        flipped = contents[name][place] ^ 1 << randomness.randrange(8)
        with (folder / name).open("r+b") as file:
            file.seek(place)
            file.write(bytes([flipped]))
        assert_refused(folder, name)
        with (folder / name).open("r+b") as file:
            file.seek(place)
            file.write(contents[name][place : place + 1])
