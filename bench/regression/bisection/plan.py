"""Decide the next step of a bisection from the pairs measured so far; nothing is measured here.

A chain of commits leads from GOOD to BAD; each commit is a parent of the next. A commit is slow if
it has more than half of the slowdown from GOOD to BAD, and fast if it has less. The suspects are
the commits after the last fast one up to the first slow one. At the end, the first slow commit is
compared with the last fast one directly, by the test of `bench-compare`: a wrong decision on the
way names no commit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from bench.regression.bisection.decisions import (
    FIRST_LOOK,
    classify,
    compare,
    is_more_certain,
    next_look,
)
from bench.regression.bisection.steps import Compare, Comparisons, Conclusion, Measured
from bench.statistics import Estimate, estimate, looks

# Certainty that a commit is on one side of the half, per look. If the commit found is not slower
# than its parent, all decisions are made again with the second value.
CERTAINTIES = (0.975, 0.9995)
MAX_UNDECIDED = 3  # commits close to the half; with so many, several probably share the slowdown


def next_step(
    commits: Sequence[str], comparisons: Comparisons, smallest: float
) -> Compare | Conclusion:
    """Return what to measure next, or the conclusion.

    Args:
        commits: the chain from GOOD to BAD, at least two commits.
        comparisons: what was measured, by the earlier and the later commit.
        smallest: the relative slowdown that matters, such as 0.03.
    """
    ends = comparisons.get((commits[0], commits[-1]), Measured())
    more_ends = _measure_ends(commits, len(ends.values))
    answer, total = compare(ends, smallest)
    if answer is None and more_ends is not None:
        return more_ends
    if answer != "slower" or total is None:
        return Conclusion(answer=answer or "can't tell", total=total)
    n_used = total.n_pairs
    total = estimate(ends.values)
    first = _find_change(commits, comparisons, total, more_ends, CERTAINTIES[0], smallest)
    if isinstance(first, Compare) or first.change_answer != "not slower":
        return first
    # A decision was wrong, or commits share the slowdown: new pairs of GOOD and BAD replace them.
    if n_used < max(looks()):
        if more_ends is not None and len(ends.values) < next_look(n_used):
            return more_ends
        total = estimate(ends.values[n_used:])
    return _find_change(commits, comparisons, total, more_ends, CERTAINTIES[1], smallest)


def _measure_ends(commits: Sequence[str], n_pairs: int) -> Compare | None:
    """Return the step that measures more pairs of GOOD and BAD; None if there are enough."""
    if n_pairs >= max(looks()):
        return None
    return Compare(
        purpose="ends",
        base=commits[0],
        head=commits[-1],
        n_pairs=next_look(n_pairs),
        suspects=tuple(commits[1:]),
    )


def _find_change(
    commits: Sequence[str],
    comparisons: Comparisons,
    total: Estimate,
    more_ends: Compare | None,
    certainty: float,
    smallest: float,
) -> Compare | Conclusion:
    """Narrow the suspects down, then compare the ends of what is left directly."""
    narrowed = _narrow(commits, comparisons, total, more_ends, certainty)
    if isinstance(narrowed, Compare):
        return narrowed
    low, high, n_undecided = narrowed
    base, suspects = commits[low], tuple(commits[low + 1 : high + 1])
    measured = comparisons.get((base, suspects[-1]), Measured())
    half = math.sqrt(total.ratio) - 1
    answer, change = compare(measured, min(smallest, half))
    if answer is None:
        n_pairs = next_look(len(measured.values))
        return Compare(
            purpose="change", base=base, head=suspects[-1], n_pairs=n_pairs, suspects=suspects
        )
    return Conclusion(
        answer="slower",
        total=total,
        base=base,
        suspects=suspects,
        change=change,
        change_answer=answer,
        n_undecided=n_undecided,
    )


def _narrow(
    commits: Sequence[str],
    comparisons: Comparisons,
    total: Estimate,
    more_ends: Compare | None,
    certainty: float,
) -> Compare | tuple[int, int, int]:
    """Bisect; return the next step or the last fast commit, the first slow one, and the undecided.

    The search is repeated from its beginning: the comparisons contain all that it depends on. Where
    the half of the slowdown is less certain than the commit, the ends get more pairs.
    """
    low, high, n_undecided = 0, len(commits) - 1, 0
    passed: set[int] = set()
    while n_undecided < MAX_UNDECIDED and (index := next_index(low, high, passed)) is not None:
        measured = comparisons.get((commits[0], commits[index]), Measured())
        speed = classify(measured, total, certainty)
        is_open = speed in (None, "undecided")
        if is_open and more_ends is not None and is_more_certain(measured, total):
            return replace(more_ends, suspects=tuple(commits[low + 1 : high + 1]))
        if speed is None:
            return Compare(
                purpose="commit",
                base=commits[0],
                head=commits[index],
                n_pairs=next_look(len(measured.values), FIRST_LOOK),
                suspects=tuple(commits[low + 1 : high + 1]),
            )
        if speed == "slow":
            high = index
        elif speed == "fast":
            low = index
        else:  # it stays a suspect, and another commit is tested
            passed.add(index)
            n_undecided += speed == "undecided"
    return low, high, n_undecided


def next_index(low: int, high: int, passed: set[int]) -> int | None:
    """Return the middle of the longest run of untested commits, the one closest to the centre.

    Args:
        low: the last fast commit.
        high: the first slow commit.
        passed: commits that are undecided or fail.
    """
    limits = [low, *sorted(index for index in passed if low < index < high), high]
    runs = itertools.pairwise(limits)
    left, right = max(runs, key=lambda run: (run[1] - run[0], -abs(sum(run) - low - high)))
    return (left + right) // 2 if right - left > 1 else None
