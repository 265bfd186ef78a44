"""`bench-compare --record A..B`: record the commits of a range that are not recorded yet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.git import GitError
from bench.machine import facts
from bench.regression import session
from bench.regression.cases import Case, parse_cases
from bench.regression.exit_statuses import CANT_TELL, NOT_MEASURED, NOT_SLOWER
from bench.regression.history import recording
from bench.regression.history.earlier import Earlier, choose_reference, history_path
from bench.regression.outcome import Outcome
from bench.regression.settings import Range
from bench.regression.sides import repository as git
from bench.regression.sides.checkout import SideError, find_repository
from bench.regression.sides.process import Conditions
from bench.results import HISTORY_PATH, history
from bench.results.changes import changes, describe
from bench.results.history import Entry
from bench.results.store import StoreError


def run(settings: Range) -> int:
    """Record a range of commits, each against the reference; return the exit status.

    A new history begins with the start of the range, unless BASE is given.

    Raises:
        StoreError: the history has another reference, or several commits are to be accepted.
        SideError: there is no such range.
    """
    cases = parse_cases(settings.cases)
    repository = find_repository(Path.cwd())
    reference, pending = _plan(settings, cases, repository)
    path = history_path(repository)
    n_before = len(history.read(path))
    with session.reserved(settings) as conditions:
        finished = _record(settings, reference, pending, repository, conditions)
    entries = history.read(path)
    for line in _summary(entries, {case.identity for case in cases}, reference):
        print(line)
    n_recorded = len(entries) - n_before
    print(f"Recorded: {n_recorded} new entries in {HISTORY_PATH}")
    if not finished:
        print("The budget is used up; run the command again to continue")
        return CANT_TELL
    return NOT_SLOWER if n_recorded or not pending else NOT_MEASURED


def _plan(
    settings: Range, cases: Sequence[Case], repository: git.Repository
) -> tuple[str, dict[str, list[Case]]]:
    """Return the reference, and the cases to measure of each commit, in the order to measure."""
    path = history_path(repository)
    base, revisions = settings.base, settings.head
    try:
        commits = git.commits_that_change_training(revisions, repository)
        if base is None and not history.read(path):
            base = git.commit_of_revision(revisions.partition("..")[0] or "HEAD", repository)
            commits = [base, *commits]
    except GitError as error:
        raise SideError(f"{revisions}: {error}") from error
    reference = choose_reference(base, repository)
    if settings.accept is not None and len(commits) != 1:
        raise StoreError(
            f"--accept: {revisions} has {len(commits)} commits that change training; accept one, "
            "such as COMMIT^..COMMIT"
        )
    known = set() if settings.accept is not None else _recorded(reference, repository)
    missing = {
        commit: [
            case
            for case in cases
            if any((case.identity, metric, commit) not in known for metric in settings.metrics)
        ]
        for commit in commits
    }
    pending = {
        commit: missing[commit] for commit in from_coarse_to_fine(commits) if missing[commit]
    }
    print(f"{revisions}: {len(commits)} commits change training, {len(pending)} to record")
    return reference, pending


def _recorded(reference: str, repository: git.Repository) -> set[tuple[str, str, str]]:
    """Return the recorded identities of cases, metrics and commits on this processor.

    An entry that learns something else is out of date if another commit before it was accepted
    since.
    """
    cpu_model = facts.cpu_model()
    return {
        (entry.identity, entry.metric, entry.commit)
        for entry in history.read(history_path(repository))
        if entry.cpu_model == cpu_model
        and (
            not entry.learns_something_else
            or entry.accepted is not None
            or entry.learning_reference
            == Earlier(entry.commit, repository).learning_reference(entry.identity, reference)
        )
    }


def from_coarse_to_fine(commits: Sequence[str]) -> list[str]:
    """Order commits so that the first few are distributed evenly over the range.

    The last and the first, then the middle between them, then the middles of both halves, and so
    on: a budget that is too small for all still shows where speed changes.
    """
    if not commits:
        return []
    places = [len(commits) - 1, 0]
    gaps = deque([(0, len(commits) - 1)])
    while gaps:
        low, high = gaps.popleft()
        middle = (low + high) // 2
        if low < middle < high:
            places.append(middle)
            gaps += [(low, middle), (middle, high)]
    return [commits[place] for place in dict.fromkeys(places)]


def _record(
    settings: Range,
    reference: str,
    pending: Mapping[str, Sequence[Case]],
    repository: git.Repository,
    conditions: Conditions,
) -> bool:
    """Measure and record commit by commit; return whether all were reached within the budget."""
    path = history_path(repository)
    longest_seconds = 0.0
    for number, (commit, cases) in enumerate(pending.items(), 1):
        start = time.monotonic()
        if conditions.remaining_seconds < longest_seconds:
            return False
        print(f"{number} of {len(pending)}: {git.describe_commit(commit, repository)}")
        try:
            with recording.checked_out_sides(settings, reference, commit, repository) as sides:
                outcomes, entries = recording.measure(
                    settings, cases, sides, repository, conditions
                )
        except SideError as error:
            print(f"  skipped: {error}")
            continue
        history.append(path, entries)
        for outcome in outcomes:
            print(f"  {_result(outcome, entries)}")
        if any(o.failed is None and len(o.pairs) < history.N_PAIRS for o in outcomes):
            return False
        longest_seconds = max(longest_seconds, time.monotonic() - start)
    return True


def _result(outcome: Outcome, recorded: Sequence[Entry]) -> str:
    name = outcome.case.name
    entries = [entry for entry in recorded if entry.cell == name]
    if not entries:
        return f"{name}: skipped: {outcome.error}"
    ratios = ", ".join(
        f"{entry.metric} {entry.ratio:.3f} ({entry.low:.3f} to {entry.high:.3f})"
        for entry in entries
    )
    result = f"{name}: {ratios} times the reference"
    if outcome.learns_something_else:
        result += f"; learns something else than {entries[0].learning_reference[:10]}"
    if outcome.learning.remark is not None:
        result += f"; {outcome.learning.remark}"
    return result


def _summary(entries: Sequence[Entry], identities: set[str], reference: str) -> Iterator[str]:
    """Say, for every case, which commits changed the speed, and which one changed learning."""
    here = (facts.cpu_model(), reference)
    named: set[str] = set()
    for key, points in history.series(entries).items():
        if key.identity not in identities or (key.cpu_model, key.reference) != here:
            continue
        steps = changes(points)
        for change in steps:
            yield f"{key.case}: {describe(points[change.place], change)}"
        if not steps:
            yield f"{key.case}: no change of {key.metric}, {len(points)} recorded"
        if key.case in named or (other := history.not_accepted(points)) is None:
            continue
        named.add(key.case)  # the entries of all metrics say the same
        yield (
            f"{key.case}: learns something else from {other.commit[:10]} ({other.subject}) on; "
            "if that is intended: bench-compare --record "
            f"{other.commit[:10]}^..{other.commit[:10]} --accept 'the reason'"
        )
