"""Decisions about one comparison: is a commit slow or fast, and how many pairs come next?"""

from __future__ import annotations

import math
from typing import Literal

from bench import statistics
from bench.regression.bisection.steps import Measured
from bench.statistics import Answer, Estimate, decide, estimate, looks

FIRST_LOOK = 6  # number of pairs after which a commit can be slow or fast

Speed = Literal["slow", "fast", "undecided", "fails"]


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
