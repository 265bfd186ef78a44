"""Comparisons with the recorded history: choose the commits, and append new entries.

Speed is compared by way of the reference of the history, learning with the last recorded commit
itself: a change of numerics is reported once, at the commit that makes it, and once that commit is
recorded, later commits are compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.git import GitError
from bench.machine import facts
from bench.regression import repository as git
from bench.regression.cases import Case
from bench.regression.checkout import Side, SideError, checked_out
from bench.regression.outcome import Learning, Outcome
from bench.regression.side_process import SideName
from bench.results import HISTORY_PATH, history
from bench.results.history import Entry
from bench.results.store import StoreError

N_LEARNING_PAIRS = 3  # for comparing models with the last recorded commit

# Runs a session of some cases and two sides, with a number of pairs.
Measure = Callable[[Sequence[Case], Mapping[SideName, Side], int], list[Outcome]]


def history_path(repository: git.Repository | None) -> Path:
    """Return the path of the history file.

    Raises:
        StoreError: there is no repository.
    """
    if repository is None:
        raise StoreError("a history needs a git repository, and commits")
    return repository.project / HISTORY_PATH


def choose_base(base: str | None, repository: git.Repository | None) -> str:
    """Return the commit to use as BASE: the history's reference, or the first one of a new history.

    Raises:
        StoreError: there is no history and no BASE, or the history has another reference.
    """
    path = history_path(repository)
    entries = history.read(path)
    assert repository is not None  # noqa: S101  # otherwise there is no path
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


def check_recordable(head: Side) -> None:
    """Check that HEAD is a commit.

    Raises:
        StoreError: it is not a commit, or has uncommitted changes.
    """
    if not head.is_exact_commit:
        raise StoreError(
            f"HEAD={head.label}: is not exactly a commit; commit the changes before recording"
        )


def earlier_entries(
    cases: Sequence[Case], head: Side, repository: git.Repository
) -> dict[str, Entry]:
    """Return the last entry before HEAD for each case that has one on this processor, by name."""
    entries = history.read(history_path(repository))
    if head.commit is not None:
        revision = head.commit.removesuffix("-dirty")
        positions = git.positions_in_history(
            {entry.commit for entry in entries}, revision, repository
        )
        # Commits of a rebase have the same second, so their times do not give their order.
        entries = sorted(
            (entry for entry in entries if entry.commit in positions),
            key=lambda entry: positions[entry.commit],
        )
    last_entries = {
        case.name: history.last_before(
            entries, case.name, cpu_model=facts.cpu_model(), commit=head.commit
        )
        for case in cases
    }
    return {name: entry for name, entry in last_entries.items() if entry is not None}


def compare(
    cases: Sequence[Case],
    earlier: Mapping[str, Entry],
    sides: Mapping[SideName, Side],
    repository: git.Repository,
    measure: Measure,
) -> list[Outcome]:
    """Compare speed with the reference, and learning with the last recorded commit.

    If that commit can't be trained any more, learning is compared with the reference.

    Args:
        cases: cases to train.
        earlier: last entry before HEAD, by name of the case.
        sides: BASE, the reference, and HEAD.
        repository: repository with the recorded commits.
        measure: function that runs a session.
    """
    learning: dict[str, Learning] = {}
    for commit in sorted({entry.commit for entry in earlier.values()} - {sides["base"].commit}):
        chosen = [
            case for case in cases if case.name in earlier and earlier[case.name].commit == commit
        ]
        try:
            with checked_out(commit, sides["base"].python, repository, "recorded commit") as side:
                trained = measure(chosen, {"base": side, "head": sides["head"]}, N_LEARNING_PAIRS)
        except SideError as error:
            print(f"models are compared with those of BASE: {error}")
            continue
        for outcome in trained:
            if outcome.pairs:
                learning[outcome.case.name] = outcome.learning
                outcome.learning.compared_with = commit[:10]
    outcomes = measure(cases, sides, history.N_PAIRS)
    for outcome in outcomes:
        outcome.learning = learning.get(outcome.case.name, outcome.learning)
    return outcomes


def compare_speed(
    outcomes: Sequence[Outcome], earlier: Mapping[str, Entry], smallest: float
) -> None:
    """Compare speed with the earlier entries, and replace the answers.

    Args:
        outcomes: outcomes of the comparison with the reference.
        earlier: last entry before HEAD, by name of the case.
        smallest: the relative slowdown that matters, such as 0.03.
    """
    estimates = {
        outcome.case.name: estimate
        for outcome in outcomes
        if outcome.error is None and (estimate := outcome.estimate) is not None
    }
    answers = history.compare(
        {name: estimates[name] for name in estimates if name in earlier}, earlier, smallest
    )
    for outcome in outcomes:
        name = outcome.case.name
        if name in answers:
            then = earlier[name]
            outcome.answer = answers[name]
            outcome.remark = (
                f"compared with {then.commit[:10]} of {then.committed_at[:10]}: "
                f"{estimates[name].ratio / then.ratio:.3f} times as long"
            )
        elif name in estimates:
            outcome.answer = None
            outcome.error = "the history has no earlier commit of this case on this processor"


def record(
    outcomes: Sequence[Outcome], sides: Mapping[SideName, Side], repository: git.Repository
) -> None:
    """Append an entry for every case that has an estimate."""
    head, base = sides["head"].commit, sides["base"].commit
    assert head is not None and base is not None  # noqa: S101
    entries = [
        Entry(
            cell=outcome.case.name,
            commit=head,
            committed_at=git.committed_at(head, repository),
            reference=base,
            cpu_model=facts.cpu_model(),
            ratio=estimate.ratio,
            low=estimate.low,
            high=estimate.high,
            n_pairs=estimate.n_pairs,
        )
        for outcome in outcomes
        if outcome.failed is None and (estimate := outcome.estimate) is not None
    ]
    history.append(history_path(repository), entries)
    print(f"Recorded: {len(entries)} of {len(outcomes)} cases of {head[:10]} in {HISTORY_PATH}")
