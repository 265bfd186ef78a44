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
from dataclasses import dataclass

from bench.decisions import looks
from bench.regression.bisection.decisions import (
    FIRST_LOOK,
    Compare,
    Comparisons,
    Conclusion,
    Measured,
    Purpose,
    classify,
    compare,
    is_more_certain,
    next_look,
)
from bench.statistics import Estimate, estimate

# Certainty that a commit is on one side of the half, per look. If the commit found is not slower
# than its parent, all decisions are made again with the second value.
CERTAINTIES = (0.975, 0.9995)
MAX_UNDECIDED = 3  # commits close to the half; with so many, several probably share the slowdown


@dataclass(frozen=True, slots=True)
class Plan:
    """A bisection so far.

    Attributes:
        commits: the chain from GOOD to BAD, at least two commits.
        comparisons: what was measured, by the earlier and the later commit.
        smallest: the relative slowdown that matters, such as 0.03.
    """

    commits: Sequence[str]
    comparisons: Comparisons
    smallest: float

    def next_step(self) -> Compare | Conclusion:
        """Return what to measure next, or the conclusion."""
        values = self._measured(0, -1).values
        answer, total = compare(self._measured(0, -1), self.smallest)
        if answer is None and (more_ends := self._more_of_ends(self.commits[1:])):
            return more_ends
        if answer != "slower" or total is None:
            return Conclusion(answer=answer or "can't tell", total=total)
        first = self._find_change(estimate(values), CERTAINTIES[0])
        if isinstance(first, Compare) or first.change_answer != "not slower":
            return first
        # A decision was wrong, or commits share the slowdown: new pairs of the ends replace them.
        n_used = total.n_pairs if total.n_pairs < max(looks()) else 0
        more_ends = self._more_of_ends(self.commits[1:])
        if n_used and more_ends is not None and len(values) < next_look(n_used):
            return more_ends
        return self._find_change(estimate(values[n_used:]), CERTAINTIES[1])

    def _measured(self, base: int, head: int) -> Measured:
        """Return what was measured of two commits, by their places."""
        return self.comparisons.get((self.commits[base], self.commits[head]), Measured())

    def _more_of_ends(self, suspects: Sequence[str]) -> Compare | None:
        """Return the step that measures more pairs of GOOD and BAD; None if there are enough."""
        n_pairs = len(self._measured(0, -1).values)
        if n_pairs >= max(looks()):
            return None
        return self._compare("ends", 0, -1, next_look(n_pairs), suspects)

    def _compare(
        self, purpose: Purpose, base: int, head: int, n_pairs: int, suspects: Sequence[str]
    ) -> Compare:
        return Compare(
            purpose=purpose,
            base=self.commits[base],
            head=self.commits[head],
            n_pairs=n_pairs,
            suspects=tuple(suspects),
        )

    def _find_change(self, total: Estimate, certainty: float) -> Compare | Conclusion:
        """Narrow the suspects down, then compare the ends of what is left directly."""
        narrowed = self._narrow(total, certainty)
        if isinstance(narrowed, Compare):
            return narrowed
        low, high, n_undecided = narrowed
        suspects = tuple(self.commits[low + 1 : high + 1])
        measured = self._measured(low, high)
        half = math.sqrt(total.ratio) - 1
        answer, change = compare(measured, min(self.smallest, half))
        if answer is None:
            return self._compare("change", low, high, next_look(len(measured.values)), suspects)
        return Conclusion(
            answer="slower",
            total=total,
            base=self.commits[low],
            suspects=suspects,
            change=change,
            change_answer=answer,
            n_undecided=n_undecided,
        )

    def _narrow(self, total: Estimate, certainty: float) -> Compare | tuple[int, int, int]:
        """Bisect; return the next step, or the last fast and first slow commit, and the undecided.

        The search is repeated from its beginning: the comparisons contain all that it depends on.
        Where the half of the slowdown is less certain than the commit, the ends get more pairs.
        """
        low, high, n_undecided = 0, len(self.commits) - 1, 0
        passed: set[int] = set()
        while n_undecided < MAX_UNDECIDED and (index := next_index(low, high, passed)) is not None:
            measured, suspects = self._measured(0, index), self.commits[low + 1 : high + 1]
            speed = classify(measured, total, certainty)
            is_open = speed in (None, "undecided") and is_more_certain(measured, total)
            if is_open and (more_ends := self._more_of_ends(suspects)) is not None:
                return more_ends
            if speed is None:
                n_pairs = next_look(len(measured.values), FIRST_LOOK)
                return self._compare("commit", 0, index, n_pairs, suspects)
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
