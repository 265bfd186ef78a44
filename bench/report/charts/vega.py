"""Vega-Lite specifications of the charts, without data and without size.

The page and the PNG and SVG files use the same specification. A specification draws one panel: the
rows of one condition. Marks have `fillOpacity` or `strokeOpacity`: with `opacity`, vl-convert takes
ten times as long.

Source: https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.records import PARITY_POINTS, SECONDS_PARTS

Spec = dict[str, Any]

GREY, BLUE = "#888888", "#4c78a8"
HEIGHT, ROW_HEIGHT = 220, 30  # pixels of a panel; of one row of a panel with names
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
# Readable on white and on black.
RATE_COLOURS = ("#2a0593", "#6a00a8", "#9c179e", "#c33d80", "#e16462", "#f2844b", "#fba238")
PART_COLOURS = dict(
    zip(
        (part.replace("_", " ") for part in SECONDS_PARTS),
        ("#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#eeca3b", "#b279a2", "#ff9da6",
         "#9d755d", "#bab0ac"),
        strict=False,
    )
)  # fmt: skip
MAX_TICKS = 10  # on an axis of epochs
WIDE_RANGE = 5.0  # numbers that differ by this factor are drawn on a logarithmic axis


class Vega:
    """The specifications of one report's charts; an implementation looks the same in all."""

    def __init__(self, colours: Mapping[str, str]) -> None:
        """Assign colours and shapes.

        Args:
            colours: the colours of the implementations, by name.
        """
        name: Spec = {"field": "implementation", "type": "nominal"}
        shapes = [SHAPES[place % len(SHAPES)] for place in range(len(colours))]
        self.colour = name | {"scale": {"domain": [*colours], "range": [*colours.values()]}}
        self.shape = name | {"scale": {"domain": [*colours], "range": shapes}}
        self.looks = {"color": self.colour, "shape": self.shape}
        self.colours = colours
        # For charts that name the implementations.
        self.own_colour = self.colour | {"legend": None}
        self.own_looks = {"color": self.own_colour, "shape": self.shape | {"legend": None}}

    def names(self, by: str | None = None, order: str = "descending") -> Spec:
        """Return an axis of implementations, sorted by a column or by name."""
        sort = {"field": by, "op": "max", "order": order} if by else None
        axis = {"labelLimit": 140, "ticks": False, "domain": False}
        return {"field": "implementation", "title": None, "axis": axis} | (
            {"sort": sort} if sort else {}
        )

    def tradeoff(self, accuracy: str, *, log: bool, named: bool) -> Spec:
        """Draw accuracy over speed, with intervals and the Pareto front; name the points."""
        x = number("examples_per_second", "examples per second", log=log, format="~s")
        y = number("accuracy", words(accuracy))
        front = {
            "transform": [{"filter": "datum.pareto"}],
            "mark": {"type": "line", "interpolate": "step-before", "strokeDash": [4, 3]},
            "encoding": {"x": x, "y": y, "color": {"value": GREY}},
        }
        looks = self.own_looks if named else self.looks
        colour = {"color": looks["color"]}
        speeds = {"x": x | {"field": "speed_low"}, "x2": {"field": "speed_high"}, "y": y} | colour
        accuracies = {
            "x": x, "y": y | {"field": "accuracy_low"}, "y2": {"field": "accuracy_high"}
        } | colour  # fmt: skip
        points = {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {"x": x, "y": y, **looks, "tooltip": tooltip(
                "implementation", "learning_rate", "examples_per_second", "accuracy", "seeds")},
        }  # fmt: skip
        names = {
            "mark": {"type": "text", "dy": -12},
            "encoding": {"x": x, "y": y, "text": {"field": "implementation"}},
        }
        rules = [{"mark": {"type": "rule", "strokeOpacity": 0.7}, "encoding": one}
                 for one in (speeds, accuracies)]  # fmt: skip
        return {"height": HEIGHT, "layer": [front, *rules, points, *([names] if named else [])]}

    def ratios(self, n_rows: int, *, log: bool) -> Spec:
        """Draw a forest plot: how many times slower than the fastest, with intervals."""
        x = number("times_slower", "times slower than the fastest", log=log, zero=False)
        y = self.names("times_slower", "ascending")
        bar = {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"},
                         "color": self.own_colour},
        }  # fmt: skip
        points = {
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
            "encoding": {"y": y, "x": x, **self.own_looks,
                         "tooltip": tooltip("implementation", "times_slower", "low", "high")},
        }  # fmt: skip
        words = {  # above the interval, at the right end of the row
            "mark": {"type": "text", "dy": -11, "align": "right"},
            "encoding": {"y": y, "x": {"value": "width"}, "text": {"field": "words"}},
        }
        one = {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]},
               "encoding": {"x": {"datum": 1}}}  # fmt: skip
        return {"height": 4 + ROW_HEIGHT * n_rows, "layer": [one, bar, points, words]}

    def speeds(self, n_rows: int, *, log: bool) -> Spec:
        """Draw the speed of every run, and that of the comparison."""
        y = self.names("examples_per_second")
        x = number("examples_per_second", "examples per second", log=log, format="~s", zero=not log)
        points = {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "fillOpacity": 0.6},
            "encoding": {"y": y, "x": x, **self.own_looks, "tooltip": tooltip(
                "run_id", "examples_per_second", "flops_utilisation")},
        }  # fmt: skip
        compared = {
            "mark": {"type": "tick", "thickness": 2, "size": 20, "color": GREY},
            "encoding": {"y": y, "x": x | {"field": "compared_speed", "aggregate": "max"}},
        }
        return {"height": 4 + ROW_HEIGHT * n_rows, "layer": [points, compared]}

    def over(self, key: str, field: str, title: str, *, numeric: bool, log: bool) -> Spec:
        """Draw a result over a setting, one line per implementation."""
        x: Spec = {"field": "value", "type": "ordinal", "title": key.replace("_", " ")}
        x |= {"sort": {"field": "order"}, "axis": {"labelAngle": 0}}
        if numeric:
            x |= {"type": "quantitative", "scale": {"type": "log", "base": 2, "padding": 12}}
            x |= {"axis": {"grid": False}}
        y = number(field, title, log=log, format="~s" if log else "~g")
        shown = tooltip("implementation", "value", field, "learning_rate")
        return {
            "height": HEIGHT,
            "mark": {"type": "line", "point": {"size": 60, "filled": True}, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y, **self.looks, "tooltip": shown},
        }

    def race(self, field: str, *, log: bool, log_x: bool) -> Spec:
        """Draw a result over seconds of training, one line per run."""
        x = number("train_seconds_so_far", "seconds of training", log=log_x)
        y = number(field, words(field), log=log)
        return {
            "height": HEIGHT,
            "params": [ZOOM],
            "mark": {"type": "line", "point": {"size": 24}, "strokeWidth": 1.5,
                     "strokeOpacity": 0.85},
            "encoding": {"x": x, "y": y, "color": self.colour, "detail": {"field": "run_id"},
                         "tooltip": tooltip("run_id", "epoch", "train_seconds_so_far", field)},
        }  # fmt: skip

    def differences(self, n_epochs: int) -> Spec:
        """Draw differences from the reference by epoch, with the range over pairs of runs."""
        x, y = epochs(n_epochs), number("difference", "percentage points", format="+~g")
        y["axis"]["labelExpr"] = "datum.value == 0 ? '0' : datum.label"
        colour = {"color": self.colour}
        bounds = {"y": {"datum": -PARITY_POINTS}, "y2": {"datum": PARITY_POINTS}}
        one_row: Spec = {"values": [{}]}
        limits = {
            "data": one_row,
            "mark": {"type": "rect", "color": GREY, "fillOpacity": 0.15},
            "encoding": bounds,
        }
        zero = {
            "data": one_row,
            "mark": {"type": "rule", "color": GREY},
            "encoding": {"y": {"datum": 0}},
        }
        lowest = y | {"field": "lowest", "aggregate": "min"}
        highest = {"field": "highest", "aggregate": "max"}
        band = {
            "mark": {"type": "area", "fillOpacity": 0.2},
            "encoding": {"x": x, "y": lowest, "y2": highest, **colour},
        }
        line = {
            "mark": {"type": "line", "point": {"size": 30}, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y | {"aggregate": "mean"}, **colour},
        }
        return {"height": HEIGHT, "layer": [limits, zero, band, line]}

    def by_epoch(
        self, field: str, n_epochs: int, colours: Mapping[float, str], *, log: bool
    ) -> Spec:
        """Draw a result by epoch: one line per learning rate, with the range over its runs."""
        x, y = epochs(n_epochs), number(field, words(field), log=log)
        scale = {"domain": [*colours], "range": [*colours.values()]}
        colour = {"color": {"field": "learning_rate", "type": "ordinal", "scale": scale,
                            "title": "learning rate"}}  # fmt: skip
        band = {"mark": {"type": "area", "fillOpacity": 0.25},
                "encoding": {"x": x, "y": y | {"aggregate": "min"},
                             "y2": {"field": field, "aggregate": "max"}, **colour}}  # fmt: skip
        line = {"mark": {"type": "line", "point": {"size": 30}, "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y | {"aggregate": "mean"}, **colour}}  # fmt: skip
        return {"height": HEIGHT, "layer": [band, line]}

    def rates(self, accuracy: str, rates: Sequence[float]) -> Spec:
        """Draw accuracy by learning rate, one line per implementation; and how runs ended."""
        x = number("learning_rate", "learning rate", log=True)
        x["axis"] = {"values": list(rates), "labelOverlap": True, "grid": False}
        known = {"filter": "isValid(datum.accuracy)"}
        lines = {
            "transform": [known],
            "mark": {"type": "line", "point": {"size": 55, "filled": True}, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": number("accuracy", words(accuracy)),
                         **self.looks, "tooltip": RATE_TOOLTIP},
        }  # fmt: skip
        return {"height": HEIGHT, "layer": [lines, _crosses({"x": x, "color": self.colour})]}

    def rate_bars(self, accuracy: str) -> Spec:
        """Draw accuracy by learning rate as bars, for a single implementation."""
        x = {"field": "learning_rate", "type": "ordinal", "title": "learning rate",
             "axis": {"labelAngle": 0}}  # fmt: skip
        y = number("accuracy", words(accuracy), format="~g", zero=True)
        bars = {
            "mark": {"type": "bar", "width": {"band": 0.6}},
            "encoding": {"x": x, "y": y, "color": self.colour, "tooltip": RATE_TOOLTIP},
        }
        values = {
            "mark": {"type": "text", "dy": -7},
            "encoding": {"x": x, "y": y, "text": {"field": "accuracy", "format": ".4f"}},
        }
        return {"height": HEIGHT, "layer": [bars, values, _crosses({"x": x})]}

    def time_by_part(self, n_rows: int) -> Spec:
        """Draw the mean seconds of a run, by activity."""
        y = self.names()
        x = number("seconds", "seconds of a run, mean", zero=True) | {"aggregate": "sum"}
        scale = {"domain": [*PART_COLOURS], "range": [*PART_COLOURS.values()]}
        bars = {
            "mark": "bar",
            "encoding": {
                "y": y, "x": x, "order": {"field": "order"},
                "color": {"field": "part", "scale": scale, "title": None},
                "tooltip": tooltip("implementation", "part", "seconds"),
            },
        }  # fmt: skip
        sums = {
            "mark": {"type": "text", "align": "left", "dx": 4},
            "encoding": {"y": y, "x": x,
                         "text": {"aggregate": "sum", "field": "seconds", "format": ".1f"}},
        }  # fmt: skip
        # The mean over the learning rates shown, weighted by their number of runs.
        sum_of = [{"op": "sum", "field": name, "as": name} for name in ("seconds", "runs")]
        mean = [
            {"calculate": "datum.seconds * datum.runs", "as": "seconds"},
            {"aggregate": sum_of, "groupby": ["implementation", "part", "order"]},
            {"calculate": "datum.seconds / datum.runs", "as": "seconds"},
        ]
        return {"height": 4 + ROW_HEIGHT * n_rows, "transform": mean, "layer": [bars, sums]}

    def memory(self, n_rows: int) -> Spec:
        """Draw the largest memory of each implementation's runs."""
        y, field = self.names(), "peak_memory_megabytes"
        x = number(field, "peak memory (MB)", zero=True) | {"aggregate": "max"}
        bars = {"mark": "bar", "encoding": {"y": y, "x": x, "color": self.own_colour}}
        values = {
            "mark": {"type": "text", "align": "left", "dx": 4},
            "encoding": {
                "y": y,
                "x": x,
                "text": {"aggregate": "max", "field": field, "format": ",.0f"},
            },
        }
        return {"height": 4 + ROW_HEIGHT * n_rows, "layer": [bars, values]}


def history() -> Spec:
    """Draw the time of a step over commits, relative to a reference, with the changes marked."""
    x = {"field": "commit", "type": "ordinal", "sort": {"field": "place"}, "title": None,
         "axis": {"labelAngle": -60, "labelOverlap": True}}  # fmt: skip
    y = number("ratio", "time over reference")
    interval = {
        "mark": "rule",
        "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
    }
    # A commit that learns something else is an empty diamond.
    shape = {"condition": {"test": "datum.learns !== 'as before'", "value": "diamond"},
             "value": "circle"}  # fmt: skip
    points = {
        "mark": {"type": "point", "size": 50, "opacity": 1},
        "encoding": {
            "x": x, "y": y, "shape": shape,
            "fill": {"condition": {"test": "datum.learns !== 'as before'", "value": "transparent"},
                     "value": BLUE},
            "tooltip": tooltip("commit", "subject", "ratio", "low", "high", "learns"),
        },
    }  # fmt: skip
    level = {
        "mark": {"type": "line", "interpolate": "step", "color": GREY, "strokeWidth": 2},
        "encoding": {"x": x, "y": y | {"field": "level"}},
    }
    change = {
        "mark": {"type": "text", "dy": -10, "fontWeight": "bold", "color": "#D55E00"},
        "encoding": {"x": x, "y": y | {"field": "high"}, "text": {"field": "size"}},
    }
    return {"height": HEIGHT, "layer": [level, interval, points, change]}


ZOOM: Spec = {
    "name": "zoom",
    "select": {"type": "interval", "zoom": "wheel![event.ctrlKey || event.metaKey]"},
    "bind": "scales",
}


def number(
    field: str, title: str, *, log: bool = False, zero: bool = False, format: str = ""
) -> Spec:
    """Return an axis of numbers that starts where the data does, or at zero."""
    scale: Spec = {"type": "log"} if log else {"zero": zero}
    if not zero:
        scale |= {"padding": 12, "nice": False}
    axis: Spec = {"tickCount": 6, "grid": not log, "labelOverlap": "greedy", "labelSeparation": 6}
    axis |= {"format": format} if format else {}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def epochs(n_epochs: int) -> Spec:
    """Return an axis of epochs, with ticks at whole numbers only."""
    step = -(-max(n_epochs, 1) // MAX_TICKS)
    axis = {"values": list(range(0, n_epochs + 1, step)), "format": "d", "grid": False}
    return number("epoch", "epoch") | {"axis": axis}


def words(field: str) -> str:
    """Return the name of a column in words."""
    return field.replace("_", " ").replace("train ", "training ")


def tooltip(*fields: str) -> list[Spec]:
    """Return what is shown on hovering."""
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]


RATE_TOOLTIP = tooltip("implementation", "learning_rate", "accuracy", "ended", "runs")


def _crosses(shared: Spec) -> Spec:
    """Draw a cross and the status of the runs where there is no accuracy."""
    # Not a filter: Vega warns if a filter leaves nothing.
    cross = "isValid(datum.accuracy) ? '' : '\u00d7 ' + datum.ended"
    mark = {"type": "text", "angle": 270, "align": "left", "baseline": "middle", "dx": 4,
            "fontSize": 12, "fontWeight": "bold"}  # fmt: skip
    return {
        "transform": [{"calculate": cross, "as": "cross"}],
        "mark": mark,
        "encoding": {**shared, "y": {"value": HEIGHT}, "text": {"field": "cross"},
                     "tooltip": RATE_TOOLTIP},
    }  # fmt: skip


def rate_colours(rates: Sequence[float]) -> dict[float, str]:
    """Return a colour for each learning rate, from dark to light."""
    stops = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in RATE_COLOURS]
    found = {}
    for place, rate in enumerate(rates):
        position = (len(stops) - 1) * place / max(len(rates) - 1, 1)
        low = min(int(position), len(stops) - 2)
        share = position - low
        mixed = (round(a + share * (b - a)) for a, b in zip(*stops[low : low + 2], strict=True))
        found[rate] = "#" + "".join(f"{part:02x}" for part in mixed)
    return found


def is_wide(values: Any) -> bool:
    """Return whether positive numbers differ so much that they need a logarithmic axis."""
    positive = values[values > 0]
    return len(positive) > 0 and bool(positive.max() >= WIDE_RANGE * positive.min())
