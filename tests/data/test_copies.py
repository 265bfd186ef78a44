"""Datasets that one machine writes and another keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.data import copies, datasets, idx_folder
from bench.data.datasets import DatasetSettings
from bench.data.errors import DatasetError
from bench.data.fashion_mnist import TEST_LABELS
from tests.data.test_idx_folder import folder as folder

FASHION_MNIST = DatasetSettings(name="fashion_mnist")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Simulate a machine without datasets; return its cache."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "cache" / "mlp-bench"


def test_fashion_mnist_is_found_once_it_is_kept(published, elsewhere, tmp_path):
    assert copies.find(FASHION_MNIST) is None
    copies.write(FASHION_MNIST, published, tmp_path / "sent")
    kept = copies.keep(replace(FASHION_MNIST, path="/only/there"), tmp_path / "sent")
    assert kept == FASHION_MNIST
    assert copies.find(kept) == elsewhere / "fashion-mnist"
    assert copies.find(replace(FASHION_MNIST, path="/only/there")) is None


def test_damaged_files_are_not_kept(published, elsewhere, tmp_path):
    copies.write(FASHION_MNIST, published, tmp_path / "sent")
    path = tmp_path / "sent" / TEST_LABELS.name
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(DatasetError, match="altered"):
        copies.keep(FASHION_MNIST, tmp_path / "sent")
    with pytest.raises(DatasetError, match="no such folder"):
        copies.keep(FASHION_MNIST, tmp_path / "nothing")
    assert not elsewhere.exists()


def test_another_set_is_kept_under_its_name(folder, elsewhere, tmp_path):
    settings = datasets.with_contents(DatasetSettings(name="idx", path=str(folder)))
    copies.write(settings, folder, tmp_path / "sent")
    there = replace(settings, path="/only/there")
    assert copies.find(there) is None
    kept = copies.keep(there, tmp_path / "sent")
    assert kept == replace(settings, path=str(elsewhere / settings.name))
    assert copies.find(kept) == elsewhere / settings.name
    assert idx_folder.read_files(elsewhere / settings.name) == idx_folder.read_files(folder)
    with pytest.raises(DatasetError, match="have changed"):
        copies.keep(replace(there, name="runes-00000000"), tmp_path / "sent")
    assert {path.name for path in elsewhere.iterdir()} == {settings.name}
