"""The figures of a report, as PNG and SVG files in one folder: charts, and pictures of data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from bench.files import write_atomically
from bench.report.charts.chart import Chart, ChartData
from bench.report.charts.vega import Spec

MAX_PICTURED = 4  # conditions in one file
PANEL_PIXELS, N_COLUMNS = 420, 2
PIXELS_PER_POINT = 1.2
CONFIG = {
    # vl-convert contains Liberation Sans, and measures text in other fonts three times as slowly.
    "font": "Liberation Sans, Arial, sans-serif",
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 240, "orient": "bottom",
               "columns": 4},
    "title": {"anchor": "start", "fontSize": 13},
    "view": {"stroke": None},
}  # fmt: skip
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ONLY_IN_THE_PAGE = {"params", "tooltip"}  # for the mouse


def draw_chart(chart: Chart, data: ChartData, stamp: str, folder: Path) -> None:
    """Draw one chart with one panel per condition.

    Args:
        chart: the chart.
        data: its rows.
        stamp: the end of the title.
        folder: where to write the PNG and the SVG.
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
    svg = _svg(specification)
    path = folder / f"{chart.name}.svg"
    write_atomically(path, svg.encode("utf-8"))
    write_atomically(path.with_suffix(".png"), vl_convert.svg_to_png(svg, scale=PIXELS_PER_POINT))


def svg_of(specification: Spec, rows: pd.DataFrame) -> str:
    """Return one panel without a title as SVG.

    Args:
        specification: of a chart.
        rows: to draw.
    """
    data = {"data": {"values": ChartData.values(rows)}}
    size = {"width": 1.6 * PANEL_PIXELS, "background": "transparent"}
    return _svg(_without_mouse(specification) | data | size)


def _svg(specification: Spec) -> str:
    """Return a drawing; characters that XML forbids are escaped."""
    svg = vl_convert.vegalite_to_svg(json.dumps(specification), config=CONFIG, allowed_base_urls=[])
    return NOT_XML.sub(lambda match: ascii(match[0])[1:-1], svg)


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
