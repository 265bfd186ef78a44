"""The report of a comparison: a table and remarks, and a picture of the ratios."""

from __future__ import annotations

import itertools
import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import files, terminal
from bench.machine import facts
from bench.markdown import table, text
from bench.statistics import Estimate

MAX_LINEAR_RANGE = 2  # of ratios in the picture; above, its axis is logarithmic


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A table and remarks.

    Attributes:
        title: the line above the table.
        caption: what its numbers mean.
        words: headings of the first columns, which contain text.
        numbers: headings of the other columns.
        rows: all cells as text; rows with the same first cell belong together.
        remarks: lines below the table.
        heading: the first lines of report.md, in Markdown.
    """

    title: str
    caption: str
    words: Sequence[str]
    numbers: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str]
    heading: str

    def show(self) -> None:
        """Print the table and the remarks."""
        shown = terminal.new_table(self.title, self.caption, self.words, self.numbers)
        for name, rows in itertools.groupby(self.rows, key=lambda row: row[0]):
            for number, row in enumerate(rows):
                shown.add_row("" if number else name, *row[1:])
            shown.add_section()
        terminal.console().print(shown)
        for remark in self.remarks:
            print(remark)

    def markdown(self) -> str:
        """Return the report as a comment for a pull request."""
        parts = [
            self.heading,
            table([*self.words, *self.numbers], [[*map(text, row)] for row in self.rows]),
            self.caption,
            "\n".join(f"- {text(remark)}" for remark in self.remarks),
        ]
        return "\n\n".join(filter(None, parts)) + "\n"

    def write(self, folder: Path, name: str, content: Mapping[str, object]) -> None:
        """Write report.md, and the measurements as JSON.

        Args:
            folder: exists.
            name: of the file of measurements.
            content: the measurements.
        """
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        about = {"made_at": made_at, "environment": facts.describe([])}
        files.write_json(folder / name, {**about, **content})
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")


def check_writable(folder: Path | None) -> None:
    """Create a folder, if one is given, and check that files can be written to it.

    Raises:
        OSError: it can't be created or written to.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A ratio: its interval, if there are enough values, and the logarithm of each single ratio."""

    label: str
    estimate: Estimate | None
    values: Sequence[float]  # at least one
    is_slower: bool = False


def draw(rows: Sequence[Row], path: Path, title: str, label: str) -> None:
    """Draw a forest plot; nothing without a row.

    Args:
        rows: the ratios, from top to bottom.
        path: file of the picture.
        title: the line above it.
        label: of the horizontal axis.
    """
    from matplotlib.ticker import LogLocator

    from bench import plotting

    if not rows:
        return
    with plotting.figure(path, title, figsize=(9, 1.4 + 0.24 * len(rows))) as (_, axes):
        panel: Any = axes[0, 0]
        for place, row in enumerate(rows):
            panel.plot(
                [math.exp(value) for value in row.values],
                [place] * len(row.values),
                "|",
                color="#999999",
                markersize=8,
            )
            if row.estimate is not None:
                ratio = row.estimate.ratio
                panel.errorbar(
                    ratio,
                    place,
                    xerr=[[ratio - row.estimate.low], [row.estimate.high - ratio]],
                    fmt="s",
                    markersize=4,
                    color="#D55E00" if row.is_slower else "#0072B2",
                    capsize=3,
                )
        panel.axvline(1, color="black", linewidth=1)
        ratios = [math.exp(statistics.median(row.values)) for row in rows]
        if max(*ratios, 1) / min(*ratios, 1) > MAX_LINEAR_RANGE:
            panel.set_xscale("log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter("")
        panel.set_ylim(-0.6, len(rows) - 0.4)
        panel.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8)
        panel.invert_yaxis()
        panel.set_xlabel(label)
