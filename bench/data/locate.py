"""Where Fashion-MNIST is searched for and downloaded from, and in which order."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import files
from bench.console import printable
from bench.data import debian, download, fashion_mnist
from bench.data.errors import DatasetError

PACKAGE = "dataset-fashion-mnist"
PACKAGE_FOLDER = Path("usr/share/datasets/fashion-mnist")  # below / when installed
URLS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)
# Roots that torchvision is commonly given, below the home folder; the last is a course's.
TORCHVISION_ROOTS = ("data", "datasets", ".pytorch/F_MNIST_data")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The places, in the order in which they are tried.

    Attributes:
        cache: the project's own folder; downloads are kept there.
        folders: of other programs; never written to.
        urls: of folders that have the four files, compressed.
        package: a Debian package; None to try none.
        timeout_seconds: for each answer of a host.
    """

    cache: Path
    folders: tuple[Path, ...]
    urls: tuple[str, ...] = URLS
    package: str | None = PACKAGE
    timeout_seconds: float = 10.0


def default_sources() -> Sources:
    """Return the places on this machine.

    Raises:
        DatasetError: there is no home folder for a cache.
    """
    try:
        home, cache = Path.home(), files.cache_folder()
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
    """Find the four files, or download them into the project's cache.

    Args:
        path: the only place to search, a folder or one of the files; None for all of `sources`.
        sources: those of this machine by default.

    Returns:
        An absolute folder for `fashion_mnist.read`; all four files have just been checked.

    Raises:
        DatasetError: they are not in `path`; or nowhere, and can't be downloaded.
    """
    if path is not None:
        return _check_given(path)
    sources = sources or default_sources()
    failures: list[str] = []
    folder = find(sources, failures)
    if folder is not None:
        return folder
    try:
        with _locked(sources.cache):
            if _problem(sources.cache) is not None:  # else another process has downloaded them
                _fetch(sources, failures)
    except (files.FileError, OSError) as error:
        failures.append(f"{error}; XDG_CACHE_HOME can name another place to keep the files in")
        raise _not_found(failures) from error
    return sources.cache


def find(sources: Sources | None = None, failures: list[str] | None = None) -> Path | None:
    """Return the first folder on this machine that has all four files; None if none has.

    Args:
        sources: those of this machine by default.
        failures: a sentence is appended for every folder that doesn't have them.
    """
    sources = sources or default_sources()
    for folder in (sources.cache, *sources.folders):
        problem = _problem(folder)
        if problem is None:
            return folder
        if failures is not None:
            failures.append(str(problem))
        if not isinstance(problem, fashion_mnist.MissingError):
            _print_progress(f"not used: {problem}")
    return None


def _check_given(path: str) -> Path:
    """Check the value of dataset.path, and return the folder it means."""
    try:
        if not path:
            raise DatasetError("empty")
        folder = Path(path).expanduser().absolute()
        if any(file.is_named(folder.name) for file in fashion_mnist.FILES) and folder.is_file():
            folder = folder.parent
        fashion_mnist.check(folder)
    except (DatasetError, RuntimeError, ValueError, OSError) as error:
        raise DatasetError(
            f"dataset.path={path}: {error}\n"
            "Expected: a folder with Fashion-MNIST's four files as published, compressed or not:\n"
            f"  {', '.join(file.name for file in fashion_mnist.FILES)}\n"
            "or dataset.path=null, to find or download them"
        ) from error
    return folder


def _problem(folder: Path) -> DatasetError | None:
    try:
        fashion_mnist.check(folder)
    except DatasetError as error:
        return error
    return None


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Let one process at a time download into a cache."""
    with files.locked(cache, wait=False) as held:
        if held:
            yield
            return
    _print_progress("another process is downloading it; waiting")
    with files.locked(cache):
        yield


def _fetch(sources: Sources, failures: list[str]) -> None:
    """Try one method after the other until the cache has checked copies of all four files."""
    for name, method in _methods(sources):
        _print_progress(f"trying {name}")
        try:
            with _staging_folder(sources.cache) as staging:
                folder = method(staging)
                for file in fashion_mnist.FILES:
                    contents, _ = fashion_mnist.read(folder, file)
                    files.remove_temporary_files(sources.cache / file.name)
                    files.write_atomically(sources.cache / file.name, contents)
        except (DatasetError, files.FileError, OSError) as error:
            failures.append(f"{name}: {error}")
        else:
            _print_progress(f"now in {sources.cache}")
            return
    raise _not_found(failures)


@contextmanager
def _staging_folder(cache: Path) -> Iterator[Path]:
    """Make an empty folder in a locked cache, in place of one that a killed process has left."""
    folder = cache / ".arriving"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _methods(sources: Sources) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield names, and functions that get the files into an empty folder or one below it."""
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
        "Fashion-MNIST can't be found or downloaded. Tried, in this order:\n"
        + "".join(f"  {failure}\n" for failure in failures)
        + "What would help: a network connection; or, on Debian and its derivatives,\n"
        f"  sudo apt-get update && sudo apt-get install {PACKAGE}\n"
        f"or the files {names} from\n"
        f"  {URLS[0]}/\n"
        "in a folder, given as dataset.path=FOLDER"
    )


def _print_progress(message: str) -> None:
    print(f"Fashion-MNIST: {printable(message)}", file=sys.stderr)
