"""Accuracy by learning rate, and training speed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.api.plain_errors import plain_errors
from bench.api.sources import Source
from bench.errors import BenchError
from bench.plot import panels
from bench.report.charts.vega import GREY, is_wide, words
from bench.report.frames import dataframes
from bench.report.frames.speed_pairs import SpeedPairs

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")  # by condition
MAX_NUMBERED = 24  # bars with their value


@plain_errors
def learning_rates(source: Source, *, ax: Axes | None = None) -> Axes:
    """Draw accuracy by learning rate as bars: validation accuracy, or else test accuracy.

    A bar is the mean over seeds. A learning rate without a result has the status of its runs.

    Args:
        source: the folder of a sweep, records, or a frame of `load_runs`, or rows of it.
        ax: axes to draw on; None makes a figure.

    Returns:
        The axes.

    Raises:
        BenchError: there is no run with a learning rate.
    """
    runs = panels.runs_of(source)
    runs = runs[runs["learning_rate"].notna()]
    if runs.empty:
        raise BenchError("no run has a learning rate: there is nothing to draw")
    runs = runs.assign(label=_labels(runs))
    table = dataframes.by_rate(runs, ("label", "implementation", "learning_rate"))
    rates = sorted(table["learning_rate"].unique())
    labels = list(table["label"].unique())
    colours = panels.colours(runs)
    conditions = sorted(table["condition"].unique())
    ax = panels.new_axes(ax, max(7.0, 2 + 0.5 * len(table)), 4)
    width = 0.8 / len(labels)
    for place, label in enumerate(labels):
        rows = table[table["label"] == label]
        first = rows.iloc[0]
        lefts = np.array([rates.index(rate) for rate in rows["learning_rate"]])
        centres = lefts + width * (place - (len(labels) - 1) / 2)
        bars = ax.bar(
            centres, rows["accuracy"].fillna(0), width, color=colours[first["implementation"]],
            hatch=HATCHES[conditions.index(first["condition"]) % len(HATCHES)],
            edgecolor="white", label=panels.literal(label),
        )  # fmt: skip
        if len(table) <= MAX_NUMBERED:
            values = [f"{value:.3f}" if value == value else "" for value in rows["accuracy"]]
            ax.bar_label(bars, values, fontsize=8)
        for centre, row in zip(centres, dataframes.rows(rows), strict=True):
            if math.isnan(row.accuracy):
                ax.text(centre, 0, f" × {row.ended}", rotation=90, ha="center", va="bottom")
    ax.set_xticks(range(len(rates)), [dataframes.plain(rate) for rate in rates])
    ax.margins(y=0.1)
    if len(labels) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
    accuracy = words(dataframes.rate_accuracy(runs))
    title = f"{accuracy.capitalize()} by learning rate{panels.stamp(runs)}"
    panels.finish(ax, title, "learning rate", accuracy).grid(visible=False, axis="x")
    return ax


@plain_errors
def speed(source: Source, *, ax: Axes | None = None) -> Axes:
    """Draw the training speed of each run. The grey mark and the number are the geometric mean.

    Args:
        source: the folder of a sweep, records, or a frame of `load_runs`, or rows of it.
        ax: axes to draw on; None makes a figure.

    Returns:
        The axes.

    Raises:
        BenchError: no run has a speed.
    """
    runs = panels.runs_of(source)
    means = np.exp(SpeedPairs(runs).means().dropna())
    if means.empty:
        ended = dataframes.statuses(runs["status"]) or "there are none"
        raise BenchError(f"no run has a speed: there is nothing to draw; the runs: {ended}")
    runs = runs.assign(label=_labels(runs))
    cases = [*runs.groupby(["condition", "implementation"])]
    cases.sort(key=lambda case: (-case[0][0], means.get(case[0], 0.0)))
    colours = panels.colours(runs)
    ax = panels.new_axes(ax, 7, 1.2 + 0.35 * len(cases))
    for place, (case, group) in enumerate(cases):
        if case not in means.index:
            ended = f"× {dataframes.statuses(group['status'])}"
            ax.text(0.01, place, ended, transform=ax.get_yaxis_transform(), va="center")
            continue
        mean = means[case]
        done = group[group["status"] == "done"]["examples_per_second"].dropna()
        ax.plot(mean, place, "|", color=GREY, markersize=18, markeredgewidth=3)
        ax.plot(done, [place] * len(done), "o", color=colours[case[1]], markersize=6)
        ax.text(1.01, place, f"{mean:,.0f}", transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(range(len(cases)), [panels.literal(group["label"].iloc[0]) for _, group in cases])
    ax.set_ylim(-0.6, len(cases) - 0.4)
    if is_wide(means):
        ax.set_xscale("log")
    title = f"Training speed of every run, and the mean{panels.stamp(runs)}"
    return panels.finish(ax, title, "examples per second", "")


def _labels(runs: pd.DataFrame) -> pd.Series:
    """Return implementation and condition of each run."""
    conditions = panels.condition_labels(runs)
    return runs["implementation"].astype(object) + conditions.map(
        lambda label: f", {label}" if label else ""
    )
