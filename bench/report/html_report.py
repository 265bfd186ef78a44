"""index.html: the report as one file that needs no network, with interactive charts.

Vega-Lite draws the charts from specifications and rows; its script comes from vl-convert-python.
The page's security policy allows only the embedded scripts and styles, by their hashes, and forbids
loading anything.
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
from bench.plotting import Picture
from bench.report import charts
from bench.report.analysis import Analysis
from bench.report.chart_data import FILTERS, MAX_PICTURED, chart_data
from bench.report.drawing import HISTORY_PICTURE as COMMITS

LONG = 20  # a cell with more characters gets a minimum width
MAX_PIXELS, MAX_COLOURS = 1200, 48  # of an embedded picture; its file has more


def page(
    sections: Mapping[str, Any],
    pictures: Mapping[str, Picture],
    analysis: Analysis,
    folder: Path,
) -> str:
    """Return the content of index.html.

    Args:
        sections: the sections in Markdown, from `bench.report.markdown_report.sections`.
        pictures: the pictures by file name.
        analysis: the analysis of the report.
        folder: the folder with the pictures.

    Returns:
        One HTML file that loads nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"), trim_blocks=True, autoescape=True
    )
    markdown = _markdown()
    with ThreadPoolExecutor() as pool:
        bundle = pool.submit(vl_convert.javascript_bundle, "window.vegaEmbed = vegaEmbed;")
        urls = pool.map(_data_url, (folder / name for name in pictures))
        embedded = dict(zip(pictures, urls, strict=True))
        library = bundle.result()
    environment.filters |= {
        "line": lambda text: Markup(markdown.renderInline(text)),  # noqa: S704  # html is off
        "table": lambda text, caption: _table(markdown, text, caption),
        "picture": lambda name: embedded[name],
    }
    data = chart_data(analysis)
    all_charts = charts.charts(plotting.colours(analysis.colours()), data.rates)
    content = {
        "charts": {
            chart.name: {
                "specification": chart.specification, "table": chart.table,
                "fields": chart.fields, "needs": chart.needs, "keepsUnknown": chart.keeps_unknown,
            }
            for chart in all_charts
        },
        "filters": list(FILTERS),
        **data.packed(),
    }  # fmt: skip
    elsewhere = {COMMITS, *(chart.picture for chart in all_charts)}
    styles = _part("page.css")
    scripts = [library.replace("</script", "<\\/script"), _part("page.js")]
    return environment.get_template("index.html.j2").render(
        sections,
        charts=[
            (chart, [(number, label, chart.describe(rows)) for number, label, rows in panels])
            for chart in all_charts
            if chart.picture in pictures and (panels := data.panels(chart))
        ],
        n_pictured=MAX_PICTURED,
        notices=data.notices,
        pictures=pictures,
        data_pictures={name: pictures[name] for name in pictures if name not in elsewhere},
        commits=COMMITS if COMMITS in pictures else None,
        data=Markup(_json(content)),  # noqa: S704  # every < is escaped
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


def _markdown() -> MarkdownIt:
    """Return a converter from the report's Markdown to HTML that escapes HTML and ignores links."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return markdown.disable(["link", "image", "autolink", "html_inline", "html_block"])


def _table(markdown: MarkdownIt, text: str, caption: str) -> Markup:
    """Return a table with a caption; a class marks numbers, since the policy forbids styles."""
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


def _data_url(path: Path) -> str:
    """Return the picture as a data: URL, with few colours."""
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
