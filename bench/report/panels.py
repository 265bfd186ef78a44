"""One panel for each condition, and the sentence about those that are not drawn."""

from __future__ import annotations

import pandas as pd

from bench.report import frames

MAX_DRAWN = 12  # conditions in the page; more are unreadable
MAX_PICTURED = 6  # in one picture, which fits on a sheet of paper


def conditions(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the label and the runs of each condition.

    Args:
        runs: as `frames.runs_frame` returns them.
    """
    named = frames.varying(runs)
    groups = runs.groupby(list(frames.CONDITIONS), dropna=False)
    return [(frames.condition_label(group.iloc[0], named), group) for _, group in groups]


def cut(n_conditions: int, maximum: int) -> str:
    """Return a sentence that says how many conditions are drawn, or "" if all are.

    Args:
        n_conditions: how many there are.
        maximum: how many are drawn at the most.
    """
    if n_conditions <= maximum:
        return ""
    return f" Drawn for the first {maximum} of {n_conditions} conditions; the tables contain all."


def line_width(number: int, n_lines: int) -> float:
    """Return the width of a line in pixels: later lines are on top and thinner, so all are visible.

    Args:
        number: of the line, from 0.
        n_lines: in the panel.
    """
    return 1.5 + 3 * (1 - (number + 1) / n_lines)
