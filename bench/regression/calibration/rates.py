"""Error rates: draw sessions from collected pairs, and count how often each rule says slower."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats

from bench.regression.pairs import median_log_ratio
from bench.statistics import FIRST_LOOK, LOOKS, Answer, decide, estimate

QUIET, LOADED = "quiet", "loaded"  # kinds of pairs, in the file of pairs
PLANTED = (0.01, 0.03, 0.05, 0.10)  # planted slowdowns
SMALLEST = 0.03
N_SESSIONS = 1000
N_CONSECUTIVE = 40  # pairs that stay together in a session, so that drift is kept
N_PROCESSES = 20  # of each side, for the simple rules: as many as at the first look
THRESHOLD = 0.03
SIGNIFICANCE = 0.01
SIMPLE_RULES = (
    f"means, A then B, threshold {THRESHOLD:.0%}",
    f"minimum, A then B, threshold {THRESHOLD:.0%}",
    f"Mann-Whitney, A then B, p < {SIGNIFICANCE}",
)

Times = npt.NDArray[np.float64]  # (n_processes, n_slices) microseconds


class Line(msgspec.Struct, frozen=True):
    """A collected pair; `base_us` and `head_us` are the microseconds of every slice."""

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
    """Answers of several sessions, and the number of pairs that each one needed."""

    answers: list[Answer]
    n_pairs: list[int]

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


def planted(share: float) -> str:
    """Return the name of the pairs with a planted slowdown of this share."""
    return f"planted {share:.0%}"


def read(path: Path) -> tuple[dict[str, object], dict[str, list[Line]]]:
    """Return the heading of a file of pairs, and its pairs by kind, in order."""
    first, *rest = path.read_bytes().splitlines()
    lines: dict[str, list[Line]] = {}
    for line in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        lines.setdefault(line.kind, []).append(line)
    return msgspec.json.decode(first, type=dict[str, object]), lines


def session(values: Sequence[float]) -> tuple[Answer, int]:
    """Evaluate pairs in order; return the answer, and after how many pairs it was given."""
    for n in sorted({FIRST_LOOK, *LOOKS}):
        answer = decide({"case": estimate(values[:n])}, SMALLEST, last=n == max(LOOKS))["case"]
        if answer is not None:
            return answer, n
    raise AssertionError("the last look always answers")


def draw(n_collected: int, randomness: np.random.Generator) -> list[list[int]]:
    """Draw sessions: indices of pairs, in groups of consecutive pairs."""
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
    sessions = Sessions(answers=[], n_pairs=[])
    while len(values) - sum(sessions.n_pairs) >= max(LOOKS):  # enough pairs for the next session
        answer, n = session(values[sum(sessions.n_pairs) :])
        sessions.answers.append(answer)
        sessions.n_pairs.append(n)
    return sessions


def simple_rules(base: Times, head: Times) -> list[bool]:
    """Return whether each of `SIMPLE_RULES` says slower."""
    test = stats.mannwhitneyu(np.median(head, 1), np.median(base, 1), alternative="greater")
    return [
        bool(head.mean() > (1 + THRESHOLD) * base.mean()),
        bool(head.min() > (1 + THRESHOLD) * base.min()),
        bool(test.pvalue < SIGNIFICANCE),
    ]


def shares_of_simple_rules(
    lines: Sequence[Line], drawn: Sequence[Sequence[int]]
) -> dict[str, float]:
    """Return how often each simple rule says slower, if BASE is measured first and HEAD later."""
    base, head = (
        np.array([getattr(line, name) for line in lines], float) for name in ("base_us", "head_us")
    )
    answers = [
        simple_rules(base[indices[:N_PROCESSES]], head[indices[N_PROCESSES : 2 * N_PROCESSES]])
        for indices in drawn
    ]
    return dict(zip(SIMPLE_RULES, np.mean(answers, axis=0).tolist(), strict=True))
