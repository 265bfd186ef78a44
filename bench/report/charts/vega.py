"""What the specifications of the charts share: axes, and the looks of implementations.

The page and the PNG and SVG files use the same Vega-Lite specification, without data and without
size. A specification draws one panel: the rows of one condition. Marks have `fillOpacity` or
`strokeOpacity`: with `opacity`, vl-convert takes ten times as long.

Source: https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Spec = dict[str, Any]

GREY, BLUE = "#888888", "#4c78a8"
HEIGHT, ROW_HEIGHT = 220, 30  # pixels of a panel; of one row of a panel with names
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
# Labels at 1, 2, 3, 5, 10, 20, ...; Vega alone may label none above 7, or all up to 9 but not 10.
LOG_LABEL = (
    "indexof([1, 2, 3, 5], round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))) < 0"
    " ? '' : format(datum.value, 'FORMAT')"
)
WIDE_RANGE = 5.0  # numbers that differ by this factor are drawn on a logarithmic axis


class Looks:
    """The colours and shapes of the implementations, the same in all charts of a report."""

    def __init__(self, colours: Mapping[str, str]) -> None:
        """Assign shapes.

        Args:
            colours: the colours of the implementations, by name.
        """
        name: Spec = {"field": "implementation", "type": "nominal"}
        shapes = [SHAPES[place % len(SHAPES)] for place in range(len(colours))]
        shape = name | {"scale": {"domain": [*colours], "range": shapes}}
        self.colours = colours
        # An axis of implementations, in the order of the colours.
        axis = {"labelLimit": 140, "ticks": False, "domain": False, "grid": False}
        self.names: Spec = {"field": "implementation", "title": None, "axis": axis}
        self.names |= {"sort": [*colours]}
        self.colour = name | {"scale": {"domain": [*colours], "range": [*colours.values()]}}
        self.both = {"color": self.colour, "shape": shape}
        # For charts that name the implementations.
        self.own_colour = self.colour | {"legend": None}
        self.own = {"color": self.own_colour, "shape": shape | {"legend": None}}


def number(
    field: str, title: str, *, log: bool = False, zero: bool = False, format: str = ""
) -> Spec:
    """Return an axis of numbers that starts where the data does, or at zero."""
    scale: Spec = {"type": "log"} if log else {"zero": zero}
    if not zero:
        scale |= {"padding": 12, "nice": False}
    axis: Spec = {"tickCount": 6, "grid": not log, "labelOverlap": "greedy", "labelSeparation": 6}
    axis |= {"format": format} if format else {}
    if log:
        title += " (log scale)"
        axis["labelExpr"] = LOG_LABEL.replace("FORMAT", format or "~g")
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def words(field: str) -> str:
    """Return the name of a column in words."""
    return field.replace("_", " ").replace("train ", "training ")


def tooltip(*fields: str) -> list[Spec]:
    """Return what is shown on hovering."""
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]


def is_wide(values: Any) -> bool:
    """Return whether positive numbers differ so much that they need a logarithmic axis."""
    positive = values[values > 0]
    return len(positive) > 0 and bool(positive.max() >= WIDE_RANGE * positive.min())
