"""The project's repository: find it, name its commits and write them out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.console import printable
from bench.git import GitError, run_git
from bench.imports import IMPLEMENTATIONS

CONTRACT = "bench/contract.py"
SIDE_CODE = (CONTRACT, IMPLEMENTATIONS)  # what a side runs; it shares everything else
NEEDED = (IMPLEMENTATIONS, "bench")  # the folders that a side of a comparison consists of
CODE = (*NEEDED, "conf")


class NoProjectError(GitError):
    """A commit, or what is checked out, does not contain the project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A git repository with the project in it.

    Attributes:
        top: top folder of the work tree.
        project: the project's folder in the work tree.
    """

    top: Path
    project: Path

    @property
    def prefix(self) -> str:
        """Path of the project from the top, such as "" or "tools/mlp/"."""
        path = self.project.relative_to(self.top).as_posix()
        return "" if path == "." else f"{path}/"


def is_project(folder: Path) -> bool:
    """Return whether a folder contains the parts of the project that a comparison needs."""
    return not missing_parts(folder)


def missing_parts(folder: Path) -> list[str]:
    """Return which of the parts that a comparison needs are not in a folder."""
    is_there = {CONTRACT: Path.is_file, IMPLEMENTATIONS: Path.is_dir}
    return [part for part in SIDE_CODE if not is_there[part](folder / part)]


def find_repository(start: Path) -> Repository:
    """Find the repository of a folder, and the project's folder in it.

    Args:
        start: absolute path. The project is this folder, one above it, or the only one anywhere in
            the repository.

    Raises:
        NoProjectError: the work tree of the repository does not contain the project.
        GitError: git refuses, or the repository has several projects.
    """
    top = Path(run_git(start, "rev-parse", "--show-toplevel"))
    start = start.resolve()
    for folder in (start, *start.parents):
        if is_project(folder):
            return Repository(top=top, project=folder)
        if folder == top.resolve():
            break
    files = run_git(top, "ls-files", "-z", "--", f":(glob)**/{CONTRACT}").split("\0")
    folders = sorted({(top / file).parents[1] for file in files if file})
    projects = [folder for folder in folders if is_project(folder)]
    if len(projects) != 1:
        listed = ", ".join(map(str, projects)) or "none"
        kind = GitError if projects else NoProjectError
        raise kind(
            f"{top}: expected one folder with {' and '.join(NEEDED)} in this repository, found "
            f"{listed}; change into the project's folder"
        )
    return Repository(top=top, project=projects[0])


def commit_of_revision(revision: str, repository: Repository) -> str:
    """Return the commit that a revision names.

    Raises:
        GitError: there is no such commit, or the clone is too shallow to have it.
    """
    try:
        return run_git(
            repository.top, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"
        )
    except GitError as error:
        message = f"not a revision of {repository.top} ({error})"
        if run_git(repository.top, "rev-parse", "--is-shallow-repository") == "true":
            message += (
                "; this clone is shallow, so older commits and other branches are missing: get "
                "them with `git fetch --unshallow`, in GitHub Actions with `fetch-depth: 0`"
            )
        raise GitError(message) from error


def checked_out_commit(project: Path) -> str | None:
    """Return the commit checked out in a folder, with "-dirty" appended if its code was edited.

    None outside of a repository, in one that git refuses to read, and before the first commit.
    """
    try:
        commit = run_git(project, "rev-parse", "--verify", "HEAD")
        changes = run_git(project, "status", "--porcelain", "--", *CODE)
    except GitError:
        return None
    return f"{commit}-dirty" if changes else commit


def write_out(commit: str, repository: Repository, tree: Path) -> None:
    """Write the folders of a side from a commit to a new folder; leave the repository unchanged.

    Raises:
        NoProjectError: the project is not in this commit.
        GitError: git can't write it out.
    """
    tree.mkdir()
    variables = {"GIT_INDEX_FILE": str(tree.with_name("index"))}  # not the repository's
    for folder in NEEDED:
        source = f"{commit}:{repository.prefix}{folder}"
        try:
            run_git(repository.top, "read-tree", f"--prefix={folder}/", source, **variables)
        except GitError as error:
            raise NoProjectError(str(error)) from error
    run_git(repository.top, "checkout-index", "--all", f"--prefix={tree}/", **variables)


def positions_in_history(
    commits: Collection[str], revision: str, repository: Repository
) -> dict[str, int]:
    """Return the position of each commit among the ancestors of a revision, oldest first.

    A commit that is not an ancestor is missing. A commit that git does not have, as in a shallow
    clone, may be one: it gets the position -1.
    """
    ancestors = run_git(repository.top, "rev-list", "--topo-order", "--reverse", revision)
    positions = {commit: n for n, commit in enumerate(ancestors.splitlines())}
    result = {commit: n for commit, n in positions.items() if commit in commits}
    for commit in {*commits} - {*result}:
        try:
            run_git(repository.top, "cat-file", "-e", commit)
        except GitError:
            result[commit] = -1
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """A commit, with text that is safe for a terminal.

    Attributes:
        commit: its full name.
        subject: first line of its message.
        author: who wrote it.
        author_date: when, in ISO 8601.
        committed_at: its time in UTC, in ISO 8601.
    """

    commit: str
    subject: str
    author: str
    author_date: str
    committed_at: str

    def __str__(self) -> str:
        """Return its short name and subject."""
        return f"{self.commit[:10]} ({self.subject})"


def describe_commit(commit: str, repository: Repository) -> Commit:
    """Return a commit with its subject, author and times."""
    form = "--format=%s%x00%an%x00%aI%x00%ct"
    shown = run_git(repository.top, "show", "--no-patch", form, commit).split("\0")
    subject, author, author_date, seconds = map(printable, shown)
    return Commit(
        commit=commit,
        subject=subject,
        author=author,
        author_date=author_date,
        committed_at=datetime.fromtimestamp(int(seconds), UTC).isoformat(),
    )


def count_ancestors(commit: str, repository: Repository) -> int | None:
    """Return the number of ancestors of a commit, itself included; None in a shallow clone."""
    if run_git(repository.top, "rev-parse", "--is-shallow-repository") == "true":
        return None
    return int(run_git(repository.top, "rev-list", "--count", commit))


def commits_that_change_training(revisions: str, repository: Repository) -> list[str]:
    """Return the commits of a range that change what a side runs, oldest first.

    A merge is listed; the commits of its branch are not.

    Args:
        revisions: such as v1..main.
        repository: the project's repository.

    Raises:
        GitError: there is no such range.
    """
    paths = [f":(top){repository.prefix}{path}" for path in SIDE_CODE]
    listed = run_git(
        repository.top, "rev-list", "--first-parent", "--topo-order", "--reverse",
        "--end-of-options", revisions, "--", *paths,
    )  # fmt: skip
    return listed.split()
