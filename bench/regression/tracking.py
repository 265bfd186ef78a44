"""One commit against the recorded history: what it is compared with, its answer, its entries.

Speed is compared by way of the reference of the history, which was timed both times. Learning is
compared with the last commit whose change of numerics was accepted, or else with the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.git import GitError
from bench.machine import facts
from bench.regression import repository as git
from bench.regression.cases import Case
from bench.regression.checkout import Side, SideError, checked_out
from bench.regression.outcome import BASE, Learning, Outcome
from bench.regression.side_process import SideName
from bench.results import HISTORY_PATH, changes, history
from bench.results.history import STEP, Entry
from bench.results.store import StoreError

N_LEARNING_PAIRS = 3  # for comparing models with the commit that was accepted last

# Runs a session of some cases and two sides, with a number of pairs.
Measure = Callable[[Sequence[Case], Mapping[SideName, Side], int], list[Outcome]]


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


def check_recordable(head: Side) -> None:
    """Check that HEAD is a commit.

    Raises:
        StoreError: it is not a commit, or has uncommitted changes.
    """
    if not head.is_exact_commit:
        raise StoreError(
            f"HEAD={head.label}: is not exactly a commit; commit the changes before recording"
        )


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
            entry
            for entry in entries
            if (entry.cpu_model, entry.metric) == (cpu_model, STEP) and entry.commit != commit
        ]

    def last(self, case: str) -> Entry | None:
        """Return the last entry of a case."""
        return next((entry for entry in reversed(self.entries) if entry.cell == case), None)

    def learning_reference(self, case: str, reference: str) -> str:
        """Return the commit whose models must be learned: the last accepted one.

        Args:
            case: name of the case.
            reference: commit to return if none was accepted.
        """
        accepted = [
            entry.commit
            for entry in self.entries
            if entry.cell == case and entry.accepted is not None
        ]
        return accepted[-1] if accepted else reference


def compare(
    cases: Sequence[Case],
    earlier: Earlier,
    sides: Mapping[SideName, Side],
    repository: git.Repository,
    measure: Measure,
) -> list[Outcome]:
    """Measure HEAD against the reference, and its learning against the last accepted commit.

    If that commit can't be trained any more, learning is compared with the reference.

    Args:
        cases: cases to train.
        earlier: entries before HEAD.
        sides: BASE, the reference, and HEAD.
        repository: repository with the recorded commits.
        measure: function that runs a session.
    """
    base = str(sides["base"].commit)
    chosen: dict[str, list[Case]] = {}
    for case in cases:
        chosen.setdefault(earlier.learning_reference(case.name, base), []).append(case)
    learning: dict[str, Learning] = {}
    for commit in sorted({*chosen} - {base}):
        try:
            with checked_out(commit, sides["base"].python, repository, "accepted commit") as side:
                own_sides: dict[SideName, Side] = {"base": side, "head": sides["head"]}
                trained = measure(chosen[commit], own_sides, N_LEARNING_PAIRS)
        except SideError as error:
            print(f"models are compared with those of the reference: {error}")
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
    outcomes: Sequence[Outcome], earlier: Earlier, smallest: float, *, required: bool
) -> None:
    """Compare speed with the last recorded commit, and replace the answers.

    Args:
        outcomes: outcomes of the comparison with the reference.
        earlier: entries before HEAD.
        smallest: the relative slowdown that matters, such as 0.03.
        required: whether a case without an earlier entry counts as not measured; else its answer
            stays that of the comparison with the reference.
    """
    for outcome in outcomes:
        then = earlier.last(outcome.case.name)
        if outcome.error is None and outcome.estimate is not None:
            if then is not None:
                outcome.since = changes.since(then, outcome.estimate)
            elif not required:
                outcome.remark = "first entry of this case: compared with the reference"
            else:
                outcome.answers.clear()
                outcome.error = "the history has no earlier commit of this case on this processor"
    compared = {o.case.name: o.since for o in outcomes if o.since is not None}
    answers = changes.answers(compared, smallest)
    for outcome in outcomes:
        then = earlier.last(outcome.case.name)
        if outcome.since is not None and then is not None:
            outcome.answers[STEP] = answers[outcome.case.name]
            outcome.remark = _verdict(outcome, then)


def _verdict(outcome: Outcome, then: Entry) -> str:
    """Return the answer in a sentence."""
    found = outcome.since
    assert found is not None  # noqa: S101
    commit = f"{then.commit[:10]} ({then.subject or then.committed_at[:10]})"
    answer = "can't tell whether slower" if outcome.answer == "can't tell" else outcome.answer
    interval = f"{found.low:.3f} to {found.high:.3f}"
    return f"{answer} than {commit}: {found.ratio:.3f} times as long ({interval})"


def entries_of(
    outcomes: Sequence[Outcome],
    earlier: Earlier,
    sides: Mapping[SideName, Side],
    repository: git.Repository,
    accepted: str | None = None,
) -> list[Entry]:
    """Return an entry for every case of HEAD that has an estimate.

    Args:
        outcomes: outcomes of the comparison with the reference.
        earlier: entries before HEAD.
        sides: BASE, the reference, and HEAD.
        repository: the project's repository.
        accepted: why HEAD may learn something else; None if this was not accepted.
    """
    head, base = sides["head"].commit, sides["base"].commit
    assert head is not None and base is not None  # noqa: S101
    commit = git.describe_commit(head, repository)
    return [
        Entry(
            cell=outcome.case.name,
            commit=head,
            committed_at=commit.committed_at,
            reference=base,
            cpu_model=facts.cpu_model(),
            ratio=estimate.ratio,
            low=estimate.low,
            high=estimate.high,
            n_pairs=estimate.n_pairs,
            n_ancestors=commit.n_ancestors,
            subject=commit.subject,
            learning_reference=base
            if outcome.learning.compared_with == BASE
            else earlier.learning_reference(outcome.case.name, base),
            learns_something_else=outcome.learning.differs,
            accepted=accepted,
        )
        for outcome in outcomes
        if outcome.failed is None and (estimate := outcome.estimate) is not None
    ]
