"""Sessions drawn from measured pairs, and their answers: error rates without measuring again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from bench.decisions import FIRST_LOOK, LOOKS, Answer, decide, looks
from bench.regression.metrics import METRICS
from bench.regression.pair_record import Pair
from bench.statistics import Estimate, degrees_of_freedom, estimate, t_upper_tail

SEED = 20261124
N_SESSIONS = 1000
N_CONSECUTIVE = 40  # pairs that stay together in a session, so that drift is kept

# The estimates of a session by metric, after each look; the last look always gives an answer.
Looks = list[dict[str, Estimate]]


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Answers of several sessions for one metric, and the number of pairs that each one needed."""

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


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Measured pairs of one kind, in the order of measuring.

    Attributes:
        values: log(reading of HEAD / reading of BASE) of every pair, by metric.
        limits: relative increases that are never reported, and that matter, by metric.
        is_equal: whether both sides are copies of the same code.
        n_tests: number of tests that share one error rate.
    """

    values: Mapping[str, Sequence[float]]
    limits: Mapping[str, tuple[float, float]]
    is_equal: bool
    n_tests: int

    @classmethod
    def of(
        cls, pairs: Sequence[Pair], metrics: Sequence[str], *, is_equal: bool, n_tests: int
    ) -> Sample:
        """Return a sample of pairs with the usual limits of its metrics."""
        limits = {
            metric: METRICS[metric].limits(
                METRICS[metric].smallest,
                [float(np.median(pair.readings_of(metric).base)) for pair in pairs],
            )
            for metric in metrics
        }
        values = {metric: [pair.value_of(metric) for pair in pairs] for metric in metrics}
        return cls(values=values, limits=limits, is_equal=is_equal, n_tests=n_tests)

    def draw(self) -> list[Looks]:
        """Draw sessions, in groups of consecutive pairs; there must be at least 5 pairs.

        Pairs of equal sides are shifted to a ratio of 1 before that: the ratio of a small sample is
        rarely exactly 1, and all drawn sessions would have that error. The first pair follows the
        last one, so that each pair is drawn equally often (Politis and Romano 1992).
        """
        n_values = len(next(iter(self.values.values())))
        n_together = min(N_CONSECUTIVE, max(1, n_values // 2))
        n_groups = math.ceil(max(LOOKS) / n_together)
        starts = np.random.default_rng(SEED).integers(n_values, size=(N_SESSIONS, n_groups, 1))
        places = (starts + np.arange(n_together)).reshape(N_SESSIONS, -1) % n_values
        drawn = {}
        for metric, values in self.values.items():
            shift = math.log(estimate(values).ratio) if self.is_equal else 0.0
            drawn[metric] = (np.array(values)[places] - shift).tolist()
        return [
            self._look_at({metric: sessions[n] for metric, sessions in drawn.items()})
            for n in range(N_SESSIONS)
        ]

    def evaluate(self, drawn: Sequence[Looks], metric: str, increase: float = 0.0) -> Sessions:
        """Answer sessions as `bench-compare` does.

        Args:
            drawn: of `draw`.
            metric: whose answers to return.
            increase: share by which every reading of HEAD of this metric is made larger.
        """
        return _sessions([self._answer(one, {metric: increase})[metric] for one in drawn])

    def separate(self, metric: str) -> Sessions | None:
        """Answer sessions that share no pairs: each begins after the last pair of the one before.

        They have the measured values. A session at the end with too few pairs for an answer is left
        out; None if there is no other.
        """
        results = []
        rest = dict(self.values)
        while len(rest[metric]) >= FIRST_LOOK:
            answers = self._answer(self._look_at(rest), {})
            n_pairs = max(n for _, n in answers.values())
            if n_pairs < max(LOOKS) and "can't tell" in {answer for answer, _ in answers.values()}:
                break
            results.append(answers[metric])
            rest = {name: values[n_pairs:] for name, values in rest.items()}
        return _sessions(results) if results else None

    def _look_at(self, values: Mapping[str, Sequence[float]]) -> Looks:
        """Return the estimates after each look of a session that ends with these pairs."""
        n_pairs = min(max(LOOKS), len(next(iter(values.values()))))
        return [
            {
                metric: estimate(values[metric][:n], margin)
                for metric, (margin, _) in self.limits.items()
            }
            for n in looks(n_pairs)
            if n <= n_pairs
        ]

    def _answer(
        self, session: Looks, increases: Mapping[str, float]
    ) -> dict[str, tuple[Answer, int]]:
        """Return the answer for each metric, and after how many pairs it is given."""
        smallest = {metric: limit for metric, (_, limit) in self.limits.items()}
        answers: dict[str, tuple[Answer, int]] = {}
        for place, measured in enumerate(session, 1):
            estimates = measured | {
                metric: _increased(measured[metric], share, self.limits[metric][0])
                for metric, share in increases.items()
                if share > 0
            }
            last = place == len(session)
            decided = decide(estimates, smallest, last=last, n_tests=self.n_tests)
            for metric, answer in decided.items():
                if answer is not None:
                    answers.setdefault(metric, (answer, estimates[metric].n_pairs))
            if len(answers) == len(estimates):
                break
        return answers


def _sessions(results: Sequence[tuple[Answer, int]]) -> Sessions:
    answers, n_pairs = zip(*results, strict=True)
    return Sessions(answers=answers, n_pairs=n_pairs)


def _increased(measured: Estimate, share: float, margin: float) -> Estimate:
    """Return the estimate that pairs with larger readings of HEAD would have given."""
    error = measured.standard_error
    ratio = measured.ratio * (1 + share)
    excess = math.log(ratio) - math.log1p(margin)
    freedom = degrees_of_freedom(measured.n_pairs)
    return dataclasses.replace(
        measured,
        ratio=ratio,
        upper=measured.upper * (1 + share),
        p_value=t_upper_tail(excess / error, freedom) if error > 0 else float(excess <= 0),
    )
