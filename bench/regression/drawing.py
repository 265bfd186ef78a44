"""Pictures of comparisons: the ratio of every pair or round, and the intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.regression.group_results import Results
from bench.regression.outcome import Outcome
from bench.statistics import Estimate

MAX_LINEAR_RANGE = 2  # of ratios in the picture; above, its axis is logarithmic


def draw_pairs(outcomes: Sequence[Outcome], path: Path, title: str) -> None:
    """Draw every pair as a point, and the interval of each metric of each case."""
    from bench import plotting

    estimated: list[tuple[Outcome, str, Estimate]] = [
        (outcome, metric, estimate)
        for outcome in outcomes
        for metric in outcome.smallest
        if (estimate := outcome.estimate_of(metric)) is not None
    ]
    with plotting.figure(path, title, figsize=(8, 1.6 + 0.6 * len(estimated))) as (_, axes):
        panel: Any = axes[0, 0]
        for row, (outcome, metric, estimate) in enumerate(estimated):
            ratios = [math.exp(pair.value_of(metric)) for pair in outcome.pairs]
            # Spread the points, so that they do not cover each other.
            heights = [row + 0.25 * ((n * 7 % 11) / 10 - 0.5) for n in range(len(ratios))]
            panel.plot(ratios, heights, "o", color="#999999", markersize=3)
            panel.errorbar(
                estimate.ratio,
                row,
                xerr=[[estimate.ratio - estimate.low], [estimate.high - estimate.ratio]],
                fmt="s",
                color="#D55E00" if outcome.answers.get(metric) == "slower" else "#0072B2",
                capsize=4,
            )
        panel.axvline(1, color="black", linewidth=1)
        labels = [f"{outcome.case.name}\n{metric}" for outcome, metric, _ in estimated]
        panel.set_yticks(range(len(estimated)), labels)
        panel.set_ylim(-0.6, len(estimated) - 0.4)
        panel.invert_yaxis()
        panel.set_xlabel("HEAD / BASE; each point is a pair")


def draw_rounds(results: Sequence[Results], path: Path) -> None:
    """Draw the interval of every ratio: a forest plot."""
    from matplotlib.ticker import LogLocator

    from bench import plotting

    rows = [
        (f"{found.group.name}   {short(candidate)}", found, candidate, estimate)
        for found in results
        for candidate in found.group.cases
        if candidate != found.reference and (estimate := found.estimate(candidate)) is not None
    ]
    if not rows:
        return
    title = f"Time per example / time of {short(results[0].reference)}"
    with plotting.figure(path, title, figsize=(9, 1.4 + 0.24 * len(rows))) as (_, axes):
        panel: Any = axes[0, 0]
        for row, (_, found, candidate, estimate) in enumerate(rows):
            ratios = [math.exp(value) for value in found.values(candidate)]
            panel.plot(ratios, [row] * len(ratios), "|", color="#999999", markersize=8)
            error = [[estimate.ratio - estimate.low], [estimate.high - estimate.ratio]]
            panel.errorbar(
                estimate.ratio, row, xerr=error, fmt="s", markersize=4, color="#0072B2", capsize=3
            )
        panel.axvline(1, color="black", linewidth=1)
        ratios = [estimate.ratio for *_, estimate in rows]
        if max(*ratios, 1) / min(*ratios, 1) > MAX_LINEAR_RANGE:
            panel.set_xscale("log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter("")
        panel.set_ylim(-0.6, len(rows) - 0.4)
        panel.set_yticks(range(len(rows)), [label for label, *_ in rows], fontsize=8)
        panel.invert_yaxis()
        panel.set_xlabel("above 1: slower than the reference; each mark is a round")


def short(candidate: str) -> str:
    """Return a configuration without the key of the most common kind."""
    return candidate.removeprefix("implementation=")
