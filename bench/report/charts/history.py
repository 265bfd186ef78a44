"""The speed of training over commits, for a chart of the report or as a page of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import files
from bench.report.charts.chart import Chart
from bench.report.charts.vega import history
from bench.report.contents.blocks import HISTORY
from bench.report.frames import dataframes
from bench.results.changes import changes, describe
from bench.results.history import STEP, Entry, not_accepted, series

PAGE_NAME = "history.html"
COLUMNS = (
    "condition", "place", "case", "commit", "subject", "ratio", "low", "high", "level", "change",
    "size", "learns",
)  # fmt: skip


def history_rows(entries: Sequence[Entry]) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per commit and case, with the level between changes; and the cases.

    Args:
        entries: of a history, in order.
    """
    rows: list[tuple[Any, ...]] = []
    labels = []
    by_case = series(entries)
    n_references = len({key.reference for key in by_case})
    names = [name for name, _ in {(key.case, key.identity) for key in by_case}]
    for number, (key, points) in enumerate(by_case.items()):
        metric = "" if key.metric == STEP else key.metric
        over = f"over {key.reference[:7]}" if n_references > 1 else ""
        settings = key.settings_words if names.count(key.case) > 1 else ""
        parts = (key.case, metric, settings, key.cpu_model, over)
        labels.append(", ".join(filter(None, parts)))
        steps = {change.place: change for change in changes(points)}
        for start, end in itertools.pairwise([0, *steps, len(points)]):
            level = math.exp(float(np.mean([math.log(entry.ratio) for entry in points[start:end]])))
            for place, entry in enumerate(points[start:end], start):
                step = steps.get(place)
                rows.append((
                    number, place, labels[-1], entry.commit[:7], entry.subject, entry.ratio,
                    entry.low, entry.high, level, describe(entry, step) if step else "",
                    f"{step.ratio - 1:+.0%}" if step else "",
                    "something else" if entry.learns_something_else else "as before",
                ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)), labels


def history_chart(table: pd.DataFrame) -> Chart:
    """Return the chart of speed over commits.

    Args:
        table: as `history_rows` returns it.
    """
    changed = table[table["change"] != ""]
    learns_else = (table["learns"] != "as before").any()
    changes = [f"{row.case}: {row.change}" for row in dataframes.rows(changed)]
    return Chart(
        name=HISTORY,
        section="speed",
        title="Training time over commits",
        caption="Time of a training step over the time at a reference commit, measured side by "
        "side; bars are 95 % intervals, lower is faster. A line is the level between changes"
        f"{'; an empty diamond learns something else' if learns_else else ''}. "
        f"{'; '.join(changes) or 'No change was detected'}.",
        table="history",
        fields=("case", "commit", "subject", "ratio", "low", "high", "change"),
        needs={"ratio": 0},
        value="ratio",
        specification=history(),
    )


def write_page(entries: Sequence[Entry], folder: Path) -> Path:
    """Write the speed over commits as one static page; return its path.

    Args:
        entries: of a history, in order.
        folder: where to write; created if it does not exist.

    Raises:
        FileError: the page can't be written.
    """
    import jinja2
    from markupsafe import Markup

    from bench.report.charts import figures

    rows, _ = history_rows(entries)
    charts = [
        {
            "title": f"{key.case}, {'time of a step' if key.metric == STEP else key.metric}",
            "subtitle": f"{key.settings_words}; {key.cpu_model}; 1 is commit {key.reference[:7]}",
            "sentences": _sentences(points),
            "entries": points,
            "svg": Markup(figures.svg_of(history(), rows[rows["condition"] == number])),  # noqa: S704
        }
        for number, (key, points) in enumerate(series(entries).items())
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report.pages"), trim_blocks=True, autoescape=True
    )
    path = folder / PAGE_NAME
    page = environment.get_template("history.html.j2").render(charts=charts)
    files.write_atomically(path, page.encode())
    return path


def _sentences(entries: Sequence[Entry]) -> list[str]:
    """Return the changes of one series in words, then what was accepted."""
    sentences = [describe(entries[step.place], step) for step in changes(entries)]
    sentences += [
        f"accepted with {entry.commit[:7]} ({entry.subject}): {entry.accepted}"
        for entry in entries
        if entry.accepted is not None
    ]
    if (other := not_accepted(entries)) is not None:
        sentences.append(f"learns something else from {other.commit[:7]} ({other.subject}) on")
    return sentences or [f"no change in {len(entries)} commits"]
