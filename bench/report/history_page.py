"""history.html: the speed of training over commits, as one static page for a project's site."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from bench import files
from bench.results import changes, history
from bench.results.history import STEP, Entry, SeriesKey

PAGE_NAME = "history.html"
WIDTH, HEIGHT = 720, 220  # of a chart, in pixels
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 12, 28  # margins of a chart, in pixels


@dataclass(frozen=True, kw_only=True)
class Point:
    """An entry in a chart; coordinates are in pixels."""

    entry: Entry
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The chart of one series.

    Attributes:
        title: the case and the metric.
        subtitle: the settings, the processor and the reference.
        points: one for each commit.
        ticks: labels of the vertical axis, and their places in pixels.
        levels: between two changes: start, end and height in pixels.
        marks: places of the changes, in pixels.
        sentences: the changes in words, then what was accepted.
    """

    title: str
    subtitle: str
    points: list[Point]
    ticks: list[tuple[str, float]]
    levels: list[tuple[float, float, float]]
    marks: list[float]
    sentences: list[str]


def write(entries: Sequence[Entry], folder: Path) -> Path:
    """Write the page; return its path.

    Args:
        entries: of a history, in order.
        folder: where to write; created if it does not exist.

    Raises:
        FileError: the page can't be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"), trim_blocks=True, autoescape=True
    )
    charts = [_chart(key, points) for key, points in history.series(entries).items()]
    page = environment.get_template("history.html.j2").render(
        charts=charts, width=WIDTH, height=HEIGHT, left=LEFT, right=WIDTH - RIGHT
    )
    path = folder / PAGE_NAME
    files.write_atomically(path, page.encode())
    return path


def _chart(key: SeriesKey, entries: Sequence[Entry]) -> Chart:
    steps = changes.changes(entries)
    bounds = [0, *(step.place for step in steps), len(entries)]
    axis = _Axis([entry.low for entry in entries], [entry.high for entry in entries])
    ratios = np.array([entry.ratio for entry in entries])
    spacing = (WIDTH - LEFT - RIGHT) / len(entries)

    def x(place: float) -> float:
        return round(LEFT + spacing * (place + 0.5), 1)

    sentences = [changes.describe(entries[step.place], step) for step in steps]
    sentences += [
        f"accepted with {entry.commit[:7]} ({entry.subject}): {entry.accepted}"
        for entry in entries
        if entry.accepted is not None
    ]
    if (other := history.not_accepted(entries)) is not None:
        sentences.append(f"learns something else from {other.commit[:7]} ({other.subject}) on")
    return Chart(
        title=f"{key.case}, {'time of a step' if key.metric == STEP else key.metric}",
        subtitle=f"{key.settings_words}; {key.cpu_model}; 1 is commit {key.reference[:7]}",
        points=[
            Point(
                entry=entry,
                x=x(place),
                y=axis.y(entry.ratio),
                low=axis.y(entry.low),
                high=axis.y(entry.high),
            )
            for place, entry in enumerate(entries)
        ],
        ticks=axis.ticks(),
        levels=[
            (x(start - 0.4), x(end - 0.6), axis.y(np.exp(np.log(ratios[start:end]).mean())))
            for start, end in itertools.pairwise(bounds)
        ],
        marks=[x(step.place - 0.5) for step in steps],
        sentences=sentences or [f"no change in {len(entries)} commits"],
    )


class _Axis:
    """The vertical axis of a chart: ratios to pixels."""

    def __init__(self, lows: Sequence[float], highs: Sequence[float]) -> None:
        """Choose the range: all intervals, and at least 2 %, so that noise does not look large."""
        middle = (min(lows) + max(highs)) / 2
        half = max(max(highs) - min(lows), 0.02 * middle) * 0.55
        self.low, self.high = middle - half, middle + half

    def y(self, ratio: float) -> float:
        """Return the place of a ratio in pixels from the top."""
        share = (ratio - self.low) / (self.high - self.low)
        return round(float(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)), 1)

    def ticks(self) -> list[tuple[str, float]]:
        """Return labels and their places in pixels."""
        from matplotlib.ticker import MaxNLocator

        values = MaxNLocator(4).tick_values(self.low, self.high)
        return [(f"{v:.4g}", self.y(v)) for v in values if self.low <= v <= self.high]
