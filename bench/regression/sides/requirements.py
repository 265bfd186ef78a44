"""Environments for `--base-requirements` and `--head-requirements`, made by uv and kept.

An environment contains the libraries that the cases need, NumPy and the requirements. All other
versions are those of the project's lock file where the requirements allow them.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import filelock

from bench import files, imports
from bench.console import shorten
from bench.regression.cases import Case
from bench.regression.sides.checkout import SideError

LOCK_FILE = "extras.lock"  # versions of everything that the project can use
RESOLVED = "requirements.txt"  # in an environment: written when it is complete
MAX_MESSAGE_CHARACTERS = 600
# Between requirements: spaces, or a comma before a name, but not one in "jax[a,b]" or in "<3,>2".
SEPARATOR = re.compile(r"\s+|\s*,\s*(?=[A-Za-z])(?![^\[]*\])")
AROUND_OPERATOR = re.compile(r"\s*([<>=!~]=?=?)\s*")


def parse(text: str) -> list[str]:
    """Return the requirements in a text such as "tensorflow==2.19 numpy<2", or in a file.

    Raises:
        SideError: a part of it is an option, such as "-r other.txt".
    """
    path = Path(text)
    if path.is_file():
        content = path.read_text(encoding="utf-8", errors="replace")
        parts = [re.sub(r"(^|\s)#.*", "", line).strip() for line in content.splitlines()]
    else:
        parts = SEPARATOR.split(AROUND_OPERATOR.sub(r"\1", text.strip()))
    for part in parts:
        if part.startswith("-") or part.endswith("\\"):
            raise SideError(f"{text}: {part}: only requirements such as numpy==2.4")
    return [part for part in parts if part]


def interpreter(
    option: str, text: str | None, python: Path | None, cases: Sequence[Case]
) -> Path | None:
    """Return the interpreter of a side; make its environment unless it is in the cache.

    Args:
        option: for messages, such as --base-requirements.
        text: requirements, or the path of a file of requirements; None for the given interpreter.
        python: interpreter of the side, or to make an environment with; None for this process's.
        cases: what is compared.

    Raises:
        SideError: there is no uv, or it can't find or install the requirements.
    """
    if text is None:
        return python
    libraries = {library for case in cases for library in case.config.implementation.libraries}
    wanted = [*parse(text), *sorted({"numpy", *libraries})]
    lock = imports.PROJECT / LOCK_FILE
    pins = lock.read_text("utf-8") if lock.exists() else ""
    base = str(python or sys.executable)
    digest = hashlib.sha256("\n".join([base, sys.version, *wanted, pins]).encode()).hexdigest()
    folder = files.cache_folder() / "environments" / digest[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not (folder / RESOLVED).exists():
            print(f"{option}={text}: making an environment in {folder}", flush=True)
            _make(folder, wanted, pins, base, f"{option}={text}")
    return folder / "bin" / "python"


def _make(folder: Path, wanted: Sequence[str], pins: str, python: str, source: str) -> None:
    """Make an environment; `RESOLVED` is written last."""
    shutil.rmtree(folder, ignore_errors=True)
    _uv(source, "venv", "--python", python, str(folder))
    resolved = folder / "resolved.txt"
    resolved.write_text(pins, encoding="utf-8")  # uv keeps these versions where it can
    (folder / "wanted.txt").write_text("\n".join(wanted) + "\n", encoding="utf-8")
    of_environment = ("--python", str(folder / "bin" / "python"))
    _uv(source, "pip", "compile", str(folder / "wanted.txt"), "-o", str(resolved), *of_environment)
    _uv(source, "pip", "install", "--requirement", str(resolved), *of_environment)
    resolved.rename(folder / RESOLVED)


def _uv(source: str, *words: str) -> None:
    """Run uv.

    Raises:
        SideError: it is not installed, or fails; the message has its own in one line.
    """
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if uv is None:
        raise SideError(f"{source}: needs uv, which makes the environment: pip install uv")
    done = subprocess.run([uv, "--quiet", *words], capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        message = " ".join(done.stderr.split()).removeprefix("error: ")
        raise SideError(f"{source}: {shorten(message, MAX_MESSAGE_CHARACTERS)}")
