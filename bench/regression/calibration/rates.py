"""Error rates of `bench-compare` from a file of collected pairs, as tables in Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.decisions import FIRST_LOOK, LOOKS, Answer
from bench.markdown import table
from bench.regression.calibration.resampling import N_SESSIONS, Looks, Sample, Sessions
from bench.regression.pair_record import Pair, Readings
from bench.results.history import STEP
from bench.statistics import MIN_PAIRS, estimate, normal_spread

QUIET, LOADED = EQUAL = ("quiet", "loaded")  # kinds of pairs, in the file of pairs
CANT_TELL: Answer = "can't tell"
INCREASES = (0.01, 0.02, 0.03, 0.04, 0.05, 0.10)
HEADINGS = (
    "case", "pairs", "metric", "collected", "mean ratio (95 % interval)", "spread",
    "seconds per pair", "slower", "not slower", "can't tell", "pairs to answer", "minutes",
    "slower, no common pairs",
)  # fmt: skip
ABOUT = f"""\
{N_SESSIONS:,} sessions of up to {max(LOOKS)} pairs are drawn from each kind of pairs. All metrics \
of a session share one error rate. Pairs of equal sides (quiet, loaded) are shifted to a mean \
ratio of 1 before that: the mean of a sample is rarely exactly 1, and all drawn sessions would \
have that error. The 95 % bounds treat sessions as independent, although they share pairs. The \
last column counts sessions that share none, without a shift. Made by \
`python -m bench.regression.calibration evaluate`."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A collected pair.

    Attributes:
        kind: equal sides, undisturbed or under load, or what is planted in HEAD.
        seconds: duration of the pair.
        base_us: microseconds of every slice of BASE.
        head_us: microseconds of every slice of HEAD.
        cell: name of the case; empty in a file of one case.
        readings: those of other metrics, as in `Pair`.
    """

    kind: str
    seconds: float
    base_us: tuple[int, ...]
    head_us: tuple[int, ...]
    cell: str = ""
    readings: dict[str, Readings] = {}

    @property
    def pair(self) -> Pair:
        """The pair, without the differences between models."""
        return Pair(
            cell=self.cell, number=0, first_difference=0.0, losses_difference=0.0,
            last_difference=0.0, readings=self.readings,
            base_seconds=tuple(1e-6 * time for time in self.base_us),
            head_seconds=tuple(1e-6 * time for time in self.head_us),
        )  # fmt: skip


LinesByKind = dict[str, list[Line]]


def read(path: Path) -> tuple[dict[str, Any], dict[str, LinesByKind]]:
    """Return the heading of a file of pairs, and its pairs by case and kind, in order."""
    first, *rest = path.read_bytes().splitlines()
    heading = msgspec.json.decode(first, type=dict[str, Any])
    lines: dict[str, LinesByKind] = {}
    for line in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        case = line.cell or str(heading["cell"])
        lines.setdefault(case, {}).setdefault(line.kind, []).append(line)
    return heading, lines


def sample_of(lines: Sequence[Line], metrics: Sequence[str] = (STEP,)) -> Sample:
    """Return the sample of pairs of one kind; all metrics share one error rate."""
    is_equal = lines[0].kind in EQUAL
    pairs = [line.pair for line in lines]
    return Sample.of(pairs, metrics, is_equal=is_equal, n_tests=len(metrics))


def write(path: Path) -> None:
    """Write the rates next to a file of pairs, and print them; rates.md is of pairs.jsonl."""
    heading, cases = read(path)
    metrics = heading.get("metrics", [STEP])
    rows = []
    for case, kinds in cases.items():
        for kind in sorted(kinds, key=lambda kind: (kind not in EQUAL, len(kind), kind)):
            sample = sample_of(kinds[kind], metrics)
            drawn = sample.draw() if len(kinds[kind]) >= FIRST_LOOK else []
            seconds = statistics.median(line.seconds for line in kinds[kind])
            rows += [_Row(case, kind, metric, sample, drawn, seconds) for metric in metrics]
    equal = [row for row in rows if row.sample.is_equal and row.drawn]
    intervals = [estimate(row.values) for row in equal]
    n_with_one = sum(interval.low <= 1 <= interval.high for interval in intervals)
    text = "\n\n".join(
        [
            ABOUT,
            table(HEADINGS, [row.rates() for row in rows]),
            "Pairs of equal sides, shifted to a ratio of 1, every reading of HEAD increased by a "
            "share: sessions that answer slower, and median minutes to an answer:",
            table(
                [*HEADINGS[:3], *(f"{share:.0%}" for share in INCREASES)],
                [row.of_increases() for row in equal],
            ),
            f"Intervals of the mean ratio of equal pairs that contain 1: {n_with_one} of "
            f"{len(equal)}.",
            "False alarms in sessions that share no pairs: "
            f"{_count([row.sample.separate(row.metric) for row in equal])}.",
        ]
    )
    name = path.stem.replace("pairs", "rates") + ".md"
    path.with_name(name).write_text(text + "\n", encoding="utf-8")
    print(text)


@dataclass(frozen=True, slots=True)
class _Row:
    """One metric of one kind of pairs of a case; no drawn sessions if there are too few pairs."""

    case: str
    kind: str
    metric: str
    sample: Sample
    drawn: list[Looks]
    seconds_per_pair: float

    @property
    def values(self) -> Sequence[float]:
        """The values of the pairs."""
        return self.sample.values[self.metric]

    def rates(self) -> list[str]:
        """Return the row of the first table."""
        ratio = f"{math.exp(statistics.median(self.values)):.4f}"
        if len(self.values) >= MIN_PAIRS:
            mean = estimate(self.values)
            ratio = f"{mean.ratio:.4f} ({mean.low:.4f} to {mean.high:.4f})"
        start = [
            self.case, self.kind, self.metric, str(len(self.values)), ratio,
            f"{normal_spread(self.values):.2%}", f"{self.seconds_per_pair:.1f}",
        ]  # fmt: skip
        if not self.drawn:
            return [*start, "too few pairs", *["-"] * (len(HEADINGS) - len(start) - 1)]
        sessions = self.sample.evaluate(self.drawn, self.metric)
        return [
            *start,
            f"{sessions.share('slower'):.1%} ({_bound(sessions, self.sample.is_equal)})",
            f"{sessions.share('not slower'):.1%}",
            f"{sessions.share(CANT_TELL):.1%}",
            f"{statistics.median(sessions.n_pairs):.0f}",
            f"{self._minutes(sessions):.1f}",
            _count([self.sample.separate(self.metric)], self.sample.is_equal),
        ]

    def of_increases(self) -> list[str]:
        """Return the row of the second table."""
        sessions = [self.sample.evaluate(self.drawn, self.metric, share) for share in INCREASES]
        return [
            self.case,
            self.kind,
            self.metric,
            *(f"{one.share('slower'):.1%}, {self._minutes(one):.1f}" for one in sessions),
        ]

    def _minutes(self, sessions: Sessions) -> float:
        return statistics.median(sessions.n_pairs) * self.seconds_per_pair / 60


def _count(several: Sequence[Sessions | None], is_equal: bool = True) -> str:
    """Return how many sessions answered "slower", with the bound of their share."""
    answers = tuple(answer for one in several if one is not None for answer in one.answers)
    if not answers:
        return "-"
    bound = _bound(Sessions(answers=answers, n_pairs=()), is_equal)
    return f"{answers.count('slower')} of {len(answers)} ({bound})"


def _bound(sessions: Sessions, is_equal: bool) -> str:
    """Return the bound that matters: of false alarms, or of slowdowns found."""
    if is_equal:
        return f"at most {sessions.bound('slower', 'upper'):.2%}"
    return f"at least {sessions.bound('slower', 'lower'):.2%}"
