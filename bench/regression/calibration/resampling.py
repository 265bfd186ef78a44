"""Sessions drawn from measured pairs, and their answers: error rates without measuring again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from bench.statistics import (
    FIRST_LOOK,
    LOOKS,
    MARGIN,
    Answer,
    Estimate,
    decide,
    degrees_of_freedom,
    estimate,
    looks,
    t_upper_tail,
)

SMALLEST = 0.03  # slowdown that matters, as by default in bench-compare
SEED = 20261124
N_SESSIONS = 1000
N_CONSECUTIVE = 40  # pairs that stay together in a session, so that drift is kept


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Answers of several sessions, and the number of pairs that each one needed."""

    answers: tuple[Answer, ...]
    n_pairs: tuple[int, ...]

    def share(self, answer: Answer) -> float:
        """Return the share of sessions with this answer."""
        return self.answers.count(answer) / len(self.answers)

    def bound(self, answer: Answer, side: Literal["upper", "lower"]) -> float:
        """Return a one-sided 95 % bound of that share (Clopper and Pearson 1934)."""
        alternative: Literal["less", "greater"] = "less" if side == "upper" else "greater"
        test = stats.binomtest(
            self.answers.count(answer), len(self.answers), alternative=alternative
        )
        interval = test.proportion_ci(0.95, method="exact")
        return float(interval.high if side == "upper" else interval.low)


# The estimates of a session after each look, in order; the last one always gives an answer.
Looks = list[Estimate]


def look_at(values: Sequence[float], n_pairs: int = max(LOOKS)) -> Looks:
    """Return the estimates after each look of a session that ends after `n_pairs` pairs."""
    numbers = [n for n in looks(n_pairs) if n <= n_pairs]
    return [estimate(values[:n]) for n in numbers]


def draw(values: Sequence[float], n_pairs: int = max(LOOKS)) -> list[Looks]:
    """Draw sessions from measured pairs, in groups of consecutive pairs.

    Args:
        values: values of at least two pairs, in the order of measuring.
        n_pairs: number of pairs of a session.
    """
    randomness = np.random.default_rng(SEED)
    n_together = min(N_CONSECUTIVE, max(1, len(values) // 2))
    starts = randomness.integers(
        len(values) - n_together + 1, size=(N_SESSIONS, math.ceil(n_pairs / n_together))
    )
    return [
        look_at([values[start + n] for start in row for n in range(n_together)], n_pairs)
        for row in starts.tolist()
    ]


def evaluate(sessions: Sequence[Looks], slowdown: float = 0.0, n_tests: int = 1) -> Sessions:
    """Evaluate sessions as `bench-compare` does.

    Args:
        sessions: of `draw`.
        slowdown: share by which every time of HEAD is made longer.
        n_tests: number of metrics that share one error rate.
    """
    results = [_answer(estimates, slowdown, n_tests) for estimates in sessions]
    answers, n_pairs = zip(*results, strict=True)
    return Sessions(answers=answers, n_pairs=n_pairs)


def separate(values: Sequence[float], n_tests: int = 1) -> Sessions | None:
    """Evaluate sessions that share no pairs: each begins after the last pair of the one before.

    A session at the end with too few pairs for an answer is left out; None if there is no other.
    """
    results = []
    start = 0
    while len(values) - start >= FIRST_LOOK:
        estimates = look_at(values[start:], min(max(LOOKS), len(values) - start))
        answer, n_pairs = _answer(estimates, 0.0, n_tests)
        if answer == "can't tell" and n_pairs < max(LOOKS):
            break
        results.append((answer, n_pairs))
        start += n_pairs
    if not results:
        return None
    answers, counts = zip(*results, strict=True)
    return Sessions(answers=answers, n_pairs=counts)


def _answer(estimates: Looks, slowdown: float, n_tests: int) -> tuple[Answer, int]:
    """Return the answer of a session, and after how many pairs it is given."""
    for place, measured in enumerate(estimates, 1):
        slowed = _longer(measured, slowdown)
        last = place == len(estimates)
        answer = decide({"case": slowed}, SMALLEST, last=last, n_tests=n_tests)["case"]
        if answer is not None:
            return answer, measured.n_pairs
    raise AssertionError("the last look always answers")


def _longer(measured: Estimate, slowdown: float) -> Estimate:
    """Return the estimate that pairs with longer times of HEAD would have given."""
    if slowdown == 0:
        return measured
    error = measured.standard_error
    ratio = measured.ratio * (1 + slowdown)
    excess = math.log(ratio) - math.log1p(MARGIN)
    freedom = degrees_of_freedom(measured.n_pairs)
    return dataclasses.replace(
        measured,
        ratio=ratio,
        upper=measured.upper * (1 + slowdown),
        p_value=t_upper_tail(excess / error, freedom) if error > 0 else float(excess <= 0),
    )
