"""All pictures of a report, as PNG and SVG files: charts, data, and speed over commits."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vl_convert

from bench import plotting
from bench.console import shorten
from bench.files import write_atomically
from bench.plotting import Picture
from bench.report import data_pictures
from bench.report.analysis import Analysis
from bench.report.chart_data import MAX_PICTURED, ChartData, chart_data, drawn_of
from bench.report.charts import Chart, charts
from bench.results.changes import Change, changes, describe
from bench.results.history import STEP, Entry, SeriesKey, series

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

HISTORY_PICTURE = "speed_over_commits.png"
MAX_SERIES = 12
MAX_TITLE_CHARACTERS = 40
MAX_NAMED = 25  # commits on the axis of a panel


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


def draw_history(entries: Sequence[Entry], folder: Path) -> dict[str, Picture]:
    """Draw speed over commits: one panel per case, with its changes marked.

    Args:
        entries: the entries of the history.
        folder: where to write the picture.

    Returns:
        The picture by file name; empty if there is nothing to draw.
    """
    drawn = list(series(entries).items())[:MAX_SERIES]
    if not drawn:
        return {}
    references = sorted({points[0].reference[:7] for _, points in drawn})
    sentences = []
    columns = min(len(drawn), 2)
    rows = -(-len(drawn) // columns)
    size = (5.5 * columns, 0.8 + 2.8 * rows)
    path = folder / HISTORY_PICTURE
    heading = "Training time over commits"
    with plotting.figure(path, heading, nrows=rows, ncols=columns, figsize=size) as (_, axes):
        for panel, (key, points) in zip(axes.flat, drawn, strict=False):
            steps = changes(points)
            _draw_series(panel, points, steps)
            title = shorten(f"{_name(key, references[:1])}, {key.cpu_model}", MAX_TITLE_CHARACTERS)
            if len(references) > 1:
                title += f"\nover {points[0].reference[:7]}"
            panel.set_title(title)
            name = _name(key, references)
            sentences += [f"{name}: {describe(points[step.place], step)}" for step in steps]
        for panel in axes.flat[len(drawn) :]:
            panel.set_axis_off()
    caption = (
        "Time of a training step over the time at the reference commit "
        f"{', '.join(references)}, measured side by side; bars are 95 % "
        "intervals, lower is faster. At the last commit: "
    )
    last = "; ".join(
        f"{_name(key, references)} {points[-1].ratio:.3f} "
        f"({points[-1].low:.3f} to {points[-1].high:.3f})"
        for key, points in drawn
    )
    changed = "; ".join(sentences) + "." if sentences else "No change was detected."
    n_left = len(series(entries)) - len(drawn)
    left = f" Not drawn: {n_left} more cases." if n_left else ""
    return {
        HISTORY_PICTURE: Picture(
            f"{caption}{last}. {changed}{left}",
            "One panel per case, one point per commit.",
        )
    }


def _name(key: SeriesKey, references: Sequence[str]) -> str:
    """Return the case of a series, with its metric and reference where there are several."""
    name = key.case if key.metric == STEP else f"{key.case}, {key.metric}"
    return f"{name} over {key.reference[:7]}" if len(references) > 1 else name


def _draw_series(panel: Any, entries: Sequence[Entry], steps: Sequence[Change]) -> None:
    places = np.arange(len(entries))
    ratios = np.array([entry.ratio for entry in entries])
    errors = [
        ratios - [entry.low for entry in entries],
        np.array([entry.high for entry in entries]) - ratios,
    ]
    panel.errorbar(places, ratios, yerr=errors, fmt="o", markersize=4, capsize=3, color="#0072B2")
    bounds = [0, *(change.place for change in steps), len(entries)]
    for start, end in itertools.pairwise(bounds):
        level = np.exp(np.log(ratios[start:end]).mean())
        panel.hlines(level, start - 0.4, end - 0.6, colors="#555555", linewidth=2)
    for change in steps:
        panel.axvline(change.place - 0.5, color="#D55E00", linestyle="--")
        panel.annotate(
            f"{change.ratio - 1:+.0%}",
            (change.place - 0.45, 0.98),
            xycoords=("data", "axes fraction"),
            va="top",
            color="#A03E00",
        )
    every = -(-len(entries) // MAX_NAMED)
    names = [entry.commit[:7] for entry in entries]
    panel.set_xticks(places[::every], names[::every], rotation=60, ha="right", fontsize=8)
    panel.set_ylabel("time over reference")
    panel.margins(y=0.15)
