"""The commits of a bisection: a chain of parents from GOOD to BAD, and merged branches."""

from __future__ import annotations

from dataclasses import dataclass

from bench.git import GitError, run_git
from bench.regression.sides.checkout import SideError
from bench.regression.sides.repository import SIDE_CODE, Repository, commit_of_revision


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """The commits to search.

    Attributes:
        commits: GOOD, then each commit with other code than the one before; the last one has the
            code of BAD.
        parents: the parent that leads to GOOD, by commit.
        n_same_code: number of commits that are left out, because they have the code of their
            parent.
    """

    commits: tuple[str, ...]
    parents: dict[str, str]
    n_same_code: int


def between(good: str, bad: str, repository: Repository) -> Chain:
    """Return the chain of commits from GOOD to BAD.

    It follows first parents, except where only another parent has GOOD among its ancestors.

    Args:
        good: revision of a fast commit.
        bad: revision of a slow commit, a descendant of GOOD.
        repository: the project's repository.

    Raises:
        SideError: there is no such revision, no path, or no change of code.
    """
    start, end = (
        _commit(name, given, repository) for name, given in (("GOOD", good), ("BAD", bad))
    )
    if start == end:
        raise SideError(f"GOOD={good} and BAD={bad} are the same commit; give an older GOOD")
    chain = _chain(start, end, repository)
    if chain is None:
        raise SideError(_no_path(good, bad, repository))
    if len(chain.commits) == 1:
        raise SideError(
            f"no commit from GOOD={good} to BAD={bad} changes {' or '.join(SIDE_CODE)}: "
            "nothing to compare"
        )
    return chain


def merged_branches(commit: str, parent: str, repository: Repository) -> list[Chain]:
    """Return the chain of each branch that a merge adds, from the commit where it started.

    Args:
        commit: a commit of a chain.
        parent: its parent in the chain.
        repository: the project's repository.
    """
    _, *parents = run_git(repository.top, "rev-list", "--parents", "-n1", commit).split()
    chains = []
    for other in parents:
        if other != parent:
            try:
                start = run_git(repository.top, "merge-base", parent, other)
            except GitError:  # histories without a common commit
                continue
            chain = _chain(start, other, repository)
            if chain is not None and len(chain.commits) > 1:
                chains.append(chain)
    return chains


def _commit(name: str, revision: str, repository: Repository) -> str:
    try:
        return commit_of_revision(revision, repository)
    except GitError as error:
        raise SideError(f"{name}={revision}: {error}") from error


def _chain(start: str, end: str, repository: Repository) -> Chain | None:
    """Return the chain between two commits, or None if the first is no ancestor of the second."""
    listed = run_git(
        repository.top, "rev-list", "--parents", "--ancestry-path", f"{start}..{end}"
    ).splitlines()
    parents_of = {commit: parents for commit, *parents in map(str.split, listed)}
    if end not in parents_of:
        return None
    parents: dict[str, str] = {}
    commit = end
    while commit != start:
        parents[commit] = next(p for p in parents_of[commit] if p == start or p in parents_of)
        commit = parents[commit]
    path = [start, *reversed(parents)]
    code = {commit: _code(commit, repository) for commit in path}
    changed = [commit for commit in path[1:] if code[commit] != code[parents[commit]]]
    return Chain(
        commits=(start, *changed), parents=parents, n_same_code=len(path) - 1 - len(changed)
    )


def _code(commit: str, repository: Repository) -> str:
    """Return what identifies the code that a side of a comparison runs."""
    paths = [f"{repository.prefix}{path}" for path in SIDE_CODE]
    return run_git(repository.top, "ls-tree", commit, "--", *paths)


def _no_path(good: str, bad: str, repository: Repository) -> str:
    message = f"GOOD={good} is not an ancestor of BAD={bad}"
    if run_git(repository.top, "rev-parse", "--is-shallow-repository") == "true":
        return f"{message}; this clone is shallow: get older commits with `git fetch --unshallow`"
    try:
        common = run_git(repository.top, "merge-base", good, bad)
    except GitError:
        return f"{message}; they have no common ancestor"
    return f"{message}; their common ancestor is {common[:10]}: give it as GOOD"
