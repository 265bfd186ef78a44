"""Draw Vega-Lite specifications with vl-convert, in a process of its own.

vl-convert blocks all threads of the process that it draws in, so a report starts

    python -P -m bench.report.charts.rendering FOLDER

and writes one line per chart to its standard input: name, tab, and the specification as JSON. The
process draws each chart as FOLDER/NAME.svg and FOLDER/NAME.png.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import vl_convert

from bench.files import FileError, write_atomically

PIXELS_PER_POINT = 1.2
CONFIG = {
    # vl-convert contains Liberation Sans, and measures text in other fonts three times as slowly.
    "font": "Liberation Sans, Arial, sans-serif",
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 240, "orient": "bottom",
               "columns": 4},
    "title": {"anchor": "start", "fontSize": 13},
    "view": {"stroke": None},
}  # fmt: skip
NOTHING = '{"data": {"values": []}, "mark": "point"}'
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(specification: str) -> str:
    """Return a drawing; characters that XML forbids are escaped.

    Args:
        specification: Vega-Lite, as JSON.
    """
    drawn = vl_convert.vegalite_to_svg(specification, config=CONFIG, allowed_base_urls=[])
    return NOT_XML.sub(lambda match: ascii(match[0])[1:-1], drawn)


def main() -> str | None:
    """Draw the charts of standard input; return the error if a file can't be written."""
    svg(NOTHING)  # starts vl-convert, which takes half a second, while the report is computed
    for line in sys.stdin.read().splitlines():
        name, _, specification = line.partition("\t")
        path, drawn = Path(sys.argv[1]) / f"{name}.svg", svg(specification)
        try:
            write_atomically(path, drawn.encode("utf-8"))
            png = vl_convert.svg_to_png(drawn, scale=PIXELS_PER_POINT)
            write_atomically(path.with_suffix(".png"), png)
        except FileError as error:
            return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
