"""The charts of a report, in its order."""

from __future__ import annotations

from collections.abc import Mapping

from bench.report.charts.chart import Chart, ChartData
from bench.report.charts.chart_data import MAX_DRAWN
from bench.report.charts.costs import costs_charts
from bench.report.charts.curves import curves_charts
from bench.report.charts.history import history_chart
from bench.report.charts.rates import rates_charts
from bench.report.charts.speed import comparison_charts, over_charts
from bench.report.charts.vega import Looks


def charts(data: ChartData, colours: Mapping[str, str]) -> list[Chart]:
    """Return the charts that there are rows for.

    Args:
        data: the rows.
        colours: the colours of the implementations, by name.
    """
    looks = Looks(colours)
    every = [
        *comparison_charts(data, looks),
        *over_charts(data, looks),
        *curves_charts(data, looks),
        *rates_charts(data, looks),
        *costs_charts(data, looks),
        history_chart(data.tables["history"]),
    ]
    complete = [chart.with_panels(data, MAX_DRAWN) for chart in every]
    return [chart for chart in complete if chart.panels]
