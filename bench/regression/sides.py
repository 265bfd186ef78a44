"""The two sides of a comparison: a git revision, a folder or the working tree, and a Python."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.git import GitError
from bench.process.environment import child_environment
from bench.regression import git

LIST_LIBRARIES = """
import platform
from importlib.metadata import distributions
print("python", platform.python_version())
for distribution in distributions():
    print(distribution.name.lower(), distribution.version)
"""
MAX_STDERR_LINES = 5
MAX_STDERR_CHARACTERS = 600


class SideError(Exception):
    """A side can't be compared; the message says which side, why, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        label: what the user called it.
        tree: a copy of its code.
        python: its interpreter.
        commit: with "-dirty" appended if the code was changed since; None if unknown.
    """

    label: str
    tree: Path
    python: Path
    commit: str | None


def find_repository(start: Path) -> git.Repository:
    """Find the repository of a folder.

    Raises:
        SideError: there is none that can be used.
    """
    try:
        return git.find_repository(start)
    except GitError as error:
        raise SideError(
            f"{start}: {error}; without a repository, give two folders as BASE and HEAD"
        ) from error


@contextmanager
def checked_out(
    revision: str | None, python: Path | None, repository: git.Repository | None, name: str
) -> Iterator[Side]:
    """Copy a side for the length of a block, so that later edits do not change what is compared.

    Args:
        revision: a revision or a folder; None for the working tree.
        python: its interpreter; None for this one.
        repository: not needed for a folder.
        name: BASE or HEAD, for messages.

    Raises:
        SideError: there is no such revision, folder or interpreter.
    """
    interpreter = Path(sys.executable) if python is None else python.absolute()
    if not interpreter.is_file():
        raise SideError(f"--{name.lower()}-python={python}: no such file")
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as folder:
        tree = Path(folder) / "tree"
        try:
            commit = _fetch(revision, repository, tree)
        except GitError as error:
            raise SideError(f"{name}={revision or 'working tree'}: {error}") from error
        yield Side(label=revision or "working tree", tree=tree, python=interpreter, commit=commit)


def _fetch(revision: str | None, repository: git.Repository | None, tree: Path) -> str | None:
    """Copy or write out a revision; return its commit."""
    folder = repository.project if revision is None and repository else Path(revision or ".")
    if folder is not None and git.is_project(folder):
        _copy(folder, tree)
        return git.checked_out_commit(folder)
    if repository is None or revision is None:
        raise GitError("a bare repository has no working tree; give a revision")
    commit = git.commit_of_revision(revision, repository)
    git.write_out(commit, repository, tree)
    return commit


def _copy(source: Path, tree: Path) -> None:
    """Copy what a side needs of a folder, including uncommitted and ignored files."""
    for folder in git.NEEDED:
        shutil.copytree(
            source / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__")
        )


def different_libraries(base: Side, head: Side) -> dict[str, tuple[str, str]]:
    """Return the versions of libraries that differ between the interpreters; "none" if missing.

    Raises:
        SideError: an interpreter does not run.
    """
    if base.python == head.python:
        return {}
    in_base, in_head = _libraries(base.python), _libraries(head.python)
    return {
        name: (in_base.get(name, "none"), in_head.get(name, "none"))
        for name in sorted({*in_base, *in_head})
        if in_base.get(name) != in_head.get(name)
    }


@functools.cache
def _libraries(python: Path) -> dict[str, str]:
    try:
        listed = subprocess.run(  # noqa: S603
            [python, "-c", LIST_LIBRARIES],
            capture_output=True,
            text=True,
            check=True,
            env=child_environment(1),
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        reason = last_lines(error.stderr) if hasattr(error, "stderr") else ""
        raise SideError(
            f"{python}: does not run as a Python interpreter: {reason or error}"
        ) from error
    return dict(line.split(" ", 1) for line in listed.splitlines())


def last_lines(text: str) -> str:
    """Return the end of what a process printed to standard error, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-MAX_STDERR_LINES:])[-MAX_STDERR_CHARACTERS:]
