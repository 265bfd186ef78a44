"""The error rates of the gate, from collected pairs: tables and curves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.regression.decision import LOOKS, Answer
from bench.regression.proof.collect import LOADED, PLANTED, QUIET, planted
from bench.regression.proof.rates import RULES, Campaigns, Line, campaigns, found_by, read
from bench.report.markup import table

SEED = 20261124
SCALES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.10)
CANT_TELL: Answer = "can't tell"
HEADINGS = (
    "collected", "measured ratio", "spread", "slower", "not slower", "can't tell",
    "median pairs", "median minutes",
)  # fmt: skip


def write(path: Path) -> None:
    """Write rates.md and rates.png beside a file of pairs."""
    heading, lines = read(path)
    values = {kind: [line.value for line in of_kind] for kind, of_kind in lines.items()}
    randomness = np.random.default_rng(SEED)
    judged = {kind: campaigns(values[kind], randomness) for kind in _kinds()}
    scaled = {
        kind: [
            campaigns([value + math.log1p(scale) for value in values[kind]], randomness)
            for scale in SCALES
        ]
        for kind in (QUIET, LOADED)
    }
    parts = [
        f"{len(judged[QUIET].answers):,} campaigns of up to {max(LOOKS)} pairs are drawn from each "
        f"kind of pair. Cell: {heading['cell']}. Made by `python -m bench.regression.prove judge`.",
        table(["pairs", *HEADINGS], [_row(kind, lines[kind], judged[kind]) for kind in _kinds()]),
        "Pairs of equal revisions, every time of HEAD made longer by a share:",
        table(
            ["longer by", *(f"{kind}: {what}" for kind in scaled for what in ("slower", "not"))],
            [
                [f"{scale:.1%}", *_shares(scaled, place)]
                for place, scale in enumerate(SCALES)
            ],
        ),
        "How often each rule says slower. The plain ones are given 20 processes of BASE, then 20 "
        "of HEAD:",
        table(["rule", *_kinds()], _by_rule(lines, judged)),
    ]  # fmt: skip
    path.with_name("rates.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    _draw(path.with_name("rates.png"), values, judged, scaled)
    print("\n\n".join(parts))


def _kinds() -> list[str]:
    return [QUIET, LOADED, *map(planted, PLANTED)]


def _row(kind: str, lines: Sequence[Line], judged: Campaigns) -> list[str]:
    values = [line.value for line in lines]
    low, high = np.percentile(values, [25, 75])
    n_pairs = statistics.median(judged.n_pairs)
    seconds = statistics.median(line.seconds for line in lines)
    return [
        kind,
        str(len(lines)),
        f"{math.exp(statistics.median(values)):.4f}",
        f"{(high - low) / 1.349:.2%}",
        f"{judged.share('slower'):.1%} (at most {judged.at_most('slower'):.2%})",
        f"{judged.share('not slower'):.1%}",
        f"{judged.share(CANT_TELL):.1%}",
        f"{n_pairs:.0f}",
        f"{n_pairs * seconds / 60:.1f}",
    ]


def _shares(scaled: Mapping[str, Sequence[Campaigns]], place: int) -> list[str]:
    return [
        f"{judged[place].share(answer):.1%}"
        for judged in scaled.values()
        for answer in ("slower", "not slower")
    ]


def _by_rule(
    lines: Mapping[str, Sequence[Line]], judged: Mapping[str, Campaigns]
) -> list[list[str]]:
    rows = [["this gate", *(f"{judged[kind].share('slower'):.1%}" for kind in _kinds())]]
    for name, rule in RULES.items():
        rows.append([name, *(f"{found_by(rule, lines[kind]):.1%}" for kind in _kinds())])
    return rows


def _draw(
    path: Path,
    values: Mapping[str, Sequence[float]],
    judged: Mapping[str, Campaigns],
    scaled: Mapping[str, Sequence[Campaigns]],
) -> None:
    """Draw the share of every answer by the size of the slowdown."""
    from bench.report import style

    panels = (("slower", "says slower"), ("not slower", "says not slower"))
    title = "What the gate says, by how much slower HEAD is"
    with style.figure(path, title, ncols=2, figsize=(10, 4)) as (_, axes):
        for panel, (answer, label) in zip(axes[0], panels, strict=True):
            _draw_answer(panel, answer, values, judged, scaled)
            panel.set_xlabel("slowdown of a training step, %")
            panel.set_ylabel(f"campaigns in which it {label}, %")


def _draw_answer(
    panel: Any,
    answer: Any,
    values: Mapping[str, Sequence[float]],
    judged: Mapping[str, Campaigns],
    scaled: Mapping[str, Sequence[Campaigns]],
) -> None:
    colours = {QUIET: "#0072B2", LOADED: "#D55E00"}
    for kind, of_kind in scaled.items():
        panel.plot(
            [100 * scale for scale in SCALES],
            [100 * one.share(answer) for one in of_kind],
            color=colours[kind],
            linestyle="-" if kind == QUIET else "--",
            label=f"{kind}, scaled",
        )
    panel.plot(
        [100 * math.expm1(statistics.median(values[planted(share)])) for share in PLANTED],
        [100 * judged[planted(share)].share(answer) for share in PLANTED],
        "k^",
        label="planted, as measured",
    )
    panel.legend()
