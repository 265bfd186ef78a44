"""One panel for each condition, and what is cut off where there are too many."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator, StrMethodFormatter

from bench import plotting
from bench.report import frames

MOST = 12  # conditions drawn in the page; beyond that nothing can be read
MAX_PICTURED = 6  # in one picture, which fits on a sheet of paper
MAX_TICKS, FEW_DECADES = 5, 30  # up to so many times the least, ticks are evenly spaced values
MAX_TITLE = 60  # characters on a line above a panel


def conditions(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the runs of each condition with the condition's name."""
    named = frames.varying(runs)
    groups = runs.groupby(list(frames.CONDITIONS), dropna=False)
    return [(frames.condition_label(group.iloc[0], named), group) for _, group in groups]


def cut(n_conditions: int, most: int) -> str:
    """Say, after a caption, how many conditions are drawn; nothing where all are."""
    if n_conditions <= most:
        return ""
    return f" Drawn for the first {most} of {n_conditions} conditions; the tables hold all."


def width(number: int, n_lines: int) -> float:
    """Return how wide a line is drawn: later ones lie on top and are thinner, so that all show."""
    return 1.5 + 3 * (1 - (number + 1) / n_lines)


def logarithmic(panel: Any, which: str) -> None:
    """Make the x or y axis logarithmic, with a few ticks in plain digits, whatever it spans.

    Each tick takes time to lay out and draw, and there are many panels.
    """
    panel.set(**{f"{which}scale": "log"})
    axis = panel.xaxis if which == "x" else panel.yaxis
    low, high = axis.get_view_interval()
    if high / low < FEW_DECADES:
        axis.set_major_locator(MaxNLocator(MAX_TICKS))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


@contextmanager
def figure(
    path: Path, title: str, runs: pd.DataFrame, shown: pd.Series
) -> Iterator[tuple[list[tuple[Any, pd.DataFrame]], str]]:
    """Open a picture with a panel for each condition that has runs to show.

    Yields each panel with its runs, and what the caption has to say about conditions left out. The
    legend is drawn when the block ends.

    Args:
        runs: of all conditions, so that one has the same name in every picture.
        shown: which of them are.
    """
    named = [(label, group[shown[group.index]]) for label, group in conditions(runs)]
    full = [(label, group) for label, group in named if not group.empty]
    drawn_of = full[:MAX_PICTURED]
    rows, columns = plotting.grid_shape(len(drawn_of), widest=2)
    options = {"nrows": rows, "ncols": columns, "sharey": True}
    size = (5.4 * columns if columns > 1 else 7.0, 3.9 * rows + 0.6)
    with plotting.figure(path, title, figsize=size, **options) as (drawn, axes):
        for panel, (label, _) in zip(axes.flat, drawn_of, strict=False):
            # With y given, nothing is measured to find a place for the title.
            panel.locator_params(nbins=MAX_TICKS)
            panel.set_title(textwrap.fill(label, MAX_TITLE), y=1.0)
        pairs = zip(axes.flat, (group for _, group in drawn_of), strict=False)
        yield list(pairs), cut(len(full), MAX_PICTURED)
        plotting.hide_unused(axes, len(drawn_of))
        plotting.legend(drawn, axes)
