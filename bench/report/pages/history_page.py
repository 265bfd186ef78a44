"""history.html: the speed of training over commits as one static page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from bench import files
from bench.report.charts.figures import panel_of
from bench.report.charts.history import history_rows, specification
from bench.report.charts.rendering import svg
from bench.results.changes import changes, describe
from bench.results.history import STEP, Entry, not_accepted, series

PAGE_NAME = "history.html"


def write_page(entries: Sequence[Entry], folder: Path) -> Path:
    """Write the speed over commits as one static page; return its path.

    Args:
        entries: of a history, in order.
        folder: where to write; created if it does not exist.

    Raises:
        FileError: the page can't be written.
    """
    rows, _ = history_rows(entries)
    charts = [
        {
            "title": f"{key.case}, {'time of a step' if key.metric == STEP else key.metric}",
            "subtitle": f"{key.settings_words}; {key.cpu_model}; 1 is commit {key.reference[:7]}",
            "sentences": _sentences(points),
            "entries": points,
            "svg": Markup(svg(panel_of(specification(), rows[rows["condition"] == number]))),  # noqa: S704
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
