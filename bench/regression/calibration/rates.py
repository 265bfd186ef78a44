"""Campaigns drawn from collected pairs, and how often each rule finds a slowdown in them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from scipy import stats

from bench.regression.pairs import value_of
from bench.statistics import (
    FIRST_LOOK,
    LOOKS,
    Answer,
    decide,
    estimate,
)

SMALLEST = 0.03
N_CAMPAIGNS = 1000
STRETCH = 40  # consecutive pairs that stay together in a campaign: drift is kept
PAIRS_A_SIDE = 20  # what a plain rule is given of a campaign: as many processes as the first look
THRESHOLD = 0.03
SIGNIFICANT = 0.01


class Line(msgspec.Struct, frozen=True):
    """A collected pair: microseconds of every block."""

    kind: str
    seconds: float
    base_us: tuple[int, ...]
    head_us: tuple[int, ...]

    @property
    def value(self) -> float:
        """What the gate makes of it."""
        return value_of(self.base_us, self.head_us)


@dataclass(frozen=True, kw_only=True)
class Campaigns:
    """What came of some campaigns."""

    answers: list[Answer]
    n_pairs: list[int]

    def share(self, answer: Answer) -> float:
        """Return the share that ended with an answer."""
        return self.answers.count(answer) / len(self.answers)

    def at_most(self, answer: Answer) -> float:
        """Return the upper 95 % bound of that share (Clopper and Pearson 1934)."""
        return float(self._interval(answer, "less").high)

    def at_least(self, answer: Answer) -> float:
        """Return the lower 95 % bound of that share."""
        return float(self._interval(answer, "greater").low)

    def _interval(self, answer: Answer, alternative: Literal["less", "greater"]) -> Any:
        found = stats.binomtest(
            self.answers.count(answer), len(self.answers), alternative=alternative
        )
        return found.proportion_ci(0.95, method="exact")


def read(path: Path) -> tuple[dict[str, object], dict[str, list[Line]]]:
    """Return the heading of a file of pairs, and its pairs by kind, in their order."""
    first, *rest = path.read_bytes().splitlines()
    lines: dict[str, list[Line]] = {}
    for one in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        lines.setdefault(one.kind, []).append(one)
    return msgspec.json.decode(first, type=dict[str, object]), lines


def campaign(values: Sequence[float]) -> tuple[Answer, int]:
    """Judge pairs as they come in; return the answer and after how many."""
    for n in sorted({FIRST_LOOK, *LOOKS}):
        made = estimate(values[:n])
        answer = decide({"cell": made}, SMALLEST, last=n == max(LOOKS))["cell"]
        if answer is not None:
            return answer, n
    raise AssertionError("the last look always answers")


def draw(n_collected: int, randomness: np.random.Generator) -> list[list[int]]:
    """Draw campaigns: the places of their pairs, in stretches of consecutive ones."""
    starts = randomness.integers(
        n_collected - STRETCH + 1, size=(N_CAMPAIGNS, math.ceil(max(LOOKS) / STRETCH))
    )
    return [[start + n for start in of_one for n in range(STRETCH)] for of_one in starts.tolist()]


def campaigns(values: Sequence[float], drawn: Sequence[Sequence[int]]) -> Campaigns:
    """Judge campaigns as the gate does."""
    found = [campaign([values[place] for place in places]) for places in drawn]
    return Campaigns(answers=[answer for answer, _ in found], n_pairs=[n for _, n in found])


def disjoint(values: Sequence[float]) -> Campaigns:
    """Judge one campaign after the other, none of which shares a pair: these are independent."""
    answers: list[Answer] = []
    n_pairs: list[int] = []
    while len(values) - sum(n_pairs) >= max(LOOKS):  # whatever it takes, the next has enough
        answer, n = campaign(values[sum(n_pairs) :])
        answers.append(answer)
        n_pairs.append(n)
    return Campaigns(answers=answers, n_pairs=n_pairs)


def _medians(blocks: Sequence[Sequence[int]]) -> list[float]:
    return [statistics.median(one) for one in blocks]


def by_means(base: Sequence[Sequence[int]], head: Sequence[Sequence[int]]) -> bool:
    """Return whether the mean of all processes' times has grown by more than the threshold."""
    return statistics.fmean(map(statistics.fmean, head)) > (1 + THRESHOLD) * statistics.fmean(
        map(statistics.fmean, base)
    )


def by_minimum(base: Sequence[Sequence[int]], head: Sequence[Sequence[int]]) -> bool:
    """Return whether the shortest time has grown by more than the threshold."""
    return min(map(min, head)) > (1 + THRESHOLD) * min(map(min, base))


def by_mann_whitney(base: Sequence[Sequence[int]], head: Sequence[Sequence[int]]) -> bool:
    """Return whether processes' medians are larger, by the test of Mann and Whitney (1947)."""
    tested = stats.mannwhitneyu(_medians(head), _medians(base), alternative="greater")
    return bool(tested.pvalue < SIGNIFICANT)


Rule = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]]], bool]
RULES: dict[str, Rule] = {
    f"means, A then B, threshold {THRESHOLD:.0%}": by_means,
    f"minimum, A then B, threshold {THRESHOLD:.0%}": by_minimum,
    f"Mann-Whitney, A then B, p < {SIGNIFICANT}": by_mann_whitney,
}


def found_by(rule: Rule, lines: Sequence[Line], drawn: Sequence[Sequence[int]]) -> float:
    """Return in how many of the campaigns a rule raises the alarm, BASE first and HEAD after it."""
    return statistics.fmean(
        rule(
            [lines[place].base_us for place in places[:PAIRS_A_SIDE]],
            [lines[place].head_us for place in places[PAIRS_A_SIDE : 2 * PAIRS_A_SIDE]],
        )
        for places in drawn
    )
