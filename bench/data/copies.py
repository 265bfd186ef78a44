"""Copies of a dataset for other machines: written here, checked and kept there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench import files
from bench.data import datasets, fashion_mnist, idx_folder, locate
from bench.data.datasets import FASHION_MNIST, DatasetSettings
from bench.data.errors import DatasetError


def find(settings: DatasetSettings) -> Path | None:
    """Return the folder of a dataset on this machine, checked; None if it is not here.

    Nothing is downloaded.

    Args:
        settings: of a dataset that is read from a folder.
    """
    try:
        if settings.name == FASHION_MNIST and settings.path is None:
            return locate.find()
        folder = datasets.locate(settings)
        datasets.load(settings, folder)
    except (DatasetError, OSError, RuntimeError):  # RuntimeError: the path names an unknown user
        return None
    return folder


def write(settings: DatasetSettings, folder: Path, target: Path) -> None:
    """Write the four files of a dataset, decompressed, to another folder.

    Args:
        settings: of a dataset that is read from a folder.
        folder: result of `bench.data.datasets.locate`.
        target: created if it does not exist.

    Raises:
        DatasetError: a file is missing or damaged.
        FileError: the target can't be written to.
    """
    if settings.name == FASHION_MNIST:
        contents = {file.name: fashion_mnist.read(folder, file)[0] for file in fashion_mnist.FILES}
    else:
        contents = idx_folder.read_files(folder)
    for name, content in contents.items():
        files.write_atomically(target / name, content)


def keep(settings: DatasetSettings, sent: Path) -> DatasetSettings:
    """Check the files that another machine has sent, and copy them to this machine's cache.

    Args:
        settings: of the dataset.
        sent: a folder that `write` has filled.

    Returns:
        Settings with which the dataset is found here.

    Raises:
        DatasetError: a file is missing, damaged, or of another dataset.
        FileError: the cache can't be written to.
    """
    datasets.load(settings, sent)
    cache = locate.default_sources().cache
    if settings.name == FASHION_MNIST:
        kept = replace(settings, path=None)
    else:
        cache = cache.with_name(settings.name)
        kept = replace(settings, path=str(cache))
    with files.locked(cache):
        write(settings, sent, cache)
    return kept
