"""The error rates of the gate, from collected pairs: tables and curves."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from bench.markdown import table
from bench.regression.calibration.collect import LOADED, PLANTED, QUIET, planted
from bench.regression.calibration.rates import (
    RULES,
    campaigns,
    disjoint,
    draw,
    found_by,
    read,
)
from bench.regression.calibration.words import CANT_TELL, Rates, put_into
from bench.statistics import LOOKS, Answer

ANSWERS: tuple[Answer, ...] = ("slower", "not slower")
SEED = 20261124
SCALES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.10)
HEADINGS = (
    "collected", "measured ratio", "spread", "slower", "not slower", "can't tell",
    "median pairs", "median minutes", "sharing no pair: slower",
)  # fmt: skip


def write(path: Path, page: Path) -> None:
    """Write rates.md and the curves beside a file of pairs, and the rates in words into a page."""
    rates = judge(path)
    text = "\n\n".join(_parts(rates)) + "\n"
    path.with_name("rates.md").write_text(text, encoding="utf-8")
    put_into(page, rates)
    _draw(path.with_name("rates.png"), rates)
    print(text)


def judge(path: Path) -> Rates:
    """Judge collected pairs by every rule, in the same campaigns."""
    heading, lines = read(path)
    values = {kind: [line.value for line in lines[kind]] for kind in _kinds()}
    randomness = np.random.default_rng(SEED)
    drawn = {kind: draw(len(values[kind]), randomness) for kind in _kinds()}
    return Rates(
        heading=heading,
        lines=lines,
        judged={kind: campaigns(values[kind], drawn[kind]) for kind in _kinds()},
        apart={kind: disjoint(values[kind]) for kind in _kinds()},
        scaled={
            kind: {
                scale: campaigns([one + math.log1p(scale) for one in values[kind]], drawn[kind])
                for scale in SCALES
            }
            for kind in (QUIET, LOADED)
        },
        rules={
            name: {kind: found_by(rule, lines[kind], drawn[kind]) for kind in _kinds()}
            for name, rule in RULES.items()
        },
    )


def _kinds() -> list[str]:
    return [QUIET, LOADED, *map(planted, PLANTED)]


def _parts(rates: Rates) -> list[str]:
    gate = {kind: rates.judged[kind].share("slower") for kind in _kinds()}
    return [
        f"{len(rates.judged[QUIET].answers):,} campaigns of up to {max(LOOKS)} pairs are drawn "
        "from each kind of pair; their bounds, of 95 % confidence, count them as independent, "
        f"though they share pairs. Case: {rates.heading['cell']}. Made by "
        "`python -m bench.regression.calibrate judge`.",
        table(["pairs", *HEADINGS], [_row(kind, rates) for kind in _kinds()]),
        "Pairs of equal revisions, every time of HEAD made longer by a share:",
        table(
            ["longer by", *(f"{kind}: {answer}" for kind in rates.scaled for answer in ANSWERS)],
            [[f"{scale:.1%}", *_shares(rates, scale)] for scale in SCALES],
        ),
        "How often each rule says slower in these campaigns. The plain ones are given their first "
        "20 processes of BASE and the next 20 of HEAD:",
        table(
            ["rule", *_kinds()],
            [
                [name, *(f"{of_rule[kind]:.1%}" for kind in _kinds())]
                for name, of_rule in {"this gate": gate, **rates.rules}.items()
            ],
        ),
    ]  # fmt: skip


def _row(kind: str, rates: Rates) -> list[str]:
    judged, apart = rates.judged[kind], rates.apart[kind]
    low, high = np.percentile([line.value for line in rates.lines[kind]], [25, 75])
    bound = (
        f"at most {judged.at_most('slower'):.2%}"
        if kind in (QUIET, LOADED)
        else f"at least {judged.at_least('slower'):.2%}"
    )
    return [
        kind,
        str(len(rates.lines[kind])),
        f"{rates.ratio(kind):.4f}",
        f"{(high - low) / 1.349:.2%}",
        f"{judged.share('slower'):.1%} ({bound})",
        f"{judged.share('not slower'):.1%}",
        f"{judged.share(CANT_TELL):.1%}",
        f"{statistics.median(judged.n_pairs):.0f}",
        f"{rates.minutes(kind):.1f}",
        f"{apart.answers.count('slower')} of {len(apart.answers)}",
    ]


def _shares(rates: Rates, scale: float) -> list[str]:
    return [
        f"{by_scale[scale].share(answer):.1%}"
        for by_scale in rates.scaled.values()
        for answer in ANSWERS
    ]


def _draw(path: Path, rates: Rates) -> None:
    """Draw the share of every answer by the size of the slowdown."""
    from bench import plotting

    title = "What the gate says, by how much slower HEAD is"
    with plotting.figure(path, title, ncols=2, figsize=(10, 4)) as (_, axes):
        for panel, answer in zip(axes[0], ANSWERS, strict=True):
            _draw_answer(panel, answer, rates)
            panel.set_xlabel("slowdown of a training step, %")
            panel.set_ylabel(f"campaigns in which it says {answer}, %")


def _draw_answer(panel: Any, answer: Answer, rates: Rates) -> None:
    colours = {QUIET: "#0072B2", LOADED: "#D55E00"}
    for kind, by_scale in rates.scaled.items():
        panel.plot(
            [100 * scale for scale in by_scale],
            [100 * one.share(answer) for one in by_scale.values()],
            color=colours[kind],
            linestyle="-" if kind == QUIET else "--",
            label=f"{kind}, scaled",
        )
    kinds = list(map(planted, PLANTED))
    panel.plot(
        [100 * (rates.ratio(kind) - 1) for kind in kinds],
        [100 * rates.judged[kind].share(answer) for kind in kinds],
        "k^",
        label="planted, as measured",
    )
    panel.legend()
