"""Decide the next step of a bisection from the pairs measured so far; nothing is measured here.

A chain of commits leads from GOOD to BAD; each commit is a parent of the next. A commit is slow if
it has more than half of the slowdown from GOOD to BAD, and fast if it has less. As long as there
are tested commits between, the slowdown passes its half between the last fast commit and the first
slow one: these are the suspects. At the end, the first slow commit is compared with the last fast
one directly, by the test of `bench-compare`: a wrong decision on the way can't name a commit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

from bench import statistics
from bench.regression.bisection.steps import Compare, Comparisons, Conclusion, Measured
from bench.statistics import Answer, Estimate, decide, estimate, standard_error_from_interval

# Certainty that a commit is on one side of the half, per look. If the commit found is not slower
# than its parent, all decisions are made again with the second value.
CERTAINTIES = (0.975, 0.9995)
FIRST_LOOK = 6  # number of pairs after which a commit can be slow or fast
MAX_UNDECIDED = 3  # commits close to the half; with so many, the slowdown is probably spread

Speed = Literal["slow", "fast", "undecided", "fails"]


def next_step(
    commits: Sequence[str], comparisons: Comparisons, smallest: float
) -> Compare | Conclusion:
    """Return what to measure next, or the conclusion.

    Args:
        commits: the chain from GOOD to BAD, at least two commits.
        comparisons: what was measured, by the earlier and the later commit.
        smallest: the relative slowdown that matters, such as 0.03.
    """
    good, bad = commits[0], commits[-1]
    ends = comparisons.get((good, bad), Measured())
    answer, total = compare(ends, smallest)
    if answer is None:
        n_pairs = _next_look(len(ends.values))
        return Compare(
            purpose="ends", base=good, head=bad, n_pairs=n_pairs, suspects=tuple(commits[1:])
        )
    if answer != "slower" or total is None:
        return Conclusion(answer=answer, total=total)
    first = _find_change(commits, comparisons, total, CERTAINTIES[0], smallest)
    if isinstance(first, Compare) or first.change_answer != "not slower":
        return first
    # A decision was wrong, or the slowdown is spread. New pairs of GOOD and BAD replace those used.
    if total.n_pairs < max(_looks()):
        n_pairs = _next_look(total.n_pairs)
        if len(ends.values) < n_pairs:
            return Compare(
                purpose="ends", base=good, head=bad, n_pairs=n_pairs, suspects=tuple(commits[1:])
            )
        total = estimate(ends.values[total.n_pairs : n_pairs])
    return _find_change(commits, comparisons, total, CERTAINTIES[1], smallest)


def _find_change(
    commits: Sequence[str],
    comparisons: Comparisons,
    total: Estimate,
    certainty: float,
    smallest: float,
) -> Compare | Conclusion:
    """Narrow the suspects down, then compare the ends of what is left directly."""
    narrowed = _narrow(commits, comparisons, total, certainty)
    if isinstance(narrowed, Compare):
        return narrowed
    low, high, n_undecided = narrowed
    base, suspects = commits[low], tuple(commits[low + 1 : high + 1])
    measured = comparisons.get((base, suspects[-1]), Measured())
    half = math.sqrt(total.ratio) - 1
    answer, change = compare(measured, min(smallest, half))
    if answer is None:
        n_pairs = _next_look(len(measured.values))
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


def compare(measured: Measured, smallest: float) -> tuple[Answer | None, Estimate | None]:
    """Return the answer of `bench-compare`, None if it takes more pairs, and the estimate."""
    if measured.error is not None:
        return "can't tell", None
    for look in _looks():
        if len(measured.values) < look:
            break
        estimated = estimate(measured.values[:look])
        answer = decide({"": estimated}, smallest)[""]
        if answer is not None:
            return answer, estimated
    return None, None


def classify(measured: Measured, total: Estimate, certainty: float) -> Speed | None:
    """Return whether a commit has more or less than half of the slowdown; None for more pairs.

    t = (mean - total / 2) / sqrt(error^2 + (error of total / 2)^2), of logarithms of ratios.

    Args:
        measured: the commit against GOOD.
        total: slowdown from GOOD to BAD.
        certainty: of the decision at each look, such as 0.975.
    """
    if measured.error is not None:
        return "fails"
    half, half_error = math.log(total.ratio) / 2, _standard_error(total) / 2
    for look in _looks(FIRST_LOOK):
        if len(measured.values) < look:
            return None
        estimated = estimate(measured.values[:look])
        quantile = statistics.t_quantile(certainty, statistics.degrees_of_freedom(look))
        excess = math.log(estimated.ratio) - half
        if abs(excess) > quantile * math.hypot(_standard_error(estimated), half_error):
            return "slow" if excess > 0 else "fast"
    return "undecided"


def _narrow(
    commits: Sequence[str], comparisons: Comparisons, total: Estimate, certainty: float
) -> Compare | tuple[int, int, int]:
    """Bisect; return the next step or the last fast commit, the first slow one, and the undecided.

    The search is repeated from its beginning: the comparisons contain all that it depends on.
    """
    low, high, n_undecided = 0, len(commits) - 1, 0
    passed: set[int] = set()
    while n_undecided < MAX_UNDECIDED and (index := next_index(low, high, passed)) is not None:
        measured = comparisons.get((commits[0], commits[index]), Measured())
        speed = classify(measured, total, certainty)
        if speed is None:
            return Compare(
                purpose="commit",
                base=commits[0],
                head=commits[index],
                n_pairs=_next_look(len(measured.values), FIRST_LOOK),
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


def _looks(*others: int) -> list[int]:
    return sorted({*others, statistics.FIRST_LOOK, *statistics.LOOKS})


def _next_look(n_pairs: int, *others: int) -> int:
    return next(look for look in _looks(*others) if look > n_pairs)


def _standard_error(estimated: Estimate) -> float:
    return standard_error_from_interval(estimated.low, estimated.high, estimated.n_pairs)
