"""Where Fashion-MNIST is looked for, where it is fetched from, and in which order."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import filelock

from bench.data import debian, download, fashion_mnist
from bench.data.idx import DatasetError
from bench.files import FileError, remove_temporary_files, write_atomically
from bench.machine.facts import cache_folder

PACKAGE = "dataset-fashion-mnist"
PACKAGE_FOLDER = Path("usr/share/datasets/fashion-mnist")  # below / when installed
URLS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)
# What torchvision is told to use as root, below the home folder; the last is a course's.
TORCHVISION_ROOTS = ("data", "datasets", ".pytorch/F_MNIST_data")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The places, in the order in which they are tried."""

    cache: Path  # the project's own: what is fetched is kept there
    folders: tuple[Path, ...]  # other people's
    urls: tuple[str, ...] = URLS
    package: str | None = PACKAGE  # Debian's
    timeout_seconds: float = 10.0


def default_sources() -> Sources:
    """Return the places on this machine.

    Raises:
        DatasetError: there is no home folder to keep anything in.
    """
    try:
        home, cache = Path.home(), cache_folder()
    except RuntimeError as error:
        raise DatasetError(
            "there is no home folder to keep Fashion-MNIST in; set HOME, or give dataset.path"
        ) from error
    keras = Path(os.environ.get("KERAS_HOME") or home / ".keras")
    here = Path.cwd()
    roots = (here / "data", here.parent / "data", *(home / root for root in TORCHVISION_ROOTS))
    return Sources(
        cache=cache / "fashion-mnist",
        folders=(
            Path("/") / PACKAGE_FOLDER,
            keras / "datasets" / "fashion-mnist",
            *(root / "FashionMNIST" / "raw" for root in roots),
        ),
    )


def locate(path: str | None, sources: Sources | None = None) -> Path:
    """Find the four files, or fetch them into the project's cache.

    Args:
        path: the only folder to look in; None for every place that `sources` names.

    Returns:
        An absolute folder with all four files, each of which has just been checked.

    Raises:
        DatasetError: they are not in `path`; or nowhere, and can't be fetched.
    """
    if path is not None:
        return _given(path)
    sources = sources or default_sources()
    failures: list[str] = []
    folder = find(sources, failures)
    if folder is not None:
        return folder
    try:
        with _only_one(sources.cache):
            if _fault(sources.cache) is not None:  # another process may just have fetched them
                _fetch(sources, failures)
    except OSError as error:
        failures.append(
            f"{sources.cache}: can't be written to: {error.strerror}; "
            "XDG_CACHE_HOME can name another place to keep the files in"
        )
        raise _not_found(failures) from error
    return sources.cache


def find(sources: Sources | None = None, failures: list[str] | None = None) -> Path | None:
    """Return the first folder that holds all four files; None where none does.

    Args:
        failures: gets a sentence for every place that does not.
    """
    sources, failures = sources or default_sources(), [] if failures is None else failures
    for folder in (sources.cache, *sources.folders):
        if _holds_them(folder, failures):
            return folder
    return None


def _given(path: str) -> Path:
    try:
        folder = Path(path).expanduser().absolute()
        fashion_mnist.check(folder)
    except (DatasetError, RuntimeError) as error:
        raise DatasetError(
            f"dataset.path={path}: {error}\nGive a folder with Fashion-MNIST's four files, or "
            "dataset.path=null to have it found or fetched"
        ) from error
    return folder


def _holds_them(folder: Path, failures: list[str]) -> bool:
    """Check one place; note what is wrong with it, aloud where its files are bad."""
    fault = _fault(folder)
    if fault is None:
        return True
    failures.append(str(fault))
    if not isinstance(fault, fashion_mnist.MissingError):
        _say(f"not used: {fault}")
    return False


def _fault(folder: Path) -> DatasetError | None:
    try:
        fashion_mnist.check(folder)
    except DatasetError as error:
        return error
    return None


@contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    """Let one process at a time fetch into a cache."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(cache / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        _say("another process is fetching it; waiting for that")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(sources: Sources, failures: list[str]) -> None:
    """Try one way after the other until the cache holds checked copies of all four files."""
    for name, bring in _ways(sources):
        _say(f"trying {name}")
        try:
            with _staging(sources.cache) as staging:
                folder = bring(staging)
                for file in fashion_mnist.FILES:
                    contents, _ = fashion_mnist.read(folder, file)
                    remove_temporary_files(sources.cache / file.name)
                    write_atomically(sources.cache / file.name, contents)
        except (DatasetError, FileError, OSError) as error:
            failures.append(f"{name}: {error}")
        else:
            _say(f"now in {sources.cache}")
            return
    raise _not_found(failures)


@contextmanager
def _staging(cache: Path) -> Iterator[Path]:
    """Make an empty folder in a cache that is one's own; a killed process may have left it."""
    folder = cache / ".arriving"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _ways(sources: Sources) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield each way's name, and what brings the files into a folder below an empty one."""
    for url in sources.urls:
        yield url, partial(_download, url, sources.timeout_seconds)
    if sources.package is not None:
        name = f"Debian's package {sources.package}"
        yield name, partial(_unpack, sources.package, sources.timeout_seconds)


def _download(url: str, timeout_seconds: float, staging: Path) -> Path:
    # Compressed, and so shorter than the contents.
    limits = {f"{file.name}.gz": file.size_bytes for file in fashion_mnist.FILES}
    download.download(url, limits, staging, timeout_seconds)
    return staging


def _unpack(package: str, timeout_seconds: float, staging: Path) -> Path:
    return debian.extract(package, staging, timeout_seconds) / PACKAGE_FOLDER


def _not_found(failures: list[str]) -> DatasetError:
    names = ", ".join(f"{file.name}.gz" for file in fashion_mnist.FILES)
    return DatasetError(
        "Fashion-MNIST can't be found or fetched. Tried, in this order:\n"
        + "".join(f"  {failure}\n" for failure in failures)
        + "What would help: a network connection; or, on Debian and its kin,\n"
        f"  sudo apt-get update && sudo apt-get install {PACKAGE}\n"
        f"or the files {names} from\n"
        f"  {URLS[0]}/\n"
        "in a folder, given as dataset.path=FOLDER"
    )


def _say(message: str) -> None:
    print(f"Fashion-MNIST: {message}", file=sys.stderr)
