"""Error rates of `bench-compare` from a file of collected pairs, as tables in Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.markdown import table
from bench.regression.calibration import resampling
from bench.regression.calibration.resampling import N_SESSIONS, Looks, Sessions
from bench.regression.pair_record import median_log_ratio
from bench.statistics import FIRST_LOOK, LOOKS, Answer, normal_spread

QUIET, LOADED = "quiet", "loaded"  # kinds of pairs, in the file of pairs
PLANTED = (0.01, 0.03, 0.05, 0.10)  # planted slowdowns
CANT_TELL: Answer = "can't tell"
SCALES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.10)
HEADINGS = (
    "pairs", "collected", "measured ratio", "spread", "seconds per pair", "slower", "not slower",
    "can't tell", "median pairs", "median minutes", "without common pairs",
)  # fmt: skip

LONGER = (0.03, 0.05, 0.10)  # in the table of several cases
CASE_HEADINGS = (
    "case", "pairs", "spread", "seconds per pair", "false alarms", "without common pairs",
    *(f"{scale:.0%} longer: slower" for scale in LONGER), "minutes, equal",
    "minutes, 5% longer", "planted 5%: measured ratio",
)  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    """A collected pair.

    Attributes:
        kind: equal sides, undisturbed or under load, or a planted slowdown.
        seconds: duration of the pair.
        base_us: microseconds of every slice of BASE.
        head_us: microseconds of every slice of HEAD.
        cell: name of the case; empty in a file of one case.
    """

    kind: str
    seconds: float
    base_us: tuple[int, ...]
    head_us: tuple[int, ...]
    cell: str = ""

    @property
    def value(self) -> float:
        """The pair's estimate of log(time of HEAD / time of BASE)."""
        return median_log_ratio(self.base_us, self.head_us)


LinesByKind = dict[str, list[Line]]


def planted(share: float) -> str:
    """Return the name of the pairs with a planted slowdown of this share."""
    return f"planted {share:.0%}"


KINDS = (QUIET, LOADED, *map(planted, PLANTED))


def read(path: Path) -> tuple[dict[str, object], dict[str, LinesByKind]]:
    """Return the heading of a file of pairs, and its pairs by case and kind, in order."""
    first, *rest = path.read_bytes().splitlines()
    heading = msgspec.json.decode(first, type=dict[str, object])
    lines: dict[str, LinesByKind] = {}
    for line in msgspec.json.Decoder(list[Line]).decode(b"[" + b",".join(rest) + b"]"):
        case = line.cell or str(heading["cell"])
        lines.setdefault(case, {}).setdefault(line.kind, []).append(line)
    return heading, lines


def write(path: Path) -> None:
    """Write the rates next to a file of pairs, and print them; rates.md is of pairs.jsonl."""
    _, lines = read(path)
    tables = _one_case(*next(iter(lines.items()))) if len(lines) == 1 else [_several_cases(lines)]
    text = "\n\n".join(
        [
            f"{N_SESSIONS:,} sessions of up to {max(LOOKS)} pairs are drawn from each kind of "
            "pair. Their 95 % bounds treat sessions as independent, although they share pairs. The "
            "column without common pairs counts sessions that share none. Made by "
            "`python -m bench.regression.calibration evaluate`.",
            *tables,
            *_together(lines),
        ]
    )
    name = path.stem.replace("pairs", "rates") + ".md"
    path.with_name(name).write_text(text + "\n", encoding="utf-8")
    print(text)


def _one_case(case: str, lines: Mapping[str, Sequence[Line]]) -> list[str]:
    """Return the tables of a case, with all kinds of pairs."""
    values = {kind: [line.value for line in lines[kind]] for kind in KINDS if kind in lines}
    sessions = {kind: resampling.draw(values[kind]) for kind in values}
    equal = [kind for kind in (QUIET, LOADED) if kind in values]
    return [
        f"## {case}",
        table(HEADINGS, [_row(kind, lines[kind], sessions[kind]) for kind in sessions]),
        "Pairs of equal revisions, every time of HEAD made longer by a share:",
        table(
            ["longer by", *(f"{kind}: slower" for kind in equal)],
            [
                [f"{scale:.1%}"]
                + [
                    f"{resampling.evaluate(sessions[kind], scale).share('slower'):.1%}"
                    for kind in equal
                ]
                for scale in SCALES
            ],
        ),
    ]


def _row(kind: str, lines: Sequence[Line], drawn: Sequence[Looks]) -> list[str]:
    values = [line.value for line in lines]
    sessions = resampling.evaluate(drawn)
    seconds = statistics.median(line.seconds for line in lines)
    n_pairs = statistics.median(sessions.n_pairs)
    is_equal = kind in (QUIET, LOADED)
    separate = resampling.separate(values)
    return [
        kind,
        str(len(lines)),
        f"{math.exp(statistics.median(values)):.4f}",
        f"{normal_spread(values):.2%}",
        f"{seconds:.1f}",
        f"{sessions.share('slower'):.1%} ({_bound(sessions, is_equal)})",
        f"{sessions.share('not slower'):.1%}",
        f"{sessions.share(CANT_TELL):.1%}",
        f"{n_pairs:.0f}",
        f"{n_pairs * seconds / 60:.1f}",
        "-" if separate is None else count(separate, is_equal),
    ]


def _several_cases(lines: Mapping[str, LinesByKind]) -> str:
    """Return a table with a row for each case, from its undisturbed pairs."""
    rows = []
    for case, kinds in lines.items():
        values = [line.value for line in kinds.get(QUIET, ())]
        if len(values) < FIRST_LOOK:
            rows.append([case, str(len(values)), *["too few pairs"] * (len(CASE_HEADINGS) - 2)])
            continue
        drawn = resampling.draw(values)
        sessions = {scale: resampling.evaluate(drawn, scale) for scale in (0.0, *LONGER)}
        minutes = statistics.median(line.seconds for line in kinds[QUIET]) / 60
        separate = resampling.separate(values)
        plants = [line.value for line in kinds.get(planted(LONGER[1]), ())]
        rows.append(
            [
                case,
                str(len(values)),
                f"{normal_spread(values):.2%}",
                f"{60 * minutes:.1f}",
                f"{sessions[0.0].share('slower'):.1%} ({_bound(sessions[0.0], True)})",
                "-" if separate is None else count(separate, is_equal=True),
                *(f"{sessions[scale].share('slower'):.1%}" for scale in LONGER),
                f"{minutes * statistics.median(sessions[0.0].n_pairs):.1f}",
                f"{minutes * statistics.median(sessions[LONGER[1]].n_pairs):.1f}",
                f"{math.exp(statistics.median(plants)):.4f}" if plants else "-",
            ]
        )
    return table(CASE_HEADINGS, rows)


def count(sessions: Sessions, is_equal: bool) -> str:
    """Return how many sessions answered "slower", with the bound of their share."""
    n_slower = sessions.answers.count("slower")
    return f"{n_slower} of {len(sessions.answers)} ({_bound(sessions, is_equal)})"


def _bound(sessions: Sessions, is_equal: bool) -> str:
    """Return the bound that matters: of false alarms, or of slowdowns found."""
    if is_equal:
        return f"at most {sessions.bound('slower', 'upper'):.2%}"
    return f"at least {sessions.bound('slower', 'lower'):.2%}"


def _together(lines: Mapping[str, LinesByKind]) -> list[str]:
    """Return a sentence on all equal pairs of all cases, in sessions that share no pairs."""
    of_all = [
        separate
        for kinds in lines.values()
        for kind in (QUIET, LOADED)
        if (separate := resampling.separate([line.value for line in kinds.get(kind, ())]))
    ]
    if not of_all:
        return []
    together = Sessions(
        answers=tuple(answer for sessions in of_all for answer in sessions.answers),
        n_pairs=tuple(n for sessions in of_all for n in sessions.n_pairs),
    )
    return [f"False alarms in sessions that share no pairs: {count(together, is_equal=True)}."]
