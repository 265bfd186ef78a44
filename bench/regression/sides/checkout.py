"""Copy the sides of a comparison: a git revision, a folder or the working tree."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench import imports
from bench.console import shorten
from bench.git import GitError
from bench.process.environment import child_environment
from bench.regression.sides import repository as git

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


class CommitError(SideError):
    """HEAD can't be compared because of what its commit contains, not because of the command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        label: the revision or folder as the user gave it.
        tree: folder with a copy of its code.
        python: interpreter that runs it.
        commit: commit, with "-dirty" appended if the code was edited; None if unknown.
    """

    label: str
    tree: Path
    python: Path
    commit: str | None

    @property
    def is_exact_commit(self) -> bool:
        """Whether the code is that of a commit, without edits."""
        return self.commit is not None and not self.commit.endswith("-dirty")


SideName = Literal["base", "head"]
Sides = Mapping[SideName, Side]


def find_repository(start: Path) -> git.Repository:
    """Find the repository of a folder.

    Raises:
        CommitError: the checked-out commit does not contain the project.
        SideError: there is no repository, or git refuses it.
    """
    try:
        return git.find_repository(start)
    except git.NoProjectError as error:
        raise CommitError(f"{start}: {error}") from error
    except GitError as error:
        raise SideError(
            f"{start}: {error}; without a repository, give two folders as BASE and HEAD"
        ) from error


@contextmanager
def checked_out(
    revision: str | None, python: Path | None, repository: git.Repository | None, name: str
) -> Iterator[Side]:
    """Copy a side for the length of a `with` block: later edits must not change it.

    Args:
        revision: a revision or a folder; None for the working tree.
        python: interpreter of the side; None for this process's.
        repository: the project's repository; None if only folders are compared.
        name: name of the side in messages, such as BASE.

    Raises:
        CommitError: the commit of HEAD does not contain the project.
        SideError: there is no such revision, folder or interpreter.
    """
    interpreter = Path(sys.executable) if python is None else python.absolute()
    if not interpreter.is_file():
        raise SideError(f"--{name.lower()}-python={python}: no such file")
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as folder:
        tree = Path(folder) / "tree"
        try:
            commit = _fetch(revision, repository, tree)
            _copy_plugins(tree)
        except GitError as error:
            is_of_commit = name == "HEAD" and isinstance(error, git.NoProjectError)
            kind = CommitError if is_of_commit else SideError
            raise kind(f"{name}={revision or 'working tree'}: {error}") from error
        yield Side(label=revision or "working tree", tree=tree, python=interpreter, commit=commit)


@contextmanager
def both_checked_out(
    base: str | None,
    head: str | None,
    repository: git.Repository | None,
    *,
    names: tuple[str, str] = ("BASE", "HEAD"),
    pythons: tuple[Path | None, Path | None] = (None, None),
) -> Iterator[Sides]:
    """Copy both sides for the length of a `with` block; arguments as for `checked_out`."""
    with (
        checked_out(base, pythons[0], repository, names[0]) as base_side,
        checked_out(head, pythons[1], repository, names[1]) as head_side,
    ):
        yield {"base": base_side, "head": head_side}


def _fetch(revision: str | None, repository: git.Repository | None, tree: Path) -> str | None:
    """Copy or write out a revision; return its commit."""
    folder = repository.project if revision is None and repository else Path(revision or ".")
    if git.is_project(folder):
        _copy(folder, tree)
        return git.checked_out_commit(folder)
    if repository is None or revision is None:
        missing = " and ".join(git.missing_parts(folder))
        raise git.NoProjectError(f"is not a copy of the project: it lacks {missing}")
    commit = git.commit_of_revision(revision, repository)
    git.write_out(commit, repository, tree)
    return commit


def _copy(source: Path, tree: Path) -> None:
    """Copy the folders of a side, including uncommitted and ignored files."""
    for folder in git.NEEDED:
        try:
            shutil.copytree(source / folder, tree / folder, ignore=_not_copied)
        except shutil.Error as error:
            path, _, reason = error.args[0][0]  # the first of the files that can't be copied
            raise GitError(f"{path}: can't be copied: {reason}") from error


def _not_copied(folder: str, names: list[str]) -> set[str]:
    """Return caches, and links without a target, which a copy could not follow."""
    return {name for name in names if name == "__pycache__" or not Path(folder, name).exists()}


def _copy_plugins(tree: Path) -> None:
    """Copy the modules of plug-ins into the package `implementations` of a side."""
    package = tree / imports.IMPLEMENTATIONS
    for folder in imports.plugin_folders():
        for module in (folder / imports.IMPLEMENTATIONS).glob("[!.]*"):
            if module.name in ("__init__.py", "__pycache__"):
                continue
            target = package / module.name
            if target.exists():
                raise GitError(f"has a module of the same name as {module}; rename yours")
            if module.is_dir():
                shutil.copytree(module, target, ignore=_not_copied)
            else:
                shutil.copy(module, target)


def different_libraries(sides: Sides) -> dict[str, tuple[str, str]]:
    """Return the versions of libraries that differ between the interpreters; "none" if missing.

    Raises:
        SideError: an interpreter does not run.
    """
    pythons = sides["base"].python, sides["head"].python
    if pythons[0] == pythons[1]:
        return {}
    in_base, in_head = map(_libraries, pythons)
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
    """Return the last lines of a process's standard error, joined to one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return shorten(" | ".join(lines[-MAX_STDERR_LINES:]), MAX_STDERR_CHARACTERS)
