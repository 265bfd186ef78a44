"""A picture of a comparison: the ratio of every pair or round, and the intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.statistics import Estimate

MAX_LINEAR_RANGE = 2  # of ratios in the picture; above, its axis is logarithmic


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A ratio: its interval, and the logarithm of each single ratio."""

    label: str
    estimate: Estimate
    values: Sequence[float]
    is_slower: bool = False


def draw(rows: Sequence[Row], path: Path, title: str, label: str) -> None:
    """Draw a forest plot; nothing without a row.

    Args:
        rows: the ratios, from top to bottom.
        path: file of the picture.
        title: the line above it.
        label: of the horizontal axis.
    """
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
