"""Records and data with bits flipped or the end missing are read right or refused by name."""

from __future__ import annotations

import gzip

import pytest

from bench.data import fashion_mnist
from bench.data.datasets import DatasetError, DatasetSettings, load, locate
from bench.results import store
from tests.chaos.conftest import finish


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    words = ("dataset=synthetic", "epochs=1", "architecture.hidden_sizes=[4]", "sweep_name=night")
    assert finish(folder, words=words)[0] == 0
    (path,) = folder.glob("results/night/*/record.json")
    return path.read_bytes()


def judged(path, content):
    """What comes of a record with this content: one that is read, or None for one refused."""
    path.write_bytes(content)
    try:
        return store.read_record(path)
    except store.StoreError as error:
        assert str(error).startswith(str(path))
        return None


def test_a_record_cut_off_anywhere_is_refused(written, tmp_path, tries):
    step = len(written) // tries("cuts of a record", 200, len(written) - 1) or 1
    whole = judged(tmp_path / "record.json", written)
    assert judged(tmp_path / "record.json", written.rstrip()) == whole
    for end in range(0, len(written.rstrip()), step):
        assert judged(tmp_path / "record.json", written[:end]) is None


def test_a_record_with_a_bit_flipped_is_read_as_it_was_or_refused(
    written, tmp_path, randomness, tries
):
    whole = judged(tmp_path / "record.json", written)
    for _ in range(tries("bits of a record flipped", 200, 1000)):
        changed = bytearray(written)
        changed[randomness.randrange(len(changed))] ^= 1 << randomness.randrange(8)
        assert judged(tmp_path / "record.json", bytes(changed)) in (None, whole)
        assert whole is not None


@pytest.fixture
def real(tmp_path):
    """A copy of Fashion-MNIST, unpacked, and what makes it one again."""
    found = locate(DatasetSettings(name="fashion_mnist"))
    contents = {}
    for file in fashion_mnist.FILES:
        plain, packed = found / file.name, found / f"{file.name}.gz"
        content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        contents[file.name] = content
        (tmp_path / file.name).write_bytes(content)
    load(DatasetSettings(name="fashion_mnist", path=str(tmp_path)), tmp_path)
    return tmp_path, contents


def refused(folder, name):
    with pytest.raises(DatasetError, match=name):
        load(DatasetSettings(name="fashion_mnist", path=str(folder)), folder)


def test_data_cut_off_anywhere_is_refused(real, randomness, tries):
    folder, contents = real
    for number in range(tries("cuts of the data", 8, 100)):
        name = list(contents)[number % len(contents)]
        (folder / name).write_bytes(contents[name][: randomness.randrange(len(contents[name]))])
        refused(folder, name)
        (folder / name).write_bytes(contents[name])


def test_data_with_a_bit_flipped_is_refused(real, randomness, tries):
    folder, contents = real
    for number in range(tries("bits of the data flipped", 8, 1000)):
        name = list(contents)[number % len(contents)]
        place = randomness.randrange(len(contents[name]))
        flipped = contents[name][place] ^ 1 << randomness.randrange(8)
        with (folder / name).open("r+b") as file:
            file.seek(place)
            file.write(bytes([flipped]))
        refused(folder, name)
        with (folder / name).open("r+b") as file:
            file.seek(place)
            file.write(contents[name][place : place + 1])
