"""Campaigns drawn from collected pairs, and how often each rule finds a slowdown in them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from scipy import stats

from bench.regression.decision import EARLIEST, LOOKS, Answer, decide, estimate
from bench.regression.pairs import Pair

SMALLEST = 0.03
N_CAMPAIGNS = 1000
STRETCH = 10  # consecutive pairs that stay together in a campaign: drift is kept
PAIRS_A_SIDE = 20  # what a plain rule is given: as much as the gate's first full look
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
        return Pair(
            cell="", number=0, base_seconds=self.base_us, head_seconds=self.head_us, learnt_apart=0
        ).value


@dataclass(frozen=True, kw_only=True)
class Campaigns:
    """What came of many campaigns."""

    answers: list[Answer]
    n_pairs: list[int]

    def share(self, answer: Answer) -> float:
        """Return the share that ended with an answer."""
        return self.answers.count(answer) / len(self.answers)

    def at_most(self, answer: Answer) -> float:
        """Return the upper 95 % bound of that share (Clopper and Pearson 1934)."""
        found = stats.binomtest(self.answers.count(answer), len(self.answers), alternative="less")
        return float(found.proportion_ci(0.95, method="exact").high)


def read(path: Path) -> tuple[dict[str, object], dict[str, list[Line]]]:
    """Return the heading of a file of pairs, and its pairs by kind, in their order."""
    first, *rest = path.read_bytes().splitlines()
    lines: dict[str, list[Line]] = {}
    for one in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        lines.setdefault(one.kind, []).append(one)
    return msgspec.json.decode(first, type=dict[str, object]), lines


def campaign(values: Sequence[float]) -> tuple[Answer, int]:
    """Judge pairs as they come in; return the answer and after how many."""
    for n in sorted({EARLIEST, *LOOKS}):
        made = estimate(values[:n])
        answer = decide({"cell": made}, SMALLEST, last=n == max(LOOKS))["cell"]
        if answer is not None:
            return answer, n
    raise AssertionError("the last look always answers")


def campaigns(values: Sequence[float], randomness: np.random.Generator) -> Campaigns:
    """Draw campaigns, of stretches of consecutive pairs, and judge each."""
    n_stretches = math.ceil(max(LOOKS) / STRETCH)
    answers: list[Answer] = []
    n_pairs = []
    for _ in range(N_CAMPAIGNS):
        starts = randomness.integers(len(values) - STRETCH + 1, size=n_stretches)
        drawn = [value for start in starts for value in values[start : start + STRETCH]]
        answer, n = campaign(drawn)
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


def found_by(rule: Rule, lines: Sequence[Line]) -> float:
    """Return how often a rule raises the alarm, BASE timed first and HEAD after it."""
    alarms = []
    for start in range(len(lines) - 2 * PAIRS_A_SIDE + 1):
        middle, end = start + PAIRS_A_SIDE, start + 2 * PAIRS_A_SIDE
        before = [one.base_us for one in lines[start:middle]]
        after = [one.head_us for one in lines[middle:end]]
        alarms.append(rule(before, after))
    return statistics.fmean(alarms)
