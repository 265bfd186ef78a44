"""The chart of the speed of training over commits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.report.charts.chart import Chart
from bench.report.charts.vega import BLUE, GREY, HEIGHT, Spec, number, tooltip
from bench.report.contents.blocks import HISTORY
from bench.report.frames import dataframes
from bench.results.changes import changes, describe
from bench.results.history import STEP, Entry, series

COLUMNS = (
    "condition", "place", "case", "commit", "subject", "ratio", "low", "high", "level", "change",
    "size", "learns",
)  # fmt: skip


def history_rows(entries: Sequence[Entry]) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per commit and case, with the level between changes; and the cases.

    Args:
        entries: of a history, in order.
    """
    rows: list[tuple[Any, ...]] = []
    labels = []
    by_case = series(entries)
    n_references = len({key.reference for key in by_case})
    names = [name for name, _ in {(key.case, key.identity) for key in by_case}]
    for condition, (key, points) in enumerate(by_case.items()):
        metric = "" if key.metric == STEP else key.metric
        over = f"over {key.reference[:7]}" if n_references > 1 else ""
        settings = key.settings_words if names.count(key.case) > 1 else ""
        parts = (key.case, metric, settings, key.cpu_model, over)
        labels.append(", ".join(filter(None, parts)))
        steps = {change.place: change for change in changes(points)}
        for start, end in itertools.pairwise([0, *steps, len(points)]):
            level = math.exp(float(np.mean([math.log(entry.ratio) for entry in points[start:end]])))
            for place, entry in enumerate(points[start:end], start):
                step = steps.get(place)
                rows.append((
                    condition, place, labels[-1], entry.commit[:7], entry.subject, entry.ratio,
                    entry.low, entry.high, level, describe(entry, step) if step else "",
                    f"{step.ratio - 1:+.0%}" if step else "",
                    "something else" if entry.learns_something_else else "as before",
                ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)), labels


def history_chart(table: pd.DataFrame) -> Chart:
    """Return the chart of speed over commits.

    Args:
        table: as `history_rows` returns it.
    """
    changed = table[table["change"] != ""]
    learns_else = (table["learns"] != "as before").any()
    changes = [f"{row.case}: {row.change}" for row in dataframes.rows(changed)]
    return Chart(
        name=HISTORY,
        section="speed",
        title="Training time over commits",
        caption="Time of a training step over the time at a reference commit, measured side by "
        "side; bars are 95 % intervals, lower is faster. A line is the level between changes"
        f"{'; an empty diamond learns something else' if learns_else else ''}. "
        f"{'; '.join(changes) or 'No change was detected'}.",
        table="history",
        fields=("case", "commit", "subject", "ratio", "low", "high", "change"),
        needs={"ratio": 0},
        value="ratio",
        specification=specification(),
    )


def specification() -> Spec:
    """Draw the time of a step over commits, relative to a reference, with the changes marked."""
    x = {"field": "commit", "type": "ordinal", "sort": {"field": "place"}, "title": None,
         "axis": {"labelAngle": -60, "labelOverlap": True}}  # fmt: skip
    y = number("ratio", "time over reference")
    interval = {
        "mark": "rule",
        "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
    }
    # A commit that learns something else is an empty diamond.
    shape = {"condition": {"test": "datum.learns !== 'as before'", "value": "diamond"},
             "value": "circle"}  # fmt: skip
    points = {
        "mark": {"type": "point", "size": 50, "opacity": 1},
        "encoding": {
            "x": x, "y": y, "shape": shape,
            "fill": {"condition": {"test": "datum.learns !== 'as before'", "value": "transparent"},
                     "value": BLUE},
            "tooltip": tooltip("commit", "subject", "ratio", "low", "high", "learns"),
        },
    }  # fmt: skip
    level = {
        "mark": {"type": "line", "interpolate": "step", "color": GREY, "strokeWidth": 2},
        "encoding": {"x": x, "y": y | {"field": "level"}},
    }
    change = {
        "mark": {"type": "text", "dy": -10, "fontWeight": "bold", "color": "#D55E00"},
        "encoding": {"x": x, "y": y | {"field": "high"}, "text": {"field": "size"}},
    }
    return {"height": HEIGHT, "layer": [level, interval, points, change]}
