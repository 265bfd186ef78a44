"""Other sets in the format of MNIST are named by what is in them; other files are refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.data import datasets, fashion_mnist, idx_folder
from bench.data.fashion_mnist import FILES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from tests.config import compose, refusal
from tests.conftest import TINY

SIZES = {"train": 300, "t10k": 100}


def contents(name: str, shape=None, magic=None) -> bytes:
    """Return an IDX file: labels 0 to 9 in turn, or images with white pixels where the label is."""
    labels = np.arange(SIZES[name.partition("-")[0]], dtype=np.uint8) % 10
    images = np.repeat(np.eye(10, dtype=np.uint8)[labels] * 255, [79] * 9 + [73], axis=1)
    array = labels if "labels" in name else images
    shape = shape or ((len(labels),) if "labels" in name else (len(labels), 28, 28))
    header = magic or bytes((0, 0, 8, len(shape)))
    return header + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A set called Runes, as torchvision stores it."""
    path = tmp_path / "Runes" / "raw"
    path.mkdir(parents=True)
    for file in FILES:
        (path / file.name).write_bytes(contents(file.name))
    return path


def name_of(folder: Path) -> str:
    (config,) = compose("dataset=idx", f"dataset.path={folder}", "batch_size=10")
    return config.dataset.name


def test_a_set_is_named_by_its_folder_and_a_checksum(folder):
    name = name_of(folder)
    assert name.startswith("runes-")
    for file in FILES:
        (folder / f"set-{file.name}.gz").write_bytes(gzip.compress(contents(file.name)))
        (folder / file.name).unlink()
    assert name_of(folder) == name  # compression and longer names of files change nothing
    (folder / f"set-{TEST_LABELS.name}.gz").write_bytes(
        bytes(contents(TEST_LABELS.name))[:-1] + b"\1"
    )
    assert name_of(folder) != name


def test_mnist_is_named_by_its_contents(folder, monkeypatch):
    files = [
        replace(file, mnist_sha256=hashlib.sha256(contents(file.name)).hexdigest())
        for file in FILES
    ]
    idx_folder._read.cache_clear()
    monkeypatch.setattr(idx_folder, "FILES", files)
    monkeypatch.setattr(idx_folder, "_find", lambda folder, file: folder / file.name)
    assert idx_folder.read(folder).name == "mnist"
    idx_folder._read.cache_clear()


def test_fashion_mnist_is_not_another_set(real_folder):
    message = refusal("dataset=idx", f"dataset.path={real_folder}")
    assert "this is Fashion-MNIST; use dataset=fashion_mnist" in message


def test_a_run_and_its_report_say_that_it_is_not_fashion_mnist(folder, run, tmp_path):
    words = [word for word in TINY if not word.startswith("dataset")]
    words += ["dataset=idx", f"dataset.path={folder}", "batch_size=10", "sweep_name=runes"]
    completed = run("bench", *words)
    assert completed.returncode == 0, completed.stderr
    name = name_of(folder)
    assert f"Runs ({name}, not Fashion-MNIST)" in completed.stdout
    (path,) = tmp_path.glob("results/runes/*/record.json")
    record = json.loads(path.read_text())
    assert record["config"]["dataset"]["name"] == name
    assert record["test_accuracy"] > 0.5
    assert run("bench-report", "results/runes").returncode == 0
    report = (tmp_path / "results" / "runes" / "report" / "report.md").read_text()
    assert "Not Fashion-MNIST. Results below are from runes-" in report
    assert f"dataset=idx dataset.path={folder}" in report


@pytest.mark.parametrize(
    ("file", "damaged", "reason"),
    [
        (TRAIN_LABELS, None, "has no file train-labels-idx1-ubyte, with or without .gz"),
        (TRAIN_LABELS, b"", "train-labels-idx1-ubyte: not an IDX file"),
        (TRAIN_LABELS, contents(TRAIN_LABELS.name)[:-1], "train-labels-idx1-ubyte: truncated"),
        (TRAIN_LABELS, contents(TEST_LABELS.name), "has 100 labels for 300 images"),
        (
            TEST_LABELS,
            contents(TEST_LABELS.name)[:-1] + b"\x0a",
            "t10k-labels-idx1-ubyte: has the label 10; must be 0 to 9",
        ),
        (
            TRAIN_IMAGES,
            contents(TRAIN_IMAGES.name, (300, 56, 14)),
            "train-images-idx3-ubyte: has images of 56 x 14 pixels; must be unsigned bytes: 28",
        ),
        (
            TRAIN_IMAGES,
            contents(TRAIN_IMAGES.name, magic=b"\0\0\x0d\3"),
            "train-images-idx3-ubyte: not an IDX file of unsigned bytes: 28 x 28 images",
        ),
        (TRAIN_LABELS, contents(TRAIN_LABELS.name, (0,)), "has 0 examples; must have 1 to"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_allowed(file, damaged, reason, folder):
    (folder / file.name).unlink()
    if damaged is not None:
        (folder / file.name).write_bytes(damaged)
    message = refusal("dataset=idx", f"dataset.path={folder}")
    assert message.startswith(f"dataset.path={str(folder)[:50]}")
    assert reason in message


def test_two_sets_in_a_folder_are_refused(folder):
    (folder / f"other-{TRAIN_LABELS.name}").touch()
    assert "put each set into its own folder" in refusal("dataset=idx", f"dataset.path={folder}")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "dataset.path=null: must be the folder of the set's four files"),
        (["dataset.path=nowhere"], "nowhere: no such folder"),
        (["dataset.path='~nobody-of-this-name'"], "dataset.path=~nobody"),
        (["dataset.name=runes"], "dataset.name=runes: must be one of fashion_mnist, idx"),
        (["dataset.path=x", "dataset.seed=3"], "no such folder"),
    ],
)
def test_what_names_no_set_is_refused(words, reason):
    assert reason in refusal("dataset=idx", *words)


def test_files_that_change_after_planning_are_refused(folder):
    settings = datasets.with_contents(datasets.DatasetSettings(name="idx", path=str(folder)))
    assert datasets.training_size(settings) == 300
    assert datasets.load(settings, folder).train_images.shape == (300, 784)
    (folder / TEST_LABELS.name).write_bytes(contents(TEST_LABELS.name)[:-1] + b"\1")
    with pytest.raises(datasets.DatasetError, match="have changed since the run was planned"):
        datasets.load(settings, folder)
    assert fashion_mnist.FILES == FILES
