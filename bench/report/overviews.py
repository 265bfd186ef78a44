"""The pictures of a report that sum many runs up: learning rates as a map, and the ledger."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from bench import plotting
from bench.records import SECONDS_PARTS
from bench.report import frames

MAX_ROWS = 60  # of the map


def draw(runs: pd.DataFrame, folder: Path, stamp: str) -> dict[str, str]:
    """Draw all that there is data for; captions by file name."""
    captions = {
        name: drawing(runs, folder / name, stamp)
        for name, drawing in (
            ("accuracy_by_architecture_and_rate.png", _accuracy_by_architecture_and_rate),
            ("ledger.png", _ledger),
        )
    }
    return {name: caption for name, caption in captions.items() if caption is not None}


def _accuracy_by_architecture_and_rate(runs: pd.DataFrame, path: Path, stamp: str) -> str | None:
    """A heat map: which learning rate suits which architecture and implementation?"""
    tried = runs.dropna(subset=["learning_rate"])
    if tried["validation_accuracy"].isna().all():
        return None
    named = [*frames.varying(tried), "implementation"]
    rows = tried[named].map(plotting.short).agg(", ".join, axis=1)
    by_cell = tried.groupby([rows, "learning_rate"])
    means = by_cell["validation_accuracy"].mean().unstack()[:MAX_ROWS]
    endings = by_cell["status"].agg(plotting.listed).unstack()[:MAX_ROWS]
    n_rows = rows.nunique()
    cut = f" Drawn are the first {MAX_ROWS} of {n_rows} rows." if n_rows > MAX_ROWS else ""
    size = (5 + 1.1 * len(means.columns), 1.6 + 0.35 * len(means))
    title = f"Validation accuracy{stamp}"
    with plotting.figure(path, title, figsize=size) as (drawn, axes):
        panel = axes[0, 0]
        shading = panel.imshow(means, cmap="cividis", aspect="auto")
        middle = (means.min().min() + means.max().max()) / 2
        for place, value in np.ndenumerate(means.to_numpy()):
            words = endings.iat[place] if np.isnan(value) else f"{value:.3f}"
            colour = "white" if value < middle else "black"
            if isinstance(words, str):
                panel.text(*place[::-1], words, ha="center", va="center", color=colour)
        panel.set_xticks(range(len(means.columns)), [f"{rate:g}" for rate in means.columns])
        panel.set_yticks(range(len(means)), [textwrap.fill(label, 60) for label in means.index])
        panel.set_xlabel("learning rate")
        panel.grid(visible=False)
        drawn.colorbar(shading, ax=panel, label="validation accuracy")
    return (
        "Validation accuracy after the last epoch by learning rate (columns) and by "
        "architecture and implementation (rows); mean over seeds. A word stands where no run has "
        "a result." + cut
    )


def _ledger(runs: pd.DataFrame, path: Path, stamp: str) -> str | None:
    """Stacked bars: where did the seconds of a run go?"""
    done = runs[runs["status"] == "done"]
    if done.empty:
        return None
    columns = [f"{part}_seconds" for part in SECONDS_PARTS]
    means = done.groupby("implementation")[columns].mean()
    size = (8, 1.6 + 0.45 * len(means))
    with plotting.figure(path, f"Where the time goes{stamp}", figsize=size) as (drawn, axes):
        panel = axes[0, 0]
        so_far = np.zeros(len(means))
        shades = mpl.colormaps["cividis"](np.linspace(0, 1, len(columns)))
        for number, column in enumerate(columns):
            panel.barh(
                [plotting.short(label) for label in means.index],
                means[column],
                left=so_far,
                color=shades[number],
                hatch=plotting.HATCHES[number % len(plotting.HATCHES)],
                edgecolor="white",
                label=SECONDS_PARTS[number].replace("_", " "),
            )
            so_far = so_far + means[column].to_numpy()
        for place, total in enumerate(so_far):
            panel.text(total, place, f" {total:.1f}", va="center")
        panel.margins(x=0.1)
        panel.invert_yaxis()
        panel.set_xlabel("seconds of a run, mean")
        panel.grid(visible=False, axis="y")
        plotting.legend(drawn, axes)
    return (
        "Seconds of a finished run, mean over all of an implementation's runs, by what they "
        "were spent on; the figure is their sum, the whole run seen from outside."
    )
