"""Find Fashion-MNIST on this machine, or download it: the places and their order."""

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
# Common root folders of torchvision, below the home folder; the last one is from a course.
TORCHVISION_ROOTS = ("data", "datasets", ".pytorch/F_MNIST_data")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Places to search, in this order.

    Attributes:
        cache: the project's cache folder; downloads are kept there.
        folders: folders of other programs; they are only read.
        urls: addresses of folders with the four compressed files.
        package: name of a Debian package; None for no package.
        timeout_seconds: maximum time to wait for each answer of a host.
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
            "there is no home folder for the cache; set HOME, or give dataset.path"
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
        path: a folder or one of the files; None to search all of `sources`.
        sources: places to search; None for those of this machine.

    Returns:
        An absolute folder for `fashion_mnist.read`; all four files have just been checked.

    Raises:
        DatasetError: the files are not in `path`, or can't be found or downloaded.
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
            if _problem(sources.cache) is not None:  # otherwise another process has downloaded them
                _fetch(sources, failures)
    except (files.FileError, OSError) as error:
        failures.append(f"{error}; set XDG_CACHE_HOME to move the cache")
        raise _not_found(failures) from error
    return sources.cache


def find(sources: Sources | None = None, failures: list[str] | None = None) -> Path | None:
    """Return the first folder on this machine with all four files; None if there is none.

    Args:
        sources: places to search; None for those of this machine.
        failures: a message is appended for every other folder.
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
    """Check the value of dataset.path; return the folder."""
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
    """Try one method after the other until the cache contains checked copies of all files."""
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
    """Create an empty folder in a locked cache; delete one that a killed process left."""
    folder = cache / ".arriving"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _methods(sources: Sources) -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Yield the name of each method, and a function that writes the files below a folder."""
    timeout_seconds = sources.timeout_seconds
    # Compressed files are smaller than their contents.
    limits = {f"{file.name}.gz": file.size_bytes for file in fashion_mnist.FILES}
    for url in sources.urls:
        yield url, partial(download.download, url, limits, timeout_seconds=timeout_seconds)
    if (package := sources.package) is not None:
        yield (
            f"Debian's package {package}",
            lambda staging: debian.extract(package, staging, timeout_seconds) / PACKAGE_FOLDER,
        )


def _not_found(failures: list[str]) -> DatasetError:
    names = ", ".join(f"{file.name}.gz" for file in fashion_mnist.FILES)
    return DatasetError(
        "Fashion-MNIST can't be found or downloaded. Tried, in this order:\n"
        + "".join(f"  {failure}\n" for failure in failures)
        + "Remedy: a network connection; or, on Debian and its derivatives,\n"
        f"  sudo apt-get update && sudo apt-get install {PACKAGE}\n"
        f"or the files {names} from\n"
        f"  {URLS[0]}/\n"
        "in a folder, given as dataset.path=FOLDER"
    )


def _print_progress(message: str) -> None:
    print(f"Fashion-MNIST: {printable(message)}", file=sys.stderr)
