"""What is loaded is Fashion-MNIST and nothing else; summaries; the synthetic set."""

import gzip
import hashlib
import os
import re
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.data import datasets, fashion_mnist
from bench.data.datasets import DatasetSettings
from bench.data.errors import DatasetError
from bench.data.fashion_mnist import (
    FILES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
)
from tests.data.conftest import REAL, SYNTHETIC, replace_file


@pytest.fixture
def copy(tmp_path, decompressed):
    """A folder of links to the real files."""
    for file in FILES:
        (tmp_path / file.name).symlink_to(decompressed / file.name)
    return tmp_path


def refusal(folder: Path) -> str:
    """Return why a folder is refused, by `locate` as well as by `load`."""
    with pytest.raises(DatasetError) as located:
        datasets.locate(replace(REAL, path=str(folder)))
    with pytest.raises(DatasetError) as loaded:
        datasets.load(REAL, folder)
    assert str(loaded.value) in str(located.value)
    assert f"dataset.path={folder}" in str(located.value)
    return str(loaded.value)


def test_fashion_mnist_is_as_its_paper_describes_it(real):
    assert real.train_images.shape == (60_000, 784)
    assert real.test_images.shape == (10_000, 784)
    assert real.train_images.dtype == np.uint8
    assert real.train_labels.dtype == np.int64
    assert np.bincount(real.train_labels).tolist() == [6_000] * 10
    assert np.bincount(real.test_labels).tolist() == [1_000] * 10
    assert real.class_names[real.train_labels[0]] == "Ankle boot"
    assert len(real.class_names) == 10


def test_the_fingerprint_identifies_the_contents(real, real_folder):
    assert real.fingerprint == "e365f4ee"
    assert datasets.load(REAL, real_folder).fingerprint == real.fingerprint


def test_gzipped_files_are_the_same_dataset(published, real):
    loaded = datasets.load(REAL, published)
    assert loaded.fingerprint == real.fingerprint
    np.testing.assert_array_equal(loaded.train_images, real.train_images)


def test_a_given_folder_is_used(copy):
    assert datasets.locate(replace(REAL, path=str(copy))) == copy


def idx_of(shape, values):
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + values


def altered(contents, position, value):
    return contents[:position] + bytes((value,)) + contents[position + 1 :]


@pytest.mark.parametrize(
    ("file", "damage", "fault"),
    [
        (TEST_IMAGES, lambda good: good[:-1], "truncated"),
        (TEST_IMAGES, lambda good: good[:10], "truncated"),
        (TRAIN_LABELS, lambda good: good[:5], "truncated"),
        (TEST_IMAGES, lambda good: gzip.compress(good, 1)[:-100_000], "truncated"),
        (TEST_LABELS, lambda good: altered(gzip.compress(good), 2000, 0), "damaged|truncated"),
        (TEST_LABELS, lambda good: gzip.compress(good)[:-4] + bytes(4), "damaged"),
        (TEST_LABELS, lambda good: good + b"\0", "more than the 10,008 bytes"),
        (TEST_LABELS, lambda good: gzip.compress(good + b"\0"), "more than the 10,008 bytes"),
        (TEST_LABELS, lambda good: gzip.compress(good) + b"more", "damaged"),
        (TRAIN_LABELS, lambda good: altered(good, 2, 9), "begins with the bytes 00 00 09 01"),
        (
            TRAIN_LABELS,
            lambda good: altered(good, 7, 0),
            "begins with the bytes 00 00 08 01 00 00 ea 00, not with",
        ),
        (
            TRAIN_IMAGES,
            lambda good: altered(good, 15, 27),
            "begins with the bytes .* 00 00 00 1b, not with",
        ),
        (TRAIN_LABELS, lambda good: altered(good, 1_000, 10), "altered"),
        (TEST_LABELS, lambda good: altered(good, 8, (good[8] + 1) % 10), "altered"),
        (TRAIN_IMAGES, lambda good: altered(good, 30_000_000, good[30_000_000] ^ 1), "altered"),
        (TEST_IMAGES, lambda good: idx_of((10_000, 28, 28), bytes(7_840_000)), "not from Fashion"),
        (TEST_LABELS, lambda good: b"<!DOCTYPE html><title>404</title>", "not an IDX file"),
        (TEST_LABELS, lambda good: b"", "truncated; it has 0 bytes"),
        (TEST_LABELS, lambda good: gzip.compress(b""), "truncated; it has 0 bytes"),
        (TEST_LABELS, lambda good: gzip.compress(bytes(10**8)), "more than the 10,008 bytes"),
    ],
)
def test_a_damaged_file_is_named_and_refused(copy, file, damage, fault):
    path = copy / file.name
    replace_file(path, damage(path.read_bytes()))
    message = refusal(copy)
    assert message.startswith(f"{path}: ")
    assert re.search(fault, message)


def test_swapped_files_are_refused(copy):
    labels, images = copy / TEST_LABELS.name, copy / TEST_IMAGES.name
    labels.rename(copy / "other")
    images.rename(labels)
    (copy / "other").rename(images)
    assert str(labels) in refusal(copy)


def test_a_pipe_in_place_of_a_file_is_refused(copy):
    (copy / TEST_LABELS.name).unlink()
    os.mkfifo(copy / TEST_LABELS.name)
    assert refusal(copy) == f"{copy / TEST_LABELS.name}: not a plain file"


def test_a_link_to_nowhere_is_refused(copy):
    (copy / TEST_LABELS.name).unlink()
    (copy / TEST_LABELS.name).symlink_to("nowhere")
    assert refusal(copy) == f"{copy / TEST_LABELS.name}: can't be read: No such file or directory"


def test_a_missing_file_is_named_with_what_is_there(copy):
    (copy / TEST_LABELS.name).unlink()
    assert refusal(copy) == (
        f"{copy}: has no file t10k-labels-idx1-ubyte, with or without .gz; "
        "has t10k-images-idx3-ubyte, train-images-idx3-ubyte, train-labels-idx1-ubyte"
    )


def test_a_missing_folder_is_named(tmp_path):
    assert refusal(tmp_path / "absent") == f"{tmp_path / 'absent'}: no such folder"


def test_another_file_given_as_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file").endswith("can't be read: Not a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_or_folder_without_permission_is_named(copy):
    replace_file(copy / TEST_LABELS.name, b"")
    (copy / TEST_LABELS.name).chmod(0)
    assert refusal(copy) == f"{copy / TEST_LABELS.name}: can't be read: Permission denied"
    copy.chmod(0)
    try:
        assert refusal(copy) == f"{copy}: can't be read: Permission denied"
    finally:
        copy.chmod(0o700)


LAYOUTS = {
    "torchvision's root": lambda name: f"FashionMNIST/raw/{name}",
    "the folder of torchvision's root": lambda name: f"data/FashionMNIST/raw/{name}",
    "a dot in the name": lambda name: name.replace("-idx", ".idx"),
    "gzipped, with a dot": lambda name: name.replace("-idx", ".idx") + ".gz",
    "a folder for each file": lambda name: f"{name}/{name}",
    "such folders, gzipped, one level deeper": lambda name: f"archive/{name}/{name}.gz",
    "upper case": lambda name: name.upper() + ".GZ",
}


@pytest.mark.parametrize("place", LAYOUTS.values(), ids=LAYOUTS)
def test_the_files_are_found_in_common_layouts(place, tmp_path, decompressed, published):
    for file in FILES:
        path = tmp_path / place(file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        gzipped = path.suffix.lower() == ".gz"
        path.symlink_to(published / f"{file.name}.gz" if gzipped else decompressed / file.name)
    # Checks every file by its SHA-256.
    assert datasets.locate(replace(REAL, path=str(tmp_path))) == tmp_path


def test_the_folder_of_a_given_file_is_used(copy):
    path = str(copy / TEST_LABELS.name)
    assert datasets.locate(replace(REAL, path=path)) == copy


def test_files_of_the_same_names_next_to_the_dataset_are_ignored(tmp_path, decompressed):
    for file in FILES:
        for name in ("EMNIST", "FashionMNIST"):
            (tmp_path / name / "raw").mkdir(parents=True, exist_ok=True)
        (tmp_path / "EMNIST" / "raw" / file.name).touch()
        (tmp_path / "FashionMNIST" / "raw" / file.name).symlink_to(decompressed / file.name)
    settings = replace(REAL, path=str(tmp_path))
    assert datasets.locate(settings) == tmp_path


def test_a_folder_of_csv_files_is_refused_with_what_is_expected(tmp_path):
    for name in ("train", "test"):
        (tmp_path / f"fashion-mnist_{name}.csv").write_text("label,pixel1")
    with pytest.raises(DatasetError) as error:
        datasets.locate(replace(REAL, path=str(tmp_path)))
    first, *others = str(error.value).splitlines()
    assert first.endswith("; has fashion-mnist_test.csv, fashion-mnist_train.csv")
    assert all(file.name in others[1] for file in FILES)


def test_mnist_is_recognised(tmp_path):
    contents = idx_of(TEST_LABELS.shape, bytes(10_000))
    file = replace(TEST_LABELS, mnist_sha256=hashlib.sha256(contents).hexdigest())
    (tmp_path / file.name).write_bytes(contents)
    with pytest.raises(DatasetError, match="this is MNIST, not Fashion-MNIST"):
        fashion_mnist.read(tmp_path, file)


def test_a_search_for_files_ends(tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to(tmp_path)
    deep = tmp_path / "1" / "2" / "3" / "4"
    deep.mkdir(parents=True)
    (deep / TEST_LABELS.name).touch()
    assert "has no files" in refusal(tmp_path)
    for number in range(20):
        (tmp_path / str(number + 5)).touch()
    monkeypatch.setattr(fashion_mnist, "MAX_ENTRIES", 10)
    assert re.search(r"has( \d+,){4} \d+ and \d more$", refusal(tmp_path))


def test_the_home_folder_is_written_as_a_tilde(copy, monkeypatch):
    monkeypatch.setenv("HOME", str(copy))
    assert datasets.locate(replace(REAL, path="~")) == copy


@pytest.mark.parametrize("path", ["~nobody-of-this-name/data", "nul\0byte", ""])
def test_an_impossible_path_is_refused(path):
    with pytest.raises(DatasetError, match=r"dataset\.path="):
        datasets.locate(replace(REAL, path=path))


@pytest.mark.parametrize(
    "settings", [REAL, DatasetSettings(name="synthetic", training_size=7)], ids=lambda s: s.name
)
def test_the_size_of_the_training_set_is_known_without_loading_it(settings):
    dataset = datasets.load(settings, datasets.locate(settings))
    assert datasets.training_size(settings) == len(dataset.train_labels)


def test_a_summary_shows_the_first_images(real):
    summary = datasets.summarise(real)
    assert summary.train_images == real.train_images[:20].tobytes()
    assert summary.test_images == real.test_images[:20].tobytes()
    assert summary.train_labels == tuple(real.train_labels[:20])
    assert summary.test_labels[:5] == (9, 2, 1, 1, 6)
    assert summary.train_class_counts == (6_000,) * 10
    assert summary.test_class_counts == (1_000,) * 10
    assert (summary.name, summary.fingerprint) == ("fashion_mnist", real.fingerprint)


def test_the_synthetic_set_depends_on_its_seed_only():
    first, again = datasets.load(SYNTHETIC, None), datasets.load(SYNTHETIC, None)
    assert first.train_images.tobytes() == again.train_images.tobytes()
    assert first.fingerprint == again.fingerprint == "76d645af"
    other = datasets.load(DatasetSettings(name="synthetic", seed=1), None)
    assert other.fingerprint != first.fingerprint
    assert first.train_images.dtype == np.uint8
    assert first.test_images.shape == (500, 784)
    assert set(first.train_labels) == set(range(10))
    assert datasets.locate(SYNTHETIC) is None


def run_module(*, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-m", "bench.data"],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_where_the_dataset_is(tmp_path, real_folder):
    process = run_module(cwd=tmp_path)
    assert (process.returncode, process.stdout) == (0, f"{real_folder}\n")


@pytest.mark.skipif(
    Path("/usr/share/datasets/fashion-mnist").exists(), reason="the system has it, so it is found"
)
def test_the_command_fails_with_a_message(tmp_path):
    (tmp_path / "file").touch()
    process = run_module(cwd=tmp_path, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "file"))
    assert process.returncode == 1
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    assert "can't be found or downloaded" in process.stderr
    assert "XDG_CACHE_HOME" in process.stderr
