"""Error rates: sessions drawn from collected pairs, and how often each rule finds a slowdown."""

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

from bench.regression.pairs import median_log_ratio
from bench.statistics import FIRST_LOOK, LOOKS, Answer, decide, estimate

QUIET, LOADED = "quiet", "loaded"  # kinds of pairs, in the file of pairs
PLANTED = (0.01, 0.03, 0.05, 0.10)  # extra arithmetic as a share of a step
SMALLEST = 0.03
N_SESSIONS = 1000
N_CONSECUTIVE = 40  # pairs that stay together in a session, so that drift is kept
N_PROCESSES = 20  # of each side, for the simple rules: as many as at the first look
THRESHOLD = 0.03
SIGNIFICANCE = 0.01

Blocks = Sequence[Sequence[int]]  # of several processes, the microseconds of every block


class Line(msgspec.Struct, frozen=True):
    """A collected pair: microseconds of every block."""

    kind: str
    seconds: float
    base_us: tuple[int, ...]
    head_us: tuple[int, ...]

    @property
    def value(self) -> float:
        """The pair's estimate of log(time of HEAD / time of BASE)."""
        return median_log_ratio(self.base_us, self.head_us)


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """The answer of each of some sessions, and the pairs that it took."""

    answers: list[Answer]
    n_pairs: list[int]

    def share(self, answer: Answer) -> float:
        """Return the share of sessions with this answer."""
        return self.answers.count(answer) / len(self.answers)

    def at_most(self, answer: Answer) -> float:
        """Return the upper 95 % bound of that share (Clopper and Pearson 1934)."""
        return float(self._interval(answer, "less").high)

    def at_least(self, answer: Answer) -> float:
        """Return the lower 95 % bound of that share."""
        return float(self._interval(answer, "greater").low)

    def _interval(self, answer: Answer, alternative: Literal["less", "greater"]) -> Any:
        test = stats.binomtest(
            self.answers.count(answer), len(self.answers), alternative=alternative
        )
        return test.proportion_ci(0.95, method="exact")


def planted(share: float) -> str:
    """Return the kind of the pairs with a plant of this share of a step."""
    return f"planted {share:.0%}"


def read(path: Path) -> tuple[dict[str, object], dict[str, list[Line]]]:
    """Return the heading of a file of pairs, and its pairs by kind, in order."""
    first, *rest = path.read_bytes().splitlines()
    lines: dict[str, list[Line]] = {}
    for line in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        lines.setdefault(line.kind, []).append(line)
    return msgspec.json.decode(first, type=dict[str, object]), lines


def session(values: Sequence[float]) -> tuple[Answer, int]:
    """Evaluate pairs in order; return the answer and after how many pairs it was given."""
    for n in sorted({FIRST_LOOK, *LOOKS}):
        answer = decide({"case": estimate(values[:n])}, SMALLEST, last=n == max(LOOKS))["case"]
        if answer is not None:
            return answer, n
    raise AssertionError("the last look always answers")


def draw(n_collected: int, randomness: np.random.Generator) -> list[list[int]]:
    """Draw sessions: the indices of their pairs, in groups of consecutive ones."""
    starts = randomness.integers(
        n_collected - N_CONSECUTIVE + 1,
        size=(N_SESSIONS, math.ceil(max(LOOKS) / N_CONSECUTIVE)),
    )
    return [[start + n for start in row for n in range(N_CONSECUTIVE)] for row in starts.tolist()]


def evaluate(values: Sequence[float], drawn: Sequence[Sequence[int]]) -> Sessions:
    """Evaluate drawn sessions as `bench-compare` does."""
    results = [session([values[index] for index in indices]) for indices in drawn]
    return Sessions(answers=[answer for answer, _ in results], n_pairs=[n for _, n in results])


def disjoint(values: Sequence[float]) -> Sessions:
    """Evaluate sessions that share no pair, one after the other: these are independent."""
    answers: list[Answer] = []
    n_pairs: list[int] = []
    while len(values) - sum(n_pairs) >= max(LOOKS):  # so that the next one can't run out of pairs
        answer, n = session(values[sum(n_pairs) :])
        answers.append(answer)
        n_pairs.append(n)
    return Sessions(answers=answers, n_pairs=n_pairs)


def means_rule(base: Blocks, head: Blocks) -> bool:
    """Return whether the mean of all times has grown by more than the threshold."""
    base_mean = statistics.fmean(map(statistics.fmean, base))
    return statistics.fmean(map(statistics.fmean, head)) > (1 + THRESHOLD) * base_mean


def minimum_rule(base: Blocks, head: Blocks) -> bool:
    """Return whether the shortest time has grown by more than the threshold."""
    return min(map(min, head)) > (1 + THRESHOLD) * min(map(min, base))


def mann_whitney_rule(base: Blocks, head: Blocks) -> bool:
    """Return whether the medians of processes have grown (Mann and Whitney 1947)."""
    test = stats.mannwhitneyu(_medians(head), _medians(base), alternative="greater")
    return bool(test.pvalue < SIGNIFICANCE)


def _medians(blocks: Blocks) -> list[float]:
    return [statistics.median(process) for process in blocks]


SIMPLE_RULES: dict[str, Callable[[Blocks, Blocks], bool]] = {
    f"means, A then B, threshold {THRESHOLD:.0%}": means_rule,
    f"minimum, A then B, threshold {THRESHOLD:.0%}": minimum_rule,
    f"Mann-Whitney, A then B, p < {SIGNIFICANCE}": mann_whitney_rule,
}


def share_found(
    rule: Callable[[Blocks, Blocks], bool],
    lines: Sequence[Line],
    drawn: Sequence[Sequence[int]],
) -> float:
    """Return the share of sessions in which a simple rule says slower: first BASE, then HEAD."""
    return statistics.fmean(
        rule(
            [lines[index].base_us for index in indices[:N_PROCESSES]],
            [lines[index].head_us for index in indices[N_PROCESSES : 2 * N_PROCESSES]],
        )
        for indices in drawn
    )
