"""`bench-compare --record` and `--against-history`: measure a commit against the history."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bench.regression import session
from bench.regression.cases import Case, parse_cases
from bench.regression.history import tracking
from bench.regression.history.earlier import Earlier, choose_reference, history_path
from bench.regression.outcome import Outcome, exit_status
from bench.regression.output import revisions
from bench.regression.output.report import check_writable
from bench.regression.settings import History
from bench.regression.sides import repository as git
from bench.regression.sides.checkout import Sides, both_checked_out, find_repository
from bench.regression.sides.process import Conditions
from bench.results import HISTORY_PATH, history
from bench.results.history import Entry
from bench.results.store import StoreError


def run(settings: History) -> int:
    """Measure HEAD against the history; return the exit status."""
    check_writable(settings.output)  # before measuring, which takes minutes
    cases = parse_cases(settings.cases)
    repository = find_repository(Path.cwd())
    reference = choose_reference(settings.base, repository)
    with checked_out_sides(settings, reference, settings.head, repository) as sides:
        if settings.record and not sides["head"].is_exact_commit:
            raise StoreError(
                f"HEAD={sides['head'].label}: is not exactly a commit; commit the changes before "
                "recording"
            )
        with session.reserved(settings) as conditions:
            outcomes, entries = measure(settings, cases, sides, repository, conditions)
    revisions.report(outcomes, sides).show()
    if settings.record:  # first: writing the files below may fail
        history.append(history_path(repository), entries)
        short = str(sides["head"].commit)[:10]
        n_cases = len({entry.cell for entry in entries})
        print(f"Recorded: {n_cases} of {len(cases)} cases of {short} in {HISTORY_PATH}")
    if settings.output is not None:
        revisions.write(settings.output, outcomes, sides)
    return exit_status(outcomes, settings.cant_tell)


def checked_out_sides(
    settings: History, reference: str, head: str | None, repository: git.Repository
) -> AbstractContextManager[Sides]:
    """Copy the reference and HEAD, each with its interpreter, for the length of a `with` block."""
    pythons = settings.base_python, settings.head_python
    return both_checked_out(reference, head, repository, pythons=pythons)


def measure(
    settings: History,
    cases: Sequence[Case],
    sides: Sides,
    repository: git.Repository,
    conditions: Conditions,
) -> tuple[list[Outcome], list[Entry]]:
    """Measure HEAD against the reference and the commits recorded before.

    Args:
        settings: the metrics, and what is recorded or accepted.
        cases: what to train, at least one.
        sides: the reference as BASE, and HEAD.
        repository: repository with the recorded commits.
        conditions: of the session.

    Returns:
        The outcome of each case, and the entries to record; no entries unless HEAD is a commit.
    """
    earlier = Earlier(sides["head"].commit, repository)

    def measure_pairs(cases: Sequence[Case], sides: Sides, n_pairs: int) -> list[Outcome]:
        smallest = settings.smallest_by_metric
        return session.run(cases, sides, conditions, smallest=smallest, n_pairs=n_pairs)

    outcomes = tracking.compare(cases, earlier, sides, repository, measure_pairs)
    if settings.record:
        tracking.refuse_few_pairs(outcomes)
    required = not settings.record or settings.against_history
    tracking.compare_with_last(outcomes, earlier, required=required)
    entries = []
    if sides["head"].is_exact_commit:
        entries = tracking.entries_of(outcomes, earlier, sides, repository, settings.accept)
    for outcome in outcomes:
        outcome.learning.accepted = settings.accept is not None
    return outcomes, entries
