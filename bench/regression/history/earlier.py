"""The recorded history as a commit sees it: its file, its reference, and the entries before it."""

from __future__ import annotations

from pathlib import Path

from bench.git import GitError
from bench.machine import facts
from bench.regression.sides import repository as git
from bench.results import HISTORY_PATH, history
from bench.results.history import STEP, Entry
from bench.results.store import StoreError


def history_path(repository: git.Repository) -> Path:
    """Return the path of the history file."""
    return repository.project / HISTORY_PATH


def choose_reference(base: str | None, repository: git.Repository) -> str:
    """Return the commit to measure against: of the history, or BASE, which begins a new history.

    Raises:
        StoreError: there is no history and no BASE, or the history has another reference.
    """
    path = history_path(repository)
    entries = history.read(path)
    if base is None:
        return history.reference(entries, path)
    try:
        commit = git.commit_of_revision(base, repository)
    except GitError as error:
        raise StoreError(f"BASE={base}: a history refers to a commit; {error}") from error
    if entries and history.reference(entries, path) != commit:
        raise StoreError(
            f"BASE={base}: {path} refers to {history.reference(entries, path)}; omit BASE"
        )
    return commit


class Earlier:
    """The entries before a commit on this processor, in the order of git's history."""

    def __init__(self, commit: str | None, repository: git.Repository) -> None:
        """Read the history.

        Args:
            commit: HEAD, with "-dirty" appended if it was edited; None outside of git: all
                entries are earlier.
            repository: the project's repository.
        """
        entries = history.read(history_path(repository))
        if commit is not None:
            positions = git.positions_in_history(
                {entry.commit for entry in entries}, commit.removesuffix("-dirty"), repository
            )
            entries = sorted(
                (entry for entry in entries if entry.commit in positions),
                key=lambda entry: positions[entry.commit],
            )
        cpu_model = facts.cpu_model()
        self.entries = [
            entry for entry in entries if entry.cpu_model == cpu_model and entry.commit != commit
        ]

    def last(self, identity: str, metric: str = STEP) -> Entry | None:
        """Return the last entry of a metric with the settings of a case, by `Case.identity`."""
        return next(
            (
                entry
                for entry in reversed(self.entries)
                if (entry.identity, entry.metric) == (identity, metric)
            ),
            None,
        )

    def has_other_settings(self, case: str) -> bool:
        """Return whether there are entries of a case, by name, with any settings."""
        return any(entry.cell == case for entry in self.entries)

    def learning_reference(self, identity: str, reference: str) -> str:
        """Return the commit whose models must be learned: the last accepted one.

        Args:
            identity: of the case.
            reference: commit to return if none was accepted.
        """
        accepted = [
            entry.commit
            for entry in self.entries
            if entry.identity == identity and entry.accepted is not None
        ]
        return accepted[-1] if accepted else reference
