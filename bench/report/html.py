"""index.html: the report as one file that needs no network, with interactive charts.

Vega-Lite draws the charts from specifications and rows; its script comes from vl-convert-python and
is embedded once. The page's security policy allows only the embedded scripts and styles, by their
hashes, and forbids loading anything.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from PIL import Image

from bench import plotting
from bench.report import alternatives, charts, panels
from bench.report.chart_data import FILTERS, ChartData, chart_data
from bench.report.commits import NAME as COMMITS
from bench.report.comparing import Analysis

LONG = 20  # characters of a cell, which then isn't squeezed
MAX_PIXELS, MAX_COLOURS = 1200, 48  # of an embedded picture; it is larger beside the page


def page(
    sections: Mapping[str, Any],
    plots: Mapping[str, str],
    analysis: Analysis,
    folder: Path,
) -> str:
    """Return the content of index.html.

    Args:
        sections: of the report in Markdown, as `bench.report.pages.sections` returns them.
        plots: captions of the pictures, by file name.
        analysis: of the sweep.
        folder: where the pictures are.

    Returns:
        One HTML file that loads nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"), trim_blocks=True, autoescape=True
    )
    markdown = _markdown()
    with ThreadPoolExecutor() as pool:
        bundle = pool.submit(vl_convert.javascript_bundle, "window.vegaEmbed = vegaEmbed;")
        addresses = pool.map(_embedded, (folder / name for name in plots))
        embedded = dict(zip(plots, addresses, strict=True))
        library = bundle.result()
    environment.filters |= {
        "line": lambda text: Markup(markdown.renderInline(text)),  # noqa: S704  # html is off
        "table": lambda text, caption: _table(markdown, text, caption),
        "picture": lambda name: embedded[name],
    }
    data = chart_data(analysis.views, analysis.runs)
    all_charts = charts.charts(plotting.colours(analysis.colours()), data.rates)
    content = {
        "charts": {
            one.name: {
                "specification": one.specification, "table": one.table, "fields": one.fields,
                "needs": one.needs, "keepsUnknown": one.keeps_unknown,
            }
            for one in all_charts
        },
        "filters": list(FILTERS),
        **data.packed(),
    }  # fmt: skip
    placed = {COMMITS, *(one.picture for one in all_charts)}
    texts = alternatives.of_pictures(analysis.views, analysis.sweep.datasets)
    styles = _part("page.css")
    scripts = [library.replace("</script", "<\\/script"), _part("page.js")]
    return environment.get_template("index.html.j2").render(
        sections,
        figures=[(one, _panels(one, data)) for one in all_charts if one.picture in plots],
        n_pictured=panels.MAX_PICTURED,
        notices=data.notices,
        plots=plots,
        pictures=[
            (name, caption, *texts.get(name, ("", "")))
            for name, caption in plots.items()
            if name not in placed
        ],
        commits=COMMITS if COMMITS in plots else None,
        data=Markup(_json(content)),  # noqa: S704  # in it every < is escaped
        styles=Markup(styles),  # noqa: S704  # our own
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # our own, and the library's
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


def _panels(chart: charts.Chart, data: ChartData) -> list[tuple[int, str, str]]:
    """Return number, label and description of each condition that a chart is drawn for."""
    return [(number, label, chart.describe(rows)) for number, label, rows in data.shown(chart)]


def _markdown() -> MarkdownIt:
    """Return what turns the report's Markdown into HTML; it lets no HTML and no link through."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return markdown.disable(["link", "image", "autolink", "html_inline", "html_block"])


def _table(markdown: MarkdownIt, text: str, caption: str) -> Markup:
    """Return a table with a caption; numbers are marked by a class, since styles are forbidden."""
    tokens = markdown.parse(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.attrs.pop("style", None):
            token.attrs["class"] = "number"
        if token.type == "td_open" and following and len(following.content) > LONG:
            token.attrs["class"] = f"{token.attrs.get('class', '')} long".strip()
        if token.type == "th_open":
            token.attrs["scope"] = "col"
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Markup(html.replace("<table>", f"<table><caption>{escape(caption)}</caption>", 1))  # noqa: S704


def _embedded(path: Path) -> str:
    """Return a picture as an address that holds it, in few colours."""
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail((MAX_PIXELS, 4 * MAX_PIXELS))
    buffer = io.BytesIO()
    small.quantize(MAX_COLOURS, Image.Quantize.FASTOCTREE).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _part(name: str) -> str:
    return (resources.files("bench.report") / "templates" / name).read_text(encoding="utf-8")


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
