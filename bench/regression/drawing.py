"""Pictures of comparisons: the ratio of every pair or round, and the intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.regression.group_results import Results
from bench.regression.outcome import Outcome
from bench.statistics import Estimate

MAX_LINEAR_RANGE = 2  # of ratios in the picture; above, its axis is logarithmic


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A ratio: its interval, and the logarithm of each single ratio."""

    label: str
    estimate: Estimate
    values: Sequence[float]
    is_slower: bool = False


def draw_pairs(outcomes: Sequence[Outcome], path: Path, title: str) -> None:
    """Draw every pair, and the interval of each metric of each case."""
    rows = [
        _Row(
            label=f"{outcome.case.name}   {metric}",
            estimate=estimate,
            values=[pair.value_of(metric) for pair in outcome.pairs],
            # An answer against a recorded commit is not about this ratio.
            is_slower=outcome.answers.get(metric) == "slower" and metric not in outcome.since,
        )
        for outcome in outcomes
        for metric in outcome.smallest
        if (estimate := outcome.estimate_of(metric)) is not None
    ]
    _draw(rows, path, title, "HEAD / BASE; each mark is a pair")


def draw_rounds(results: Sequence[Results], path: Path) -> None:
    """Draw every round, and the interval of every ratio to the reference."""
    rows = [
        _Row(
            label=f"{measured.group.name}   {short(candidate)}",
            estimate=estimate,
            values=measured.values(candidate),
        )
        for measured in results
        for candidate in measured.group.cases
        if candidate != measured.reference
        and (estimate := measured.estimate(candidate)) is not None
    ]
    title = f"Time per example / time of {short(results[0].reference)}"
    _draw(rows, path, title, "above 1: slower than the reference; each mark is a round")


def _draw(rows: Sequence[_Row], path: Path, title: str, label: str) -> None:
    """Draw a forest plot; nothing without a row."""
    from matplotlib.ticker import LogLocator

    from bench import plotting

    if not rows:
        return
    with plotting.figure(path, title, figsize=(9, 1.4 + 0.24 * len(rows))) as (_, axes):
        panel: Any = axes[0, 0]
        for place, row in enumerate(rows):
            panel.plot(
                [math.exp(value) for value in row.values],
                [place] * len(row.values),
                "|",
                color="#999999",
                markersize=8,
            )
            ratio = row.estimate.ratio
            panel.errorbar(
                ratio,
                place,
                xerr=[[ratio - row.estimate.low], [row.estimate.high - ratio]],
                fmt="s",
                markersize=4,
                color="#D55E00" if row.is_slower else "#0072B2",
                capsize=3,
            )
        panel.axvline(1, color="black", linewidth=1)
        ratios = [row.estimate.ratio for row in rows]
        if max(*ratios, 1) / min(*ratios, 1) > MAX_LINEAR_RANGE:
            panel.set_xscale("log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter("")
        panel.set_ylim(-0.6, len(rows) - 0.4)
        panel.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8)
        panel.invert_yaxis()
        panel.set_xlabel(label)


def short(candidate: str) -> str:
    """Return a configuration without the key of the most common kind."""
    return candidate.removeprefix("implementation=")
