"""What is compared: a git revision, a folder, or the working tree, each with an interpreter."""

from __future__ import annotations

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
    """Make a side available for the length of a block; worktrees are removed after it.

    Args:
        asked: a revision or a folder; None is the working tree as it stands.
        name: of the side, for messages.

    Raises:
        SideError: there is no such revision, folder or interpreter.
    """
    interpreter = Path(sys.executable) if python is None else python
    if not interpreter.is_file():
        raise SideError(f"--{name.lower()}-python={python}: no such file")
    if asked is None or (Path(asked) / NEEDED[1]).is_file():
        tree = (repository if asked is None else Path(asked)).resolve()
        label = "working tree" if asked is None else asked
        _check(tree, name, label)
        yield SideOfPair(label=label, tree=tree, python=interpreter, commit=_commit_of(tree))
        return
    commit = commit_named(asked, repository)
    if commit is None:
        raise SideError(
            f"{name}={asked}: neither a revision of {repository} nor a folder with "
            f"{' and '.join(NEEDED)}"
        )
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as folder:
        tree = Path(folder) / "tree"
        _git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            _check(tree, name, asked)
            yield SideOfPair(label=asked, tree=tree, python=interpreter, commit=commit)
        finally:
            _git(repository, "worktree", "remove", "--force", str(tree))
            _git(repository, "worktree", "prune")


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
        start_new_session=True,  # Ctrl-C must not stop the removal of a worktree
    )
    return ended.stdout.strip() if ended.returncode == 0 else None
