"""`bench-compare --record` and `--against-history`: measure a commit against the history."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.machine import lock
from bench.regression import comparison, output, tracking
from bench.regression import repository as git
from bench.regression.cases import Case, parse_cases
from bench.regression.checkout import Side, checked_out, find_repository
from bench.regression.earlier import Earlier, choose_reference, history_path
from bench.regression.outcome import Outcome, exit_status
from bench.regression.side_process import SideName
from bench.results import HISTORY_PATH, history
from bench.results.history import Entry


def run(arguments: argparse.Namespace) -> int:
    """Measure HEAD or a range of commits against the history; return the exit status."""
    cases = parse_cases(arguments.cases)
    repository = find_repository(Path.cwd())
    base, head = arguments.base, arguments.head
    if head is None and is_range(base):
        base, head = None, base
    if is_range(head):
        from bench.regression import backfill

        return backfill.run(arguments, cases, base, head, repository)
    if arguments.output is not None:
        output.check_writable(arguments.output)  # before measuring, which takes minutes
    reference = choose_reference(base, repository)
    with checked_out_sides(arguments, reference, head, repository) as sides:
        if arguments.record:
            tracking.check_recordable(sides["head"])
        with lock.reserved(shared=arguments.share_machine):
            until = time.monotonic() + arguments.budget
            outcomes, entries = measure(arguments, cases, sides, repository, until)
    output.print_table(outcomes, sides)
    if arguments.record:  # first: writing the files below may fail
        history.append(history_path(repository), entries)
        short = str(sides["head"].commit)[:10]
        n_cases = len({entry.cell for entry in entries})
        print(f"Recorded: {n_cases} of {len(cases)} cases of {short} in {HISTORY_PATH}")
    if arguments.output is not None:
        output.write(arguments.output, outcomes, sides)
    return exit_status(outcomes, arguments.cant_tell)


def is_range(revision: str | None) -> bool:
    """Return whether a revision is a range of commits, such as v1..main."""
    return revision is not None and ".." in revision and not Path(revision).exists()


@contextmanager
def checked_out_sides(
    arguments: argparse.Namespace, reference: str, head: str | None, repository: git.Repository
) -> Iterator[dict[SideName, Side]]:
    """Copy the reference and HEAD, each with its interpreter, for the length of a `with` block."""
    with (
        checked_out(reference, arguments.base_python, repository, "BASE") as base_side,
        checked_out(head, arguments.head_python, repository, "HEAD") as head_side,
    ):
        yield {"base": base_side, "head": head_side}


def measure(
    arguments: argparse.Namespace,
    cases: Sequence[Case],
    sides: dict[SideName, Side],
    repository: git.Repository,
    until: float,
) -> tuple[list[Outcome], list[Entry]]:
    """Measure HEAD against the reference and the commits recorded before.

    Args:
        arguments: of the command line.
        cases: what to train, at least one.
        sides: the reference as BASE, and HEAD.
        repository: repository with the recorded commits.
        until: end of the session on the clock of `time.monotonic`.

    Returns:
        The outcome of each case, and the entries to record; no entries unless HEAD is a commit.
    """
    earlier = Earlier(sides["head"].commit, repository)
    run_session = partial(comparison.measure, arguments, until=until)
    outcomes = tracking.compare(cases, earlier, sides, repository, run_session)
    required = not arguments.record or arguments.against_history
    tracking.compare_with_last(outcomes, earlier, required=required)
    entries = []
    if sides["head"].is_exact_commit:
        entries = tracking.entries_of(outcomes, earlier, sides, repository, arguments.accept)
    for outcome in outcomes:
        outcome.learning.accepted = arguments.accept is not None
    return outcomes, entries
