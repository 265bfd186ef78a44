"""The error rates of `bench-compare` as tables and curves, from collected pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.markdown import table
from bench.regression.calibration.rates import (
    LOADED,
    PLANTED,
    QUIET,
    SIMPLE_RULES,
    Line,
    Sessions,
    disjoint,
    draw,
    evaluate,
    planted,
    read,
    share_found,
)
from bench.statistics import LOOKS, Answer

KINDS = (QUIET, LOADED, *map(planted, PLANTED))
ANSWERS: tuple[Answer, ...] = ("slower", "not slower")
CANT_TELL: Answer = "can't tell"
SEED = 20261124
SCALES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.10)
HEADINGS = (
    "collected", "measured ratio", "spread", "seconds per pair", "slower", "not slower",
    "can't tell", "median pairs", "median minutes", "sharing no pair: slower",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """Collected pairs of one kind, and the sessions drawn from them."""

    name: str
    lines: list[Line]
    drawn: list[list[int]]

    @property
    def values(self) -> list[float]:
        """Values of the pairs."""
        return [line.value for line in self.lines]

    @property
    def ratio(self) -> float:
        """Median of time of HEAD / time of BASE."""
        return math.exp(statistics.median(self.values))

    def sessions(self, slowdown: float = 0.0) -> Sessions:
        """Evaluate the drawn sessions, with every time of HEAD made longer by a share."""
        return evaluate([value + math.log1p(slowdown) for value in self.values], self.drawn)


def write(path: Path) -> None:
    """Write rates.md, rates.png and rates.svg beside a file of pairs, and print the tables."""
    heading, lines = read(path)
    randomness = np.random.default_rng(SEED)
    kinds = [Kind(name, lines[name], draw(len(lines[name]), randomness)) for name in KINDS]
    sessions = {kind.name: kind.sessions() for kind in kinds}
    scaled = {
        kind.name: {scale: kind.sessions(scale) for scale in SCALES}
        for kind in kinds
        if kind.name in (QUIET, LOADED)
    }
    parts = (
        f"{len(kinds[0].drawn):,} sessions of up to {max(LOOKS)} pairs are drawn from each kind of "
        "pair; their bounds, of 95 % confidence, count them as independent, though they share "
        f"pairs. Case: {heading['cell']}. Made by `python -m bench.regression.calibration "
        "evaluate`.",
        table(["pairs", *HEADINGS], [_row(kind, sessions[kind.name]) for kind in kinds]),
        "Pairs of equal revisions, every time of HEAD made longer by a share:",
        _scaled_table(scaled),
        "How often each rule says slower in these sessions. The simple ones are given their first "
        "20 processes of BASE and the next 20 of HEAD:",
        _rules_table(kinds, sessions),
    )
    text = "\n\n".join(parts) + "\n"
    path.with_name("rates.md").write_text(text, encoding="utf-8")
    _draw(path.with_name("rates.png"), kinds, sessions, scaled)
    print(text)


def _row(kind: Kind, sessions: Sessions) -> list[str]:
    independent = disjoint(kind.values)
    low, high = np.percentile(kind.values, [25, 75])
    seconds = statistics.median(line.seconds for line in kind.lines)
    n_pairs = statistics.median(sessions.n_pairs)
    bound = (
        f"at most {sessions.at_most('slower'):.2%}"
        if kind.name in (QUIET, LOADED)
        else f"at least {sessions.at_least('slower'):.2%}"
    )
    return [
        kind.name,
        str(len(kind.lines)),
        f"{kind.ratio:.4f}",
        f"{(high - low) / 1.349:.2%}",
        f"{seconds:.1f}",
        f"{sessions.share('slower'):.1%} ({bound})",
        f"{sessions.share('not slower'):.1%}",
        f"{sessions.share(CANT_TELL):.1%}",
        f"{n_pairs:.0f}",
        f"{n_pairs * seconds / 60:.1f}",
        f"{independent.answers.count('slower')} of {len(independent.answers)}",
    ]


def _scaled_table(scaled: Mapping[str, Mapping[float, Sessions]]) -> str:
    headings = ["longer by", *(f"{kind}: {answer}" for kind in scaled for answer in ANSWERS)]
    rows = [
        [
            f"{scale:.1%}",
            *(
                f"{by_scale[scale].share(answer):.1%}"
                for by_scale in scaled.values()
                for answer in ANSWERS
            ),
        ]
        for scale in SCALES
    ]
    return table(headings, rows)


def _rules_table(kinds: list[Kind], sessions: Mapping[str, Sessions]) -> str:
    rows = [["this gate", *(f"{sessions[kind.name].share('slower'):.1%}" for kind in kinds)]]
    for name, rule in SIMPLE_RULES.items():
        rows.append([name, *(f"{share_found(rule, kind.lines, kind.drawn):.1%}" for kind in kinds)])
    return table(["rule", *(kind.name for kind in kinds)], rows)


def _draw(
    path: Path,
    kinds: list[Kind],
    sessions: Mapping[str, Sessions],
    scaled: Mapping[str, Mapping[float, Sessions]],
) -> None:
    """Draw the share of each answer over the size of the slowdown."""
    from bench import plotting

    colours = {QUIET: "#0072B2", LOADED: "#D55E00"}
    plants = [kind for kind in kinds if kind.name not in scaled]
    title = "Answers of bench-compare, by how much slower HEAD is"
    with plotting.figure(path, title, ncols=2, figsize=(10, 4)) as (_, axes):
        for panel, answer in zip(axes[0], ANSWERS, strict=True):
            for name, by_scale in scaled.items():
                panel.plot(
                    [100 * scale for scale in by_scale],
                    [100 * result.share(answer) for result in by_scale.values()],
                    color=colours[name],
                    linestyle="-" if name == QUIET else "--",
                    label=f"{name}, scaled",
                )
            panel.plot(
                [100 * (kind.ratio - 1) for kind in plants],
                [100 * sessions[kind.name].share(answer) for kind in plants],
                "k^",
                label="planted, as measured",
            )
            panel.set_xlabel("slowdown of a training step, %")
            panel.set_ylabel(f"sessions with the answer {answer}, %")
            panel.legend()
