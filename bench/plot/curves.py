"""Learning curves: one line per run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, get_args

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.api.plain_errors import plain_errors
from bench.api.sources import Source
from bench.errors import BenchError
from bench.plot import panels
from bench.report.charts.vega import GREY, is_wide, words
from bench.report.frames import dataframes

Horizontal = Literal["epoch", "train_seconds_so_far"]
Vertical = Literal["validation_loss", "train_loss", "training_set_loss", "validation_accuracy"]
STYLES = (  # dashes and gaps, in widths of the line
    "-", "--", ":", "-.", (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 2, 2, 2)),
)  # fmt: skip
Line = tuple[str, str, Any]  # label, colour, style; matplotlib's own type is not public
RAMP, RAMP_START, RAMP_END = "plasma", 0.05, 0.8  # readable on white


@plain_errors
def loss_curves(
    source: Source, *, y: Vertical | None = None, x: Horizontal = "epoch", ax: Axes | None = None
) -> Axes:
    """Draw the loss of each run over epochs or seconds of training.

    Several implementations have their colours, and learning rates and conditions their kinds of
    line. A single implementation has a colour for each learning rate and condition.

    Args:
        source: the folder of a sweep, records, or a frame of `load_curves`, or rows of it.
        y: the column to draw; None: `validation_loss`, or `train_loss` without a validation set.
        x: the column of the horizontal axis.
        ax: axes to draw on; None makes a figure.

    Returns:
        The axes.

    Raises:
        BenchError: there is no such column, or no run has values.
    """
    for name, value, allowed in (("x", x, Horizontal), ("y", y, Vertical)):
        if value is not None and value not in get_args(allowed):
            raise BenchError(f"{name}={value!r}: must be one of {', '.join(get_args(allowed))}")
    curves = panels.curves_of(source)
    y = y or ("validation_loss" if curves["validation_loss"].notna().any() else "train_loss")
    curves = curves[curves[y].notna()]
    if curves.empty:
        raise BenchError(f"no run has a {words(y)}: there is nothing to draw")
    curves = curves.assign(details=_details(curves)).sort_values(["condition", "learning_rate"])
    names, details = sorted(curves["implementation"].unique()), list(curves["details"].unique())
    several = len(names) > 1
    by_name = panels.colours(curves)
    by_detail = dict.fromkeys(details, GREY) if several else _ramp(details)
    styles = dict(zip(details, itertools.cycle(STYLES if several else "-"), strict=False))
    ax = panels.new_axes(ax, 7, 4.5)
    for _, run in curves.groupby("run_id", sort=False):
        name, detail = run["implementation"].iloc[0], run["details"].iloc[0]
        ax.plot(
            run[x], run[y], marker="o", markersize=3, linewidth=1.5, alpha=0.85,
            color=by_name[name] if several else by_detail[detail], linestyle=styles[detail],
        )  # fmt: skip
    if y != "validation_accuracy" and is_wide(curves[y]):
        ax.set_yscale("log")
    lines: list[Line] = [(name, by_name[name], "-") for name in names] if several else []
    if len(details) > 1:
        lines += [(detail, by_detail[detail], styles[detail]) for detail in details]
    _add_legend(ax, lines)
    if x == "epoch":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    over = "epoch" if x == "epoch" else "seconds of training"
    title = f"{words(y).capitalize()} by {over}{panels.stamp(curves)}"
    return panels.finish(ax, title, over, words(y))


def _details(curves: pd.DataFrame) -> pd.Series:
    """Return what distinguishes runs of one implementation: condition and learning rate."""
    labels = panels.condition_labels(curves)
    if curves["learning_rate"].nunique(dropna=False) < 2:
        return labels
    rates = "rate " + curves["learning_rate"].map(dataframes.plain).astype(object)
    return labels.where(labels == "", labels + ", ") + rates


def _ramp(details: list[str]) -> dict[str, str]:
    step = (RAMP_END - RAMP_START) / max(len(details) - 1, 1)
    return {
        detail: to_hex(mpl.colormaps[RAMP](RAMP_START + place * step))
        for place, detail in enumerate(details)
    }


def _add_legend(ax: Axes, lines: Sequence[Line]) -> None:
    """Explain colours and kinds of line, if there are several."""
    handles = [
        Line2D([], [], label=panels.literal(label), color=colour, linestyle=style)
        for label, colour, style in lines
    ]
    if handles:
        ax.legend(handles=handles, fontsize="small", frameon=False, ncols=1 + len(handles) // 10)
