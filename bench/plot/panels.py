"""Shared by the figures: axes, frames with all columns, and how each kind of run looks."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pandas as pd
from matplotlib.axes import Axes

from bench.api.loading import COLOURS, load_curves, load_runs
from bench.api.sources import Source
from bench.colours import assign_colours
from bench.report.frames import dataframes
from bench.terminal import SYNTHETIC

RUN_COLUMNS = (
    "run_id", "status", "condition", "implementation", "dataset", "learning_rate", "seed", "epochs",
    "validation_accuracy", "test_accuracy", "examples_per_second", "epoch_spread", "quiet",
    "machine",
)  # fmt: skip
CURVE_COLUMNS = (
    "run_id", "condition", "implementation", "dataset", "learning_rate", "epoch",
    "train_seconds_so_far", "train_loss", "training_set_loss", "validation_loss",
    "validation_accuracy",
)  # fmt: skip


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the given axes, or those of a new figure of pyplot, which notebooks display.

    Args:
        ax: axes to draw on, or None.
        width: of a new figure, in inches.
        height: of a new figure, in inches.
    """
    if ax is not None:
        return ax
    from matplotlib import pyplot  # only here: it chooses a backend

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def finish(ax: Axes, title: str, x: str, y: str) -> Axes:
    """Add title and labels, and the look of the report's figures.

    Args:
        ax: the axes.
        title: the title; not mathematics.
        x: label of the horizontal axis.
        y: label of the vertical axis.
    """
    ax.set_title(literal(title), fontsize="medium")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["right", "top"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.grid(visible=True, alpha=0.3)
    return ax


def literal(text: str) -> str:
    """Escape what matplotlib would read as mathematics: names come from records."""
    return text.replace("$", r"\$")


def runs_of(source: Source) -> pd.DataFrame:
    """Return a frame of runs, in which words are plain text."""
    return _plain(source, RUN_COLUMNS, load_runs)


def curves_of(source: Source) -> pd.DataFrame:
    """Return a frame of epochs, in which words are plain text."""
    return _plain(source, CURVE_COLUMNS, load_curves)


def _plain(
    source: Source, columns: Collection[str], load: Callable[[Source], pd.DataFrame]
) -> pd.DataFrame:
    """Return a frame without categories, so that groups are those that have rows."""
    if not (isinstance(source, pd.DataFrame) and {*columns} <= {*source.columns}):
        source = load(source)
    words = source.select_dtypes("category").columns
    return source.astype(dict.fromkeys(words, object))


def stamp(frame: pd.DataFrame) -> str:
    """Return the end of a title: a warning of synthetic data, or nothing."""
    return f" ({SYNTHETIC})" if frame["dataset"].eq("synthetic").any() else ""


def condition_labels(frame: pd.DataFrame) -> pd.Series:
    """Return the label of each row's condition, such as `one_hidden, batch size 32`.

    Args:
        frame: as `runs_of` or `curves_of` returns it.

    Returns:
        Labels; empty if there is only one condition.
    """
    labels = {}
    if frame["condition"].nunique() > 1:
        labels = {
            group["condition"].iloc[0]: label for label, group in dataframes.conditions(frame)
        }
    return frame["condition"].map(lambda number: labels.get(number, "")).astype(object)


def colours(frame: pd.DataFrame) -> dict[str, str]:
    """Return the colour of each implementation, as the report has it.

    Args:
        frame: with the `attrs` of `load_runs` or `load_curves`; else colours are given out.
    """
    given = frame.attrs.get(COLOURS, {})
    return assign_colours({**dict.fromkeys(frame["implementation"]), **given}.items())
