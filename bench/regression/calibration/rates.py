"""Error rates of `bench-compare` from a file of collected pairs, as tables in Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.markdown import table
from bench.regression.calibration.resampling import N_SESSIONS, Looks, Sample, Sessions, sample
from bench.regression.pair_record import Pair, Readings
from bench.results.history import STEP
from bench.statistics import FIRST_LOOK, LOOKS, MIN_PAIRS, Answer, estimate, normal_spread

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
ratio of 1 before that: the mean of a sample is rarely exactly 1, and every drawn session would \
inherit that. The 95 % bounds treat sessions as independent, although they share pairs. The last \
column counts sessions that share none, without a shift. Made by \
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
    return sample([o.pair for o in lines], metrics, is_equal=is_equal, n_tests=len(metrics))


def write(path: Path) -> None:
    """Write the rates next to a file of pairs, and print them; rates.md is of pairs.jsonl."""
    heading, cases = read(path)
    metrics = heading.get("metrics", [STEP])
    rows: list[list[str]] = []
    increased: list[list[str]] = []
    separate: list[Sessions] = []
    n_intervals = n_with_one = 0
    for case, kinds in cases.items():
        for kind, lines in sorted(kinds.items(), key=_place):
            measured = sample_of(lines, metrics)
            drawn = measured.draw() if len(lines) >= FIRST_LOOK else None
            for metric in metrics:
                start = [case, kind, metric]
                rows.append([*start, *_row(lines, measured, metric, drawn)])
                if measured.is_equal and drawn is not None:
                    ratio = estimate(measured.values[metric])
                    n_intervals += 1
                    n_with_one += ratio.low <= 1 <= ratio.high
                    increased.append([*start, *_increased(lines, measured, metric, drawn)])
                    separate += filter(None, [measured.separate(metric)])
    text = "\n\n".join(
        [
            ABOUT,
            table(HEADINGS, rows),
            "Pairs of equal sides, shifted to a ratio of 1, every reading of HEAD increased by a "
            "share: sessions that answer slower, and median minutes to an answer:",
            table(["case", "pairs", "metric", *(f"{share:.0%}" for share in INCREASES)], increased),
            f"Intervals of the mean ratio of equal pairs that contain 1: {n_with_one} of "
            f"{n_intervals}.",
            *(
                [f"False alarms in sessions that share no pairs: {_count(separate)}."]
                * bool(separate)
            ),
        ]
    )
    name = path.stem.replace("pairs", "rates") + ".md"
    path.with_name(name).write_text(text + "\n", encoding="utf-8")
    print(text)


def _place(item: tuple[str, list[Line]]) -> tuple[bool, int, str]:
    """Return the place of a kind of pairs: equal sides first, then by size."""
    return item[0] not in EQUAL, len(item[0]), item[0]


def _row(
    lines: Sequence[Line], measured: Sample, metric: str, drawn: Sequence[Looks] | None
) -> list[str]:
    values = measured.values[metric]
    ratio = f"{math.exp(statistics.median(values)):.4f}"
    if len(values) >= MIN_PAIRS:
        mean = estimate(values)
        ratio = f"{mean.ratio:.4f} ({mean.low:.4f} to {mean.high:.4f})"
    start = [str(len(values)), ratio, f"{normal_spread(values):.2%}", f"{_seconds(lines):.1f}"]
    if drawn is None:
        return [*start, "too few pairs", *["-"] * (len(HEADINGS) - 4 - len(start))]
    sessions, separate = measured.evaluate(drawn, metric), measured.separate(metric)
    return [
        *start,
        f"{sessions.share('slower'):.1%} ({_bound(sessions, measured.is_equal)})",
        f"{sessions.share('not slower'):.1%}",
        f"{sessions.share(CANT_TELL):.1%}",
        f"{statistics.median(sessions.n_pairs):.0f}",
        f"{_minutes(sessions, lines):.1f}",
        "-" if separate is None else _count([separate], measured.is_equal),
    ]


def _increased(
    lines: Sequence[Line], measured: Sample, metric: str, drawn: Sequence[Looks]
) -> list[str]:
    sessions = [measured.evaluate(drawn, metric, share) for share in INCREASES]
    return [f"{one.share('slower'):.1%}, {_minutes(one, lines):.1f}" for one in sessions]


def _seconds(lines: Sequence[Line]) -> float:
    return statistics.median(line.seconds for line in lines)


def _minutes(sessions: Sessions, lines: Sequence[Line]) -> float:
    return statistics.median(sessions.n_pairs) * _seconds(lines) / 60


def _count(several: Sequence[Sessions], is_equal: bool = True) -> str:
    """Return how many sessions answered "slower", with the bound of their share."""
    together = Sessions(
        answers=tuple(answer for sessions in several for answer in sessions.answers), n_pairs=()
    )
    n_slower = together.answers.count("slower")
    return f"{n_slower} of {len(together.answers)} ({_bound(together, is_equal)})"


def _bound(sessions: Sessions, is_equal: bool) -> str:
    """Return the bound that matters: of false alarms, or of slowdowns found."""
    if is_equal:
        return f"at most {sessions.bound('slower', 'upper'):.2%}"
    return f"at least {sessions.bound('slower', 'lower'):.2%}"
