"""The figures of a report, as PNG and SVG files in one folder: charts, and pictures of data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from bench.files import write_atomically
from bench.report.charts import data_pictures
from bench.report.charts.chart import Chart, ChartData
from bench.report.charts.chart_data import drawn_of
from bench.report.charts.vega import Spec
from bench.report.contents.blocks import FIGURES, Figure
from bench.report.frames.analysis import Analysis

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


def draw(
    analysis: Analysis, data: ChartData, charts: Sequence[Chart], folder: Path
) -> dict[str, list[Figure]]:
    """Draw every figure, and delete those of an earlier report.

    Args:
        analysis: the analysis of the report.
        data: the rows of the charts.
        charts: the charts.
        folder: the folder of the report; the files are in its folder `figures`.

    Returns:
        The figures by section.

    Raises:
        FileError: a file can't be written.
    """
    files = folder / FIGURES
    files.mkdir(exist_ok=True)
    for path in files.iterdir():
        if path.suffix in (".png", ".svg"):
            path.unlink()
    figures: dict[str, list[Figure]] = {}
    with ThreadPoolExecutor(1) as pool:  # vl-convert draws one chart at a time
        drawn = pool.map(lambda chart: draw_chart(chart, data, analysis.stamp, files), charts)
        pictures = data_pictures.draw(analysis.views, analysis.sweep.datasets, files)
        list(drawn)
    for chart in charts:
        figure = Figure(
            name=chart.name,
            title=chart.title,
            caption=chart.caption,
            description=" ".join(
                f"{panel.label}: {panel.description}" for panel in chart.panels[:MAX_PICTURED]
            ),
            drawn_of=drawn_of(len(chart.panels), MAX_PICTURED),
            panels=chart.panels,
        )
        figures.setdefault(chart.section, []).append(figure)
    return figures | pictures


def draw_chart(chart: Chart, data: ChartData, stamp: str, folder: Path) -> None:
    """Draw one chart with one panel per condition.

    Args:
        chart: the chart.
        data: its rows.
        stamp: the end of the title.
        folder: where to write the PNG and the SVG.
    """
    words = json.dumps(chart.specification)
    used = [column for column in map(str, data.tables[chart.table]) if column in words]
    panels = [
        chart.specification
        | {"title": panel.label, "width": PANEL_PIXELS,
           "data": {"values": data.values(chart.rows(data, panel)[used])}}
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
    return _svg(specification | data | size)


def _svg(specification: Spec) -> str:
    return vl_convert.vegalite_to_svg(
        _for_picture(specification), config=CONFIG, allowed_base_urls=[]
    )


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
