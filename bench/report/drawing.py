"""All pictures of a report: the page's charts as PNG and SVG, and pictures of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from bench import plotting
from bench.files import write_atomically
from bench.report import panels, pictures
from bench.report.chart_data import ChartData, chart_data
from bench.report.charts import Chart, charts
from bench.report.comparing import Analysis

PANEL_PIXELS, N_COLUMNS = 420, 2
PIXELS_PER_POINT = 2.0
CONFIG = {
    "font": "DejaVu Sans, sans-serif",
    "axis": {"labelFontSize": 12, "titleFontSize": 12},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 240},
    "title": {"anchor": "start", "fontSize": 13},
}
ONLY_IN_THE_PAGE = {"params", "opacity", "tooltip"}  # for the mouse


def draw(analysis: Analysis, folder: Path) -> dict[str, str]:
    """Draw everything there is data for.

    Args:
        analysis: of the sweep that the report is about.
        folder: where to write the pictures, each as PNG and as SVG.

    Returns:
        Captions by the name of the PNG, in the order of the report.

    Raises:
        FileError: a picture can't be written.
    """
    data = chart_data(analysis.views, analysis.runs)
    captions = {}
    for chart in charts(plotting.colours(analysis.colours()), data.rates):
        conditions = data.shown(chart)
        if conditions:
            _draw_chart(chart, conditions[: panels.MAX_PICTURED], analysis.stamp, folder)
            cut = panels.cut(len(conditions), panels.MAX_PICTURED)
            captions[chart.picture] = f"{chart.title}. {chart.caption}{cut}"
    return captions | pictures.draw(analysis.views, analysis.sweep.datasets, folder)


def _draw_chart(
    chart: Chart, conditions: Sequence[tuple[int, str, pd.DataFrame]], stamp: str, folder: Path
) -> None:
    """Draw one chart with a panel for each condition."""
    one_panel = _without_interaction(chart.specification)
    del one_panel["autosize"]  # not for several panels
    specification = {
        "title": f"{chart.title}{stamp}",
        "columns": N_COLUMNS,
        "concat": [
            one_panel
            | {"title": label, "width": PANEL_PIXELS, "data": {"values": ChartData.values(rows)}}
            for _, label, rows in conditions
        ],
    }
    svg = vl_convert.vegalite_to_svg(specification, config=CONFIG, allowed_base_urls=[])
    path = folder / chart.picture
    write_atomically(path.with_suffix(".svg"), svg.encode("utf-8"))
    write_atomically(path, vl_convert.svg_to_png(svg, scale=PIXELS_PER_POINT))


def _without_interaction(specification: Any) -> Any:
    """Return a copy of a specification without what only a mouse can use."""
    if isinstance(specification, Mapping):
        return {
            key: _without_interaction(value)
            for key, value in specification.items()
            if key not in ONLY_IN_THE_PAGE
        }
    if isinstance(specification, list):
        return [_without_interaction(value) for value in specification]
    return specification
