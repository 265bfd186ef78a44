"""All pictures of a report: the charts as PNG and SVG files, and the pictures of data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from bench import plotting
from bench.files import write_atomically
from bench.plotting import Picture
from bench.report import data_pictures
from bench.report.analysis import Analysis
from bench.report.chart_data import MAX_PICTURED, ChartData, chart_data, drawn_of
from bench.report.charts import Chart, charts

PANEL_PIXELS, N_COLUMNS = 420, 2
PIXELS_PER_POINT = 2.0
CONFIG = {
    "font": "DejaVu Sans, sans-serif",
    "axis": {"labelFontSize": 12, "titleFontSize": 12},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 240},
    "title": {"anchor": "start", "fontSize": 13},
}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ONLY_IN_THE_PAGE = {"params", "opacity", "tooltip"}  # for the mouse


def draw(analysis: Analysis, folder: Path) -> dict[str, Picture]:
    """Draw every picture that the report has data for.

    Args:
        analysis: the analysis of the report.
        folder: where to write the pictures, each as PNG and as SVG.

    Returns:
        The pictures by the name of the PNG, in the order of the report.

    Raises:
        FileError: a picture can't be written.
    """
    data = chart_data(analysis)
    pictures = {}
    for chart in charts(plotting.colours(analysis.colours()), data.rates):
        panels = data.panels(chart)
        if panels:
            _draw_chart(chart, panels[:MAX_PICTURED], analysis.stamp, folder)
            sentences = [f"{chart.title}.", chart.caption, drawn_of(len(panels), MAX_PICTURED)]
            pictures[chart.picture] = Picture(" ".join(filter(None, sentences)))
    return pictures | data_pictures.draw(analysis.views, analysis.sweep.datasets, folder)


def _draw_chart(
    chart: Chart, panels: Sequence[tuple[int, str, pd.DataFrame]], stamp: str, folder: Path
) -> None:
    """Draw one chart with one panel per condition."""
    one_panel = _for_picture(chart.specification)
    del one_panel["autosize"]  # Vega-Lite does not allow it with several panels
    specification = {
        "title": f"{chart.title}{stamp}",
        "columns": N_COLUMNS,
        "concat": [
            one_panel
            | {"title": label, "width": PANEL_PIXELS, "data": {"values": ChartData.values(rows)}}
            for _, label, rows in panels
        ],
    }
    specification = _for_picture(specification)
    svg = vl_convert.vegalite_to_svg(specification, config=CONFIG, allowed_base_urls=[])
    path = folder / chart.picture
    write_atomically(path.with_suffix(".svg"), svg.encode("utf-8"))
    write_atomically(path, vl_convert.svg_to_png(svg, scale=PIXELS_PER_POINT))


def _for_picture(specification: Any) -> Any:
    """Return a copy without the parts that need a mouse; escape characters that XML forbids."""
    if isinstance(specification, str):
        return NOT_XML.sub(lambda match: ascii(match[0])[1:-1], specification)
    if isinstance(specification, Mapping):
        return {
            key: _for_picture(value)
            for key, value in specification.items()
            if key not in ONLY_IN_THE_PAGE
        }
    if isinstance(specification, list):
        return [_for_picture(value) for value in specification]
    return specification
