"""Descriptions of the charts in words, for readers who cannot see them."""

from __future__ import annotations

import pandas as pd

from bench.report import dataframes

MAX_POINTS = 10  # of a Pareto front


def speeds(runs: pd.DataFrame) -> str:
    """Return the median speed of each implementation."""
    medians = runs.groupby("implementation")["examples_per_second"].median()
    listed = ", ".join(f"{name} {median:,.0f}" for name, median in medians.items())
    return f"Median examples per second: {listed}."


def extremes(curves: pd.DataFrame, column: str, extreme: str) -> str:
    """Return the extreme point of each implementation's curves, and the end of that curve.

    Args:
        curves: rows of the table `curves`.
        column: the column that the chart draws.
        extreme: `lowest` or `highest`.
    """
    groups = curves.groupby("implementation")[column]
    places = groups.idxmin() if extreme == "lowest" else groups.idxmax()
    sentences = []
    for row in dataframes.rows(curves.loc[places]):
        last = curves.loc[curves["run_id"] == row.run_id, column].iloc[-1]
        sentences.append(
            f"{row.implementation}: {extreme} {getattr(row, column):.4f} at epoch {row.epoch}, "
            f"after {row.train_seconds_so_far:.3g} seconds of training, with rate "
            f"{row.learning_rate:g}; {last:.4f} at the end"
        )
    return ". ".join(sentences) + "."


def front(runs: pd.DataFrame) -> str:
    """Return the runs on the Pareto front."""
    on_it = runs[runs["pareto"]].sort_values("train_seconds")
    listed = "; ".join(
        f"{row.implementation} with rate {row.learning_rate:g}, {row.validation_accuracy:.4f} "
        f"after {row.train_seconds:.3g} seconds"
        for row in dataframes.rows(on_it[:MAX_POINTS])
    )
    more = f"; and {len(on_it) - MAX_POINTS} more" if len(on_it) > MAX_POINTS else ""
    return f"On the Pareto front: {listed}{more}."


def rates(rows: pd.DataFrame) -> str:
    """Return the accuracy of each implementation at each learning rate."""
    parts = []
    for name, group in rows.groupby("implementation"):
        cells = [
            f"{row.learning_rate:g} {row.ended}"
            if pd.isna(row.validation_accuracy)
            else f"{row.learning_rate:g} {row.validation_accuracy:.4f}"
            for row in dataframes.rows(group.sort_values("learning_rate"))
        ]
        parts.append(f"{name}: {', '.join(cells)}")
    return "Learning rate and accuracy: " + "; ".join(parts) + "."


def time_by_part(rows: pd.DataFrame) -> str:
    """Return the seconds of each implementation's runs, and the three largest parts."""
    weighted = rows.assign(seconds=rows["seconds"] * rows["runs"])
    sums = weighted.groupby(["implementation", "part"])[["seconds", "runs"]].sum()
    means = sums["seconds"] / sums["runs"]
    sentences = []
    for name, parts in means.groupby(level="implementation"):
        largest = parts.droplevel("implementation").nlargest(3)
        listed = ", ".join(f"{part} {value:.2f}" for part, value in largest.items())
        sentences.append(f"{name}: {parts.sum():.2f} seconds per run, mostly {listed}")
    return "; ".join(sentences) + "."
