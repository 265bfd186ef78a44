"""The error rates of `bench-compare` as tables and curves, from collected pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.markdown import table
from bench.regression.calibration import rates
from bench.regression.calibration.rates import LOADED, PLANTED, QUIET, Line, Sessions, planted
from bench.statistics import LOOKS, Answer, normal_spread

KINDS = (QUIET, LOADED, *map(planted, PLANTED))
ANSWERS: tuple[Answer, ...] = ("slower", "not slower")
CANT_TELL: Answer = "can't tell"
SEED = 20261124
SCALES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.10)
HEADINGS = (
    "pairs", "collected", "measured ratio", "spread", "seconds per pair", "slower", "not slower",
    "can't tell", "median pairs", "median minutes", "sharing no pair: slower",
)  # fmt: skip

Scaled = Mapping[str, Mapping[float, Sessions]]  # by kind of pairs and slowdown


@dataclass(frozen=True)
class Kind:
    """Collected pairs of one kind, and the sessions drawn from them."""

    name: str
    lines: list[Line]
    drawn: list[list[int]]

    @cached_property
    def values(self) -> list[float]:
        """Values of the pairs."""
        return [line.value for line in self.lines]

    @cached_property
    def sessions(self) -> Sessions:
        """The drawn sessions, evaluated."""
        return self.scaled(0.0)

    def scaled(self, slowdown: float) -> Sessions:
        """Evaluate the drawn sessions, with every time of HEAD longer by a share."""
        return rates.evaluate([value + math.log1p(slowdown) for value in self.values], self.drawn)

    @property
    def ratio(self) -> float:
        """Median of time of HEAD / time of BASE."""
        return math.exp(statistics.median(self.values))


def write(path: Path) -> None:
    """Write rates.md, rates.png and rates.svg next to a file of pairs, and print the tables."""
    heading, lines = rates.read(path)
    randomness = np.random.default_rng(SEED)
    kinds = [Kind(name, lines[name], rates.draw(len(lines[name]), randomness)) for name in KINDS]
    scaled = {
        kind.name: {scale: kind.scaled(scale) for scale in SCALES}
        for kind in kinds
        if kind.name in (QUIET, LOADED)
    }
    parts = (
        f"{len(kinds[0].drawn):,} sessions of up to {max(LOOKS)} pairs are drawn from each kind of "
        "pair. Their 95 % bounds treat sessions as independent, although they share pairs. Case: "
        f"{heading['cell']}. Made by `python -m bench.regression.calibration evaluate`.",
        table(HEADINGS, [_row(kind) for kind in kinds]),
        "Pairs of equal revisions, every time of HEAD made longer by a share:",
        _scaled_table(scaled),
        "How often each rule says slower in these sessions. The simple rules get the first 20 "
        "processes of BASE and the next 20 of HEAD:",
        _rules_table(kinds),
    )
    text = "\n\n".join(parts) + "\n"
    path.with_name("rates.md").write_text(text, encoding="utf-8")
    _draw(path.with_name("rates.png"), kinds, scaled)
    print(text)


def _row(kind: Kind) -> list[str]:
    sessions, independent = kind.sessions, rates.disjoint(kind.values)
    seconds = statistics.median(line.seconds for line in kind.lines)
    n_pairs = statistics.median(sessions.n_pairs)
    bound = (
        f"at most {sessions.bound('slower', 'upper'):.2%}"
        if kind.name in (QUIET, LOADED)
        else f"at least {sessions.bound('slower', 'lower'):.2%}"
    )
    return [
        kind.name,
        str(len(kind.lines)),
        f"{kind.ratio:.4f}",
        f"{normal_spread(kind.values):.2%}",
        f"{seconds:.1f}",
        f"{sessions.share('slower'):.1%} ({bound})",
        f"{sessions.share('not slower'):.1%}",
        f"{sessions.share(CANT_TELL):.1%}",
        f"{n_pairs:.0f}",
        f"{n_pairs * seconds / 60:.1f}",
        f"{independent.answers.count('slower')} of {len(independent.answers)}",
    ]


def _scaled_table(scaled: Scaled) -> str:
    headings = ["longer by", *(f"{kind}: {answer}" for kind in scaled for answer in ANSWERS)]
    rows = [
        [f"{scale:.1%}"]
        + [f"{by_scale[scale].share(a):.1%}" for by_scale in scaled.values() for a in ANSWERS]
        for scale in SCALES
    ]
    return table(headings, rows)


def _rules_table(kinds: Sequence[Kind]) -> str:
    shares = [
        {"this gate": kind.sessions.share("slower")}
        | rates.shares_of_simple_rules(kind.lines, kind.drawn)
        for kind in kinds
    ]
    rows = [[rule, *(f"{by_rule[rule]:.1%}" for by_rule in shares)] for rule in shares[0]]
    return table(["rule", *(kind.name for kind in kinds)], rows)


def _draw(path: Path, kinds: Sequence[Kind], scaled: Scaled) -> None:
    """Draw the share of each answer over the size of the slowdown."""
    from bench import plotting

    lines = {QUIET: ("#0072B2", "-"), LOADED: ("#D55E00", "--")}
    plants = [kind for kind in kinds if kind.name not in scaled]
    title = "Answers of bench-compare, by how much slower HEAD is"
    with plotting.figure(path, title, ncols=2, figsize=(10, 4)) as (_, axes):
        for panel, answer in zip(axes[0], ANSWERS, strict=True):
            for name, by_scale in scaled.items():
                colour, style = lines[name]
                shares = [100 * sessions.share(answer) for sessions in by_scale.values()]
                slowdowns = [100 * scale for scale in by_scale]
                panel.plot(slowdowns, shares, style, color=colour, label=f"{name}, scaled")
            slowdowns = [100 * (kind.ratio - 1) for kind in plants]
            shares = [100 * kind.sessions.share(answer) for kind in plants]
            panel.plot(slowdowns, shares, "k^", label="planted, as measured")
            panel.set_xlabel("slowdown of a training step, %")
            panel.set_ylabel(f"sessions with the answer {answer}, %")
            panel.legend()
