"""All figures of a report: charts, which another process draws, and pictures of data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.colours import assign_colours
from bench.report.charts import figures
from bench.report.charts.chart import Chart
from bench.report.charts.chart_data import chart_data, drawn_of
from bench.report.charts.charts import charts
from bench.report.contents.blocks import FIGURES, Figure
from bench.report.frames.analysis import Analysis
from bench.results.history import Entry


class Drawing:
    """The figures of a report, their rows and colours."""

    def __init__(
        self,
        analysis: Analysis,
        history: Sequence[Entry],
        folder: Path,
    ) -> None:
        """Delete the figures of an earlier report, and compute what to draw.

        Args:
            analysis: the analysis of the report.
            history: the entries of speed over commits.
            folder: the folder of the report; the files are in its folder `figures`.
        """
        self._analysis = analysis
        self._files = _emptied(folder / FIGURES)
        self.data = chart_data(analysis, history)
        colours = assign_colours(analysis.colours())
        self.colours = {name: colours[name] for name in analysis.names}
        self.charts = charts(self.data, self.colours)

    def specifications(self) -> dict[str, str]:
        """Return what `Renderer.draw` needs for the charts."""
        stamp = self._analysis.stamp
        return {chart.name: figures.figure_of(chart, self.data, stamp) for chart in self.charts}

    def figures(self) -> dict[str, list[Figure]]:
        """Draw the pictures of data, and return all figures by section."""
        from bench.report.charts import data_pictures  # matplotlib, which no chart waits for

        by_section: dict[str, list[Figure]] = {}
        for chart in self.charts:
            by_section.setdefault(chart.section, []).append(_figure(chart))
        analysis = self._analysis
        return by_section | data_pictures.draw(analysis.views, analysis.sweep.datasets, self._files)


def _emptied(files: Path) -> Path:
    """Return a folder without pictures; created if it does not exist."""
    files.mkdir(exist_ok=True, parents=True)
    for path in files.iterdir():
        if path.suffix in (".png", ".svg"):
            path.unlink()
    return files


def _figure(chart: Chart) -> Figure:
    drawn = chart.panels[: figures.MAX_PICTURED]
    return Figure(
        name=chart.name,
        title=chart.title,
        caption=chart.caption,
        description=" ".join(f"{panel.label}: {panel.description}" for panel in drawn),
        drawn_of=drawn_of(len(chart.panels), figures.MAX_PICTURED),
        panels=chart.panels,
    )
