"""The specifications of figures: what is drawn of a chart in its PNG and SVG files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.report.charts.chart import Chart, ChartData
from bench.report.charts.vega import Spec

MAX_PICTURED = 4  # conditions in one file
PANEL_PIXELS, N_COLUMNS = 420, 2
ONLY_IN_THE_PAGE = {"params", "tooltip"}  # for the mouse


def figure_of(chart: Chart, data: ChartData, stamp: str) -> str:
    """Return one chart with one panel per condition, as JSON.

    Args:
        chart: the chart.
        data: its rows.
        stamp: the end of the title.
    """
    picture = _without_mouse(chart.specification)
    words, rows = json.dumps(picture), chart.rows(data)
    used = [column for column in map(str, rows) if column in words]
    panels = [
        picture
        | {"title": panel.label, "width": PANEL_PIXELS,
           "data": {"values": data.values(rows.loc[rows["condition"] == panel.number, used])}}
        for panel in chart.panels[:MAX_PICTURED]
    ]  # fmt: skip
    specification = {
        "title": f"{chart.title}{stamp}", "columns": N_COLUMNS, "concat": panels,
        "resolve": {"scale": {"color": "shared", "shape": "shared"}},  # one legend
    }  # fmt: skip
    return json.dumps(specification)


def panel_of(specification: Spec, rows: pd.DataFrame) -> str:
    """Return one panel without a title, as JSON.

    Args:
        specification: of a chart.
        rows: to draw.
    """
    data = {"data": {"values": ChartData.values(rows)}}
    size = {"width": 1.6 * PANEL_PIXELS, "background": "transparent"}
    return json.dumps(_without_mouse(specification) | data | size)


def _without_mouse(specification: Any) -> Any:
    """Return a copy of a specification without the parts that need a mouse."""
    if isinstance(specification, Mapping):
        return {
            key: _without_mouse(value)
            for key, value in specification.items()
            if key not in ONLY_IN_THE_PAGE
        }
    if isinstance(specification, list):
        return [_without_mouse(value) for value in specification]
    return specification
