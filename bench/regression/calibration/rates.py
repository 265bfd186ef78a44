"""Error rates of `bench-compare`: draw sessions from collected pairs, and count their answers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from scipy import stats

from bench.markdown import table
from bench.regression.pairs import median_log_ratio
from bench.statistics import FIRST_LOOK, LOOKS, Answer, decide, estimate, normal_spread

QUIET, LOADED = "quiet", "loaded"  # kinds of pairs, in the file of pairs
PLANTED = (0.01, 0.03, 0.05, 0.10)  # planted slowdowns
CANT_TELL: Answer = "can't tell"
SMALLEST = 0.03
SEED = 20261124
N_SESSIONS = 1000
N_CONSECUTIVE = 40  # pairs that stay together in a session, so that drift is kept
SCALES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.10)
HEADINGS = (
    "pairs", "collected", "measured ratio", "spread", "seconds per pair", "slower", "not slower",
    "can't tell", "median pairs", "median minutes",
)  # fmt: skip


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


def planted(share: float) -> str:
    """Return the name of the pairs with a planted slowdown of this share."""
    return f"planted {share:.0%}"


KINDS = (QUIET, LOADED, *map(planted, PLANTED))


def read(path: Path) -> tuple[dict[str, object], dict[str, list[Line]]]:
    """Return the heading of a file of pairs, and its pairs by kind, in order."""
    first, *rest = path.read_bytes().splitlines()
    lines: dict[str, list[Line]] = {}
    for line in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        lines.setdefault(line.kind, []).append(line)
    return msgspec.json.decode(first, type=dict[str, object]), lines


def draw(n_collected: int, randomness: np.random.Generator) -> list[list[int]]:
    """Draw sessions: indices of pairs, in groups of consecutive pairs."""
    starts = randomness.integers(
        n_collected - N_CONSECUTIVE + 1,
        size=(N_SESSIONS, math.ceil(max(LOOKS) / N_CONSECUTIVE)),
    )
    return [[start + n for start in row for n in range(N_CONSECUTIVE)] for row in starts.tolist()]


def evaluate(
    values: Sequence[float], drawn: Sequence[Sequence[int]], slowdown: float = 0.0
) -> Sessions:
    """Evaluate drawn sessions as `bench-compare` does.

    Args:
        values: values of the pairs.
        drawn: indices of the pairs of each session.
        slowdown: share by which every time of HEAD is made longer.
    """
    results = [_answer([values[n] + math.log1p(slowdown) for n in indices]) for indices in drawn]
    answers, n_pairs = zip(*results, strict=True)
    return Sessions(answers=answers, n_pairs=n_pairs)


def _answer(values: Sequence[float]) -> tuple[Answer, int]:
    """Evaluate pairs in order; return the answer, and after how many pairs it was given."""
    for n in sorted({FIRST_LOOK, *LOOKS}):
        answer = decide({"case": estimate(values[:n])}, SMALLEST, last=n == max(LOOKS))["case"]
        if answer is not None:
            return answer, n
    raise AssertionError("the last look always answers")


def write(path: Path) -> None:
    """Write rates.md next to a file of pairs, and print it."""
    heading, lines = read(path)
    values = {kind: [line.value for line in lines[kind]] for kind in KINDS}
    randomness = np.random.default_rng(SEED)
    drawn = {kind: draw(len(values[kind]), randomness) for kind in KINDS}
    parts = (
        f"{N_SESSIONS:,} sessions of up to {max(LOOKS)} pairs are drawn from each kind of pair. "
        "Their 95 % bounds treat sessions as independent, although they share pairs. Case: "
        f"{heading['cell']}. Made by `python -m bench.regression.calibration evaluate`.",
        table(HEADINGS, [_row(kind, lines[kind], drawn[kind]) for kind in KINDS]),
        "Pairs of equal revisions, every time of HEAD made longer by a share:",
        _scaled_table(values, drawn),
    )
    text = "\n\n".join(parts) + "\n"
    path.with_name("rates.md").write_text(text, encoding="utf-8")
    print(text)


def _row(kind: str, lines: Sequence[Line], drawn: Sequence[Sequence[int]]) -> list[str]:
    values = [line.value for line in lines]
    sessions = evaluate(values, drawn)
    seconds = statistics.median(line.seconds for line in lines)
    n_pairs = statistics.median(sessions.n_pairs)
    bound = (
        f"at most {sessions.bound('slower', 'upper'):.2%}"
        if kind in (QUIET, LOADED)
        else f"at least {sessions.bound('slower', 'lower'):.2%}"
    )
    return [
        kind,
        str(len(lines)),
        f"{math.exp(statistics.median(values)):.4f}",
        f"{normal_spread(values):.2%}",
        f"{seconds:.1f}",
        f"{sessions.share('slower'):.1%} ({bound})",
        f"{sessions.share('not slower'):.1%}",
        f"{sessions.share(CANT_TELL):.1%}",
        f"{n_pairs:.0f}",
        f"{n_pairs * seconds / 60:.1f}",
    ]


def _scaled_table(
    values: Mapping[str, Sequence[float]], drawn: Mapping[str, Sequence[Sequence[int]]]
) -> str:
    """Return the share of the answer "slower" by slowdown, from pairs of equal revisions."""
    kinds = (QUIET, LOADED)
    rows = [
        [f"{scale:.1%}"]
        + [f"{evaluate(values[kind], drawn[kind], scale).share('slower'):.1%}" for kind in kinds]
        for scale in SCALES
    ]
    return table(["longer by", *(f"{kind}: slower" for kind in kinds)], rows)
