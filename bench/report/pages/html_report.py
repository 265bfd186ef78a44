"""index.html: the report as one file that needs no network, with interactive charts.

Vega-Lite draws the charts from specifications and rows; its script comes from vl-convert-python.
The page's security policy allows only the embedded scripts and styles, by their hashes, and forbids
loading anything. Without JavaScript, the page shows the files of the charts.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib.metadata
import io
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from PIL import Image

from bench import files
from bench.report.charts.chart import Chart, ChartData
from bench.report.contents.blocks import Cell, Column, Figure, Row
from bench.report.contents.document import Document
from bench.report.frames.swept import FILTERS

MAX_ROWS = 1000  # of a table
MAX_COLOURS = 48  # of an embedded picture; its file has more
# The section with the numbers of each tile.
SECTIONS = {"speed": "speed", "accuracy": "curves", "learning_rate": "rates", "parity": "fair",
            "quiet": "runs", "machine": "speed", "runs": "runs"}  # fmt: skip


def page(
    document: Document,
    data: ChartData,
    charts: Sequence[Chart],
    colours: Mapping[str, str],
    folder: Path,
) -> str:
    """Return the content of index.html.

    Args:
        document: the content.
        data: the rows of the charts.
        charts: the charts.
        colours: the colours of the implementations, by name.
        folder: the folder of the report, with the files of the figures.

    Returns:
        One HTML file that loads nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report.pages"),
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    markdown = MarkdownIt("commonmark", {"html": False})
    markdown.disable(["link", "image", "autolink", "html_inline", "html_block"])
    environment.filters |= {
        "line": lambda text: Markup(markdown.renderInline(text)),  # noqa: S704  # html is off
        "kind": lambda block: type(block).__name__,
        "cells": _cells,
        "embedded": lambda figure: _data_url(figure, folder),
    }
    content = {
        "charts": {
            chart.name: {
                "specification": chart.specification, "table": chart.table,
                "fields": chart.fields, "needs": chart.needs, "keepsUnknown": chart.keeps_unknown,
                "legend": chart.legend,
            }
            for chart in charts
        },
        "filters": list(FILTERS),
        "colours": colours,
        "tables": data.packed(),
    }  # fmt: skip
    styles = _part("page.css")
    scripts = [_vega_embed().replace("</script", "<\\/script"), _part("page.js")]
    return environment.get_template("index.html.j2").render(
        document=document,
        sections={
            question: section.name
            for question, name in SECTIONS.items()
            for section in document.sections
            if section.name == name
        },
        data=Markup(_json(content)),  # noqa: S704  # every < is escaped
        max_rows=MAX_ROWS,
        styles=Markup(styles),  # noqa: S704  # the project's
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # the project's and the library's
        policy="; ".join(
            [
                "default-src 'none'",
                "img-src data:",
                f"style-src {_hash(styles)}",
                "script-src " + " ".join(map(_hash, scripts)),
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
    )


def _cells(row: Row, columns: Sequence[Column]) -> Markup:
    """Return the cells of a table's row; a template takes twice the time."""
    cells = []
    for place, (content, column) in enumerate(zip(row.cells, columns, strict=False)):
        cell = Cell(content) if isinstance(content, str) else content
        tag, start = ("th", "th scope=row") if place == 0 else ("td", "td")
        has = {"number": column.is_number, "extra": column.is_extra, "long": len(cell.text) > 24}
        classes = " ".join(name for name, is_set in has.items() if is_set)
        start += f' class="{classes}"' if classes else ""
        start += f' data-label="{escape(column.heading)}"'
        start += "" if cell.sort is None else f' data-sort="{cell.sort}"'
        words = str(escape(cell.text))
        if cell.level:
            words = f'<span class="badge {cell.level}">{words}</span>'
        elif cell.is_code:
            words = f"<code>{words}</code>"
        if cell.share is not None:
            bar = f'<rect width="{100 * cell.share:.1f}%" height="100%"/>'
            words += f'<svg class="bar" aria-hidden="true">{bar}</svg>'
        cells.append(f"<{start}>{words}</{tag}>")
    return Markup("\n".join(cells))  # noqa: S704  # escaped above


def _data_url(figure: Figure, folder: Path) -> str:
    """Return the file of a figure as a data: URL, with few colours."""
    with Image.open(folder / figure.file) as picture:
        few = picture.convert("RGB").quantize(MAX_COLOURS, Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    few.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


@functools.cache
def _vega_embed() -> str:
    """Return the script of Vega-Embed; it is kept on disk, since bundling it takes a second."""
    path = None
    with contextlib.suppress(OSError, RuntimeError):  # there is no file yet, or no home folder
        version = importlib.metadata.version("vl-convert-python")
        path = files.cache_folder() / f"vega-embed-{version}.js"
        return path.read_text(encoding="utf-8")
    import vl_convert  # only the first report of all waits for it

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    with contextlib.suppress(files.FileError):  # the folder is read-only or full
        if path is not None:
            files.write_atomically(path, script.encode("utf-8"))
    return script


def _part(name: str) -> str:
    return (resources.files("bench.report.pages") / "templates" / name).read_text(encoding="utf-8")


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
