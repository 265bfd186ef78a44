"""The pictures of how loss and accuracy went while runs trained, by epoch and by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench import plotting
from bench.report import frames, panels
from bench.report.labels import RunView

MAX_LINES = 5  # runs of one implementation that have a curve in a panel
EPOCH, SECOND = "epoch", "train_seconds_so_far"
AXES = {EPOCH: "epoch (0: before training)", SECOND: "seconds of training"}
BEST = (
    f"each implementation at its best learning rate, at most {MAX_LINES} runs each. A marker is "
    "the end of an epoch"
)


@dataclass(frozen=True, slots=True)
class Curve:
    """What goes up or down, against what."""

    title: str
    x: str
    y: str
    y_title: str
    caption: str
    logarithmic: bool = False


CURVES = {
    "accuracy_by_epochs.png": Curve(
        "Validation accuracy by epoch", EPOCH, "validation_accuracy", "validation accuracy",
        f"Validation accuracy by epoch, {BEST}.",
    ),
    "accuracy_by_seconds.png": Curve(
        "Validation accuracy by training time", SECOND, "validation_accuracy",
        "validation accuracy",
        "Validation accuracy against the seconds spent in training so far, warm-up and evaluation "
        f"not counted; {BEST}; up and to the left is better.",
    ),
    "loss_by_epochs.png": Curve(
        "Validation loss by epoch", EPOCH, "validation_loss", "validation loss (logarithmic)",
        f"Validation loss by epoch on a logarithmic axis, {BEST}; lines on top of each other mean "
        "that the implementations learn the same.", logarithmic=True,
    ),
    "loss_by_seconds.png": Curve(
        "Validation loss by training time", SECOND, "validation_loss",
        "validation loss (logarithmic)",
        "Validation loss on a logarithmic axis against the seconds spent in training so far, "
        f"warm-up and evaluation not counted; {BEST}; down and to the left is better.",
        logarithmic=True,
    ),
    "training_loss_by_epochs.png": Curve(
        "Training loss by epoch", EPOCH, "train_loss", "training loss (logarithmic)",
        f"Training loss by epoch on a logarithmic axis, {BEST}; it is the mean over an epoch's "
        "batches, each before its update.", logarithmic=True,
    ),
}  # fmt: skip


def at_best_rates(views: Sequence[RunView], runs: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of the runs that have curves.

    Args:
        views: of all runs.
        runs: a row for each of them.
    """
    few = frames.best_rates(runs).groupby(list(frames.CASE), dropna=False).head(MAX_LINES)
    return frames.curves_frame([views[place] for place in few.index])


def draw(
    curve: Curve,
    path: Path,
    runs: pd.DataFrame,
    epochs: pd.DataFrame,
    looks: Mapping[str, plotting.Look],
    stamp: str,
) -> str | None:
    """Draw one kind of curve; return its caption, or None where nothing was measured.

    Args:
        runs: of all conditions.
        epochs: of those that have curves.
        looks: of implementations, by name.
    """
    if epochs.empty:
        return None
    known = epochs[epochs[curve.y] > 0] if curve.logarithmic else epochs[epochs[curve.y].notna()]
    lines = {str(run_id): line for run_id, line in known.groupby("run_id")}
    if not lines:
        return None
    shown = runs["run_id"].isin(list(lines))
    with panels.figure(path, curve.title + stamp, runs, shown) as (drawn, cut):
        for panel, condition in drawn:
            _draw_panel(panel, curve, condition, lines, looks)
    return curve.caption + cut


def _draw_panel(
    panel: Any,
    curve: Curve,
    condition: pd.DataFrame,
    lines: Mapping[str, pd.DataFrame],
    looks: Mapping[str, plotting.Look],
) -> None:
    names = [name for name in looks if name in set(condition["implementation"])]
    for run in frames.rows(condition.sort_values("implementation")):
        look, line = looks[run.implementation], lines[run.run_id]
        panel.plot(
            line[curve.x], line[curve.y],
            color=look.colour, marker=look.marker, linestyle=look.line,
            linewidth=panels.width(names.index(run.implementation), len(names)),
            label=f"{plotting.short(run.implementation)}, rate {run.learning_rate:g}",
        )  # fmt: skip
    if curve.x == EPOCH:
        panel.xaxis.get_major_locator().set_params(integer=True)
    else:
        panel.set_xlim(left=0)
    if curve.logarithmic:
        panels.logarithmic(panel, "y")
    panel.set_xlabel(AXES[curve.x])
    panel.set_ylabel(curve.y_title)
