"""Rounds: fresh processes of all candidates train in turns, one at a time.

The value of a round for two candidates is the median over turns of log(time of one / time of the
other), per example. Rounds are independent, since all processes are new; turns are not. Rounds
go on until every ratio to the reference is precise enough, or time is up.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from bench.regression import budget
from bench.regression.cases import write_data
from bench.regression.configurations.candidates import Group
from bench.regression.configurations.one_round import Round
from bench.regression.configurations.results import Results
from bench.regression.output.progress import progress_bar
from bench.regression.sides.checkout import Side
from bench.regression.sides.process import Conditions, OutOfTimeError

ENOUGH_ROUNDS = 10  # if time is short, a group gets so many before the next one


def measure(
    groups: Sequence[Group], side: Side, conditions: Conditions, precision: float
) -> list[Results]:
    """Measure rounds of all groups until every ratio is precise enough, or time is up.

    Args:
        groups: what to compare.
        side: the code of all candidates.
        conditions: of `session.reserved`. A round of a group that is unfinished at the end is lost.
        precision: relative half-width of the 95 % intervals to reach, such as 0.03.

    Raises:
        DatasetError: the data can't be found.
    """
    results = [Results(group) for group in groups]
    write_data([case for group in groups for case in group.cases.values()], conditions.folder)
    steps: dict[str, int] = {}
    one_by_one = None  # not known before the first round
    with suppress(OutOfTimeError), progress_bar("rounds", conditions) as show:
        while unfinished := [group for group in results if group.needs_rounds(precision)]:
            start = time.monotonic()
            with ExitStack() as stack:
                current = Round(side, conditions, steps, stack)
                for group in [_next(unfinished)] if one_by_one else unfinished:
                    current.measure(group)
                    show(f"{min(len(group.seconds) for group in results)} rounds of all")
            if one_by_one is None:
                one_by_one = budget.announce_rounds(
                    len(results), time.monotonic() - start, conditions.remaining_seconds
                )
    return results


def _next(unfinished: Sequence[Results]) -> Results:
    """Return the group to measure if time is short."""
    return min(unfinished, key=lambda r: len(r.seconds) if len(r.seconds) >= ENOUGH_ROUNDS else 0)
