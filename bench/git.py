"""Calls of git. Errors carry its message."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# Git sets these where it runs a hook. They would make every call use the hook's repository.
REPOSITORY_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(Exception):
    """Git is not installed or has failed; the message is git's own."""


def run_git(folder: Path, *arguments: str, **variables: str) -> str:
    """Run git in a folder.

    Args:
        folder: a folder of the repository.
        arguments: the command and its options.
        variables: environment variables in addition to those of this process.

    Returns:
        What git prints, without white space at both ends.

    Raises:
        GitError: git is not installed, or fails.
    """
    kept = {name: value for name, value in os.environ.items() if name not in REPOSITORY_VARIABLES}
    try:
        process = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            env=kept | variables,
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    if process.returncode != 0:
        raise GitError(" ".join(process.stderr.split()))
    return process.stdout.strip()
