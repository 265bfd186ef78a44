"""What is compared: a git revision, a folder, or the working tree, each with an interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HISTORY = "results/history.jsonl"  # written about revisions; in none of them a change of code
LIST_LIBRARIES = """
import platform
from importlib.metadata import distributions
print("python", platform.python_version())
for one in distributions():
    print(one.name.lower(), one.version)
"""
NEEDED = ("implementations", "bench/contract.py")


class SideError(Exception):
    """A side can't be had; the message says which, and what would do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SideOfPair:
    """One side of a comparison."""

    label: str
    tree: Path
    python: Path
    commit: str | None


@contextmanager
def checked_out(
    asked: str | None, python: Path | None, repository: Path, name: str
) -> Iterator[SideOfPair]:
    """Copy a side for the length of a block, so that no edit meanwhile gets into it.

    A revision is written out beside the repository, which keeps no trace of that, not even if this
    process is killed.

    Args:
        asked: a revision or a folder; None is the working tree as it stands.
        name: of the side, for messages.

    Raises:
        SideError: there is no such revision, folder or interpreter.
    """
    interpreter = Path(sys.executable) if python is None else python
    if not interpreter.is_file():
        raise SideError(f"--{name.lower()}-python={python}: no such file")
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as folder:
        tree = Path(folder) / "tree"
        if asked is None or (Path(asked) / NEEDED[1]).is_file():
            source = repository if asked is None else Path(asked)
            label = "working tree" if asked is None else asked
            _check(source, name, label)
            commit = _commit_of(source)
            _copy(source, tree)
        else:
            label = asked
            commit = commit_named(asked, repository)
            if commit is None:
                raise SideError(
                    f"{name}={asked}: neither a revision of {repository} nor a folder with "
                    f"{' and '.join(NEEDED)}"
                )
            _write_out(commit, repository, tree)
            _check(tree, name, label)
        yield SideOfPair(label=label, tree=tree, python=interpreter, commit=commit)


def _copy(source: Path, tree: Path) -> None:
    """Copy what a side needs of a folder, uncommitted and ignored files included."""
    for needed in ("implementations", "bench"):
        shutil.copytree(
            source / needed, tree / needed, ignore=shutil.ignore_patterns("__pycache__")
        )


def _write_out(commit: str, repository: Path, tree: Path) -> None:
    """Write the files of a commit, by way of an index that is not the repository's own.

    Raises:
        SideError: git can't.
    """
    index = os.environ | {"GIT_INDEX_FILE": str(tree.with_name("index"))}
    for words in (["read-tree", commit], ["checkout-index", "--all", f"--prefix={tree}/"]):
        ended = subprocess.run(  # noqa: S603
            ["git", "-C", repository, *words],  # noqa: S607
            capture_output=True, text=True, check=False, env=index,
        )  # fmt: skip
        if ended.returncode != 0:
            raise SideError(f"{commit}: git can't write it out: {ended.stderr.strip()}")


def different_libraries(base: SideOfPair, head: SideOfPair) -> dict[str, tuple[str, str]]:
    """Return what both interpreters have in different versions; "none" where one lacks it.

    Raises:
        SideError: an interpreter does not run.
    """
    if base.python == head.python:
        return {}
    one, other = _libraries(base.python), _libraries(head.python)
    return {
        name: (one.get(name, "none"), other.get(name, "none"))
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }


def _libraries(python: Path) -> dict[str, str]:
    try:
        told = subprocess.run(  # noqa: S603
            [python, "-c", LIST_LIBRARIES], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SideError(f"{python}: does not run as a Python interpreter: {error}") from error
    return dict(line.split(" ", 1) for line in told.splitlines())


def repository_here() -> Path:
    """Return the top of the git repository of the current folder.

    Raises:
        SideError: there is none.
    """
    top = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    if top is None:
        raise SideError(f"{Path.cwd()}: not in a git repository; give folders as BASE and HEAD")
    return Path(top)


def commit_named(revision: str, repository: Path) -> str | None:
    """Return the commit that a revision names, or None."""
    return _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")


def may_be_before(commit: str, revision: str, repository: Path) -> bool:
    """Return whether a commit is an ancestor of a revision, or git knows too little to tell."""
    ended = subprocess.run(  # noqa: S603
        ["git", "-C", repository, "merge-base", "--is-ancestor", commit, revision],  # noqa: S607
        capture_output=True,
        check=False,
    )
    return ended.returncode != 1  # 128: it is not there, as in a shallow clone


def committed_at(commit: str, repository: Path) -> str:
    """Return when a commit was made, in UTC, ISO 8601."""
    seconds = _git(repository, "show", "--no-patch", "--format=%ct", commit)
    assert seconds is not None  # noqa: S101  # it has just been checked out
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _check(tree: Path, name: str, label: str) -> None:
    for needed in NEEDED:
        if not (tree / needed).exists():
            raise SideError(f"{name}={label}: there is no {needed} in it, so nothing to compare")


def _commit_of(tree: Path) -> str | None:
    commit = _git(tree, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(tree, "status", "--porcelain", "--", ":/", f":(top,exclude){HISTORY}")
    return commit + ("-dirty" if changed else "")


def _git(folder: Path, *words: str) -> str | None:
    """Return what git prints, or None where it refuses."""
    ended = subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *words],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.strip() if ended.returncode == 0 else None
