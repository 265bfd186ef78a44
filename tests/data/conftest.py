"""Fixtures for the tests of data: the real files, and copies that a test may change."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bench.data import datasets, fashion_mnist, locate
from bench.data.datasets import Dataset, DatasetSettings
from bench.data.fashion_mnist import FILES

REAL = DatasetSettings(name="fashion_mnist")
SYNTHETIC = DatasetSettings(name="synthetic")


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """Where Fashion-MNIST is on this machine."""
    return locate.locate(None)


@pytest.fixture(scope="session")
def real(real_folder: Path) -> Dataset:
    """Fashion-MNIST. Not to be changed."""
    return datasets.load(REAL, real_folder)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, real_folder: Path) -> Path:
    """The four files as they are published: gzipped. Not to be changed."""
    folder = tmp_path_factory.mktemp("published")
    for file in FILES:
        contents, _ = fashion_mnist.read(real_folder, file)
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(contents, 1))
    return folder


@pytest.fixture(scope="session")
def decompressed(tmp_path_factory: pytest.TempPathFactory, real_folder: Path) -> Path:
    """The four files, decompressed. Not to be changed."""
    folder = tmp_path_factory.mktemp("decompressed")
    for file in FILES:
        (folder / file.name).write_bytes(fashion_mnist.read(real_folder, file)[0])
    return folder


def replace_file(path: Path, contents: bytes) -> None:
    """Write a new file in place of one that may be a link to a shared one."""
    path.unlink()
    path.write_bytes(contents)
