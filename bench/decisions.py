"""Decide which cases became slower: looks at a growing number of pairs share one error rate.

So do several cases (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Literal, TypeVar

from scipy import special

from bench.statistics import MARGIN, MIN_PAIRS, Estimate, degrees_of_freedom, t_quantile

LOOKS = {20: 0.0005, 40: 0.0015, 80: 0.003}  # number of pairs: probability of a false alarm
FIRST_LOOK = 10  # number of pairs after which "not slower" is possible
POWER = 0.95  # probability that a slowdown is found

Answer = Literal["slower", "not slower", "can't tell"]
Key = TypeVar("Key", bound=Hashable)  # names a case, or a metric of a case


def smallest_found(n_pairs: int, spread: float, n_tests: int = 1) -> float | None:
    """Return the slowdown that so many pairs find with a probability of 95 %, about.

    log(1 + slowdown) = log(1 + margin) + d * spread * sqrt(1.1 / n), where the noncentral t
    distribution with noncentrality d exceeds the critical value with this probability. A trimmed
    mean has about 1.1 times the variance of a mean (normal distribution, 20 %).

    Args:
        n_pairs: number of pairs of a session.
        spread: standard deviation of the pairs' values.
        n_tests: number of tests that share the error rate.

    Returns:
        The slowdown; None if there are too few pairs.
    """
    n = min(n_pairs, max(LOOKS))
    if n < MIN_PAIRS:
        return None
    freedom = degrees_of_freedom(n)
    level = _level(n, last=True) / n_tests
    distance = special.nctdtrinc(freedom, 1 - POWER, t_quantile(1 - level, freedom))
    return math.expm1(math.log1p(MARGIN) + float(distance) * spread * math.sqrt(1.1 / n))


def looks(*others: int) -> list[int]:
    """Return the numbers of pairs after which there can be an answer, and others, in order."""
    return sorted({*others, FIRST_LOOK, *LOOKS})


def significant(
    p_values: Mapping[Key, float], levels: Mapping[Key, float], n_tests: int | None = None
) -> list[Key]:
    """Return the cases whose hypothesis is rejected, with one error rate for all (Holm 1979).

    Args:
        p_values: p-value of every case.
        levels: significance level of every case. A case at level 0 is not tested now, but still
            counts as one of the cases.
        n_tests: number of cases, with those that have no p-value yet; None for those given.
    """
    n_tests = len(p_values) if n_tests is None else n_tests
    tested = sorted(
        (case for case in p_values if levels[case] > 0),
        key=lambda case: p_values[case] / levels[case],
    )
    rejected = []
    for position, case in enumerate(tested):  # Holm stops at the first that is not rejected
        if p_values[case] >= levels[case] / (n_tests - position):
            break
        rejected.append(case)
    return rejected


def decide(
    estimates: Mapping[Key, Estimate],
    smallest: float | Mapping[Key, float],
    *,
    last: bool = False,
    n_tests: int | None = None,
) -> dict[Key, Answer | None]:
    """Return the answer for every case, or None where more pairs are needed.

    Args:
        estimates: estimate of every case, including cases that already have an answer: all
            cases share one error rate.
        smallest: the relative slowdown that matters, such as 0.03; or of every case.
        last: whether no more pairs will come.
        n_tests: number of cases, with those that have no estimate yet; None for those given.
    """
    if not isinstance(smallest, Mapping):
        smallest = dict.fromkeys(estimates, smallest)
    answers: dict[Key, Answer | None] = dict.fromkeys(estimates)
    slower = significant(
        {case: estimated.p_value for case, estimated in estimates.items()},
        {case: _level(estimated.n_pairs, last) for case, estimated in estimates.items()},
        n_tests,
    )
    for case, estimated in estimates.items():
        look = last or estimated.n_pairs in looks()
        if case in slower:
            answers[case] = "slower"
        elif look and estimated.upper < 1 + smallest[case]:
            answers[case] = "not slower"
        elif last or estimated.n_pairs >= max(LOOKS):
            answers[case] = "can't tell"
    return answers


def _level(n_pairs: int, last: bool) -> float:
    """Return the false alarm rate that this look may use; 0 between looks."""
    if n_pairs in LOOKS:
        return LOOKS[n_pairs]
    # A session that ends early may use the level of its next look.
    return next((level for look, level in LOOKS.items() if look > n_pairs), 0.0) if last else 0.0
