"""The picture of speed over commits, from the history that `bench-compare --record` writes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import plotting
from bench.console import shorten
from bench.plotting import Picture
from bench.results.history import Change, Entry, changes, series

NAME = "speed_over_commits.png"
MAX_SERIES = 12
MAX_TITLE_CHARACTERS = 40
MAX_NAMED = 25  # commits on the axis of a panel


def draw(entries: Sequence[Entry], folder: Path) -> dict[str, Picture]:
    """Draw speed over commits: one panel per case, with its changes marked.

    Args:
        entries: the entries of the history.
        folder: where to write the picture.

    Returns:
        The picture by file name; empty if there is nothing to draw.
    """
    drawn = list(series(entries).items())[:MAX_SERIES]
    if not drawn:
        return {}
    references = sorted({points[0].reference[:7] for _, points in drawn})
    sentences = []
    columns = min(len(drawn), 2)
    rows = -(-len(drawn) // columns)
    size = (5.5 * columns, 0.8 + 2.8 * rows)
    title = "Training time over commits"
    with plotting.figure(folder / NAME, title, nrows=rows, ncols=columns, figsize=size) as (
        _,
        axes,
    ):
        for panel, ((case, cpu_model, _), points) in zip(axes.flat, drawn, strict=False):
            steps = changes(points)
            _draw_series(panel, points, steps)
            title = shorten(f"{case}, {cpu_model}", MAX_TITLE_CHARACTERS)
            if len(references) > 1:
                title += f"\nover {points[0].reference[:7]}"
            panel.set_title(title)
            name = _name(points[0], references)
            sentences += [_describe(name, points[change.place], change) for change in steps]
        for panel in axes.flat[len(drawn) :]:
            panel.set_axis_off()
    caption = (
        "Time of a training step over the time at the reference commit "
        f"{', '.join(references)}, measured side by side; bars are 95 % "
        "intervals, lower is faster. At the last commit: "
    )
    last = "; ".join(
        f"{_name(points[-1], references)} {points[-1].ratio:.3f} "
        f"({points[-1].low:.3f} to {points[-1].high:.3f})"
        for _, points in drawn
    )
    changed = "; ".join(sentences) + "." if sentences else "No change was detected."
    n_left = len(series(entries)) - len(drawn)
    left = f" Not drawn: {n_left} more cases." if n_left else ""
    return {
        NAME: Picture(
            f"{caption}{last}. {changed}{left}",
            "One panel per case, one point per commit.",
        )
    }


def _name(entry: Entry, references: Sequence[str]) -> str:
    """Return the case of an entry, with its reference if the picture has several."""
    return f"{entry.cell} over {entry.reference[:7]}" if len(references) > 1 else entry.cell


def _describe(case: str, entry: Entry, change: Change) -> str:
    slower = change.ratio > 1
    size = change.ratio - 1 if slower else 1 / change.ratio - 1
    return f"{case}: {size:.0%} {'slower' if slower else 'faster'} from {entry.commit[:7]} on"


def _draw_series(panel: Any, entries: Sequence[Entry], steps: Sequence[Change]) -> None:
    places = np.arange(len(entries))
    ratios = np.array([entry.ratio for entry in entries])
    errors = [
        ratios - [entry.low for entry in entries],
        np.array([entry.high for entry in entries]) - ratios,
    ]
    panel.errorbar(places, ratios, yerr=errors, fmt="o", markersize=4, capsize=3, color="#0072B2")
    bounds = [0, *(change.place for change in steps), len(entries)]
    for start, end in itertools.pairwise(bounds):
        level = np.exp(np.log(ratios[start:end]).mean())
        panel.hlines(level, start - 0.4, end - 0.6, colors="#555555", linewidth=2)
    for change in steps:
        panel.axvline(change.place - 0.5, color="#D55E00", linestyle="--")
        panel.annotate(
            f"{change.ratio - 1:+.0%}",
            (change.place - 0.45, 0.98),
            xycoords=("data", "axes fraction"),
            va="top",
            color="#A03E00",
        )
    every = -(-len(entries) // MAX_NAMED)
    names = [entry.commit[:7] for entry in entries]
    panel.set_xticks(places[::every], names[::every], rotation=60, ha="right", fontsize=8)
    panel.set_ylabel("time over reference")
    panel.margins(y=0.15)
