"""Decisions of a bisection: is a commit slow or fast, and how many pairs come next?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench import statistics
from bench.decisions import Answer, decide, looks
from bench.statistics import Estimate, estimate

FIRST_LOOK = 6  # number of pairs after which a commit can be slow or fast

Speed = Literal["slow", "fast", "undecided", "fails"]
Purpose = Literal["ends", "commit", "change"]
Comparisons = Mapping[tuple[str, str], "Measured"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was measured of two commits.

    Attributes:
        values: log(time of the later commit / time of the earlier one) of every pair.
        error: why the later commit can't be measured.
    """

    values: tuple[float, ...] = ()
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Compare:
    """The next step: measure `head` against `base` until there are `n_pairs`.

    Attributes:
        purpose: the ends of the chain, one commit against GOOD, or the change that was found.
        suspects: the commits that may have caused the slowdown, in order.
    """

    purpose: Purpose
    base: str
    head: str
    n_pairs: int
    suspects: tuple[str, ...]

    @property
    def n_steps_left(self) -> int:
        """Estimated number of comparisons that are left, with this one, if each is decided."""
        halvings = math.ceil(math.log2(len(self.suspects)))
        return 1 + {"ends": halvings + 1, "commit": halvings, "change": 0}[self.purpose]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """The end of a bisection.

    Attributes:
        answer: whether BAD is slower than GOOD.
        total: slowdown from GOOD to BAD; None if BAD fails.
        base: the last fast commit.
        suspects: the commits after `base` up to the first slow one; empty if BAD is not slower.
        change: slowdown from `base` to the last suspect; None if it was not measured.
        change_answer: whether the last suspect is slower than `base`, compared directly.
        n_undecided: number of commits with about half of the slowdown.
    """

    answer: Answer
    total: Estimate | None
    base: str = ""
    suspects: tuple[str, ...] = ()
    change: Estimate | None = None
    change_answer: Answer = "can't tell"
    n_undecided: int = 0

    @property
    def commit(self) -> str | None:
        """The commit that is slower than its parent; None if there is doubt."""
        certain = len(self.suspects) == 1 and self.change_answer == "slower"
        return self.suspects[0] if certain else None


def compare(measured: Measured, smallest: float) -> tuple[Answer | None, Estimate | None]:
    """Return the answer of `bench-compare`, None if it takes more pairs, and the estimate."""
    if measured.error is not None:
        return "can't tell", None
    for look in looks():
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
    half, half_error = math.log(total.ratio) / 2, total.standard_error / 2
    for look in looks(FIRST_LOOK):
        if len(measured.values) < look:
            return None
        estimated = estimate(measured.values[:look])
        quantile = statistics.t_quantile(certainty, statistics.degrees_of_freedom(look))
        excess = math.log(estimated.ratio) - half
        if abs(excess) > quantile * math.hypot(estimated.standard_error, half_error):
            return "slow" if excess > 0 else "fast"
    return "undecided"


def is_more_certain(measured: Measured, total: Estimate) -> bool:
    """Return whether a commit's ratio is more certain than half of the slowdown."""
    if len(measured.values) < FIRST_LOOK:
        return False
    return estimate(measured.values).standard_error < total.standard_error / 2


def next_look(n_pairs: int, *others: int) -> int:
    """Return the first look after a number of pairs."""
    return next(look for look in looks(*others) if look > n_pairs)
