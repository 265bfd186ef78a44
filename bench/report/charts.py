"""The charts of a page that answer to the reader: Vega-Lite specifications.

A specification holds no data. The page gives each chart the rows of one table under one condition,
less what the reader has filtered out.

Source: https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.report import style, tables

GREY = "#888888"
SHADES = ["#eef4fa", "#79b0e0"]  # black is read on all of them


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the page, drawn once for every condition."""

    name: str
    title: str
    caption: str
    table: str  # whose rows it is given
    picture: str  # the file that stands in for it where there is no JavaScript
    specification: dict[str, Any]


def charts(looks: Mapping[str, style.Look]) -> list[Chart]:
    """Return the charts in the order of the page."""
    make = _Specifications(looks)
    epoch, loss = "epoch (0: before training)", "validation loss"
    seconds, accuracy = "seconds of training", "validation accuracy"
    so_far = "train_seconds_so_far"
    click = " Click a name in the legend to show it alone, with shift to add others."
    drag = click + " Scroll or drag to zoom, double-click to go back."
    return [
        Chart("speed", "Training speed", "A point is a run, the grey mark the median." + click,
              "runs", "throughput.png", make.speed()),
        Chart("loss", "Loss by epoch", "Validation loss, logarithmic." + drag, "curves",
              "loss_curves.png", make.curve("epoch", epoch, "validation_loss", loss, log=True)),
        Chart("training_loss", "Training loss by epoch",
              "Mean over an epoch's batches, each before its update; logarithmic." + drag, "curves",
              "", make.curve("epoch", epoch, "train_loss", "training loss", log=True)),
        Chart("loss_by_second", "Loss by second", "Validation loss against the seconds trained so "
              "far, warm-up and evaluation not counted." + drag, "curves", "",
              make.curve(so_far, seconds, "validation_loss", loss, log=True)),
        Chart("accuracy", "Accuracy by epoch", "Validation accuracy." + drag, "curves", "",
              make.curve("epoch", epoch, "validation_accuracy", accuracy)),
        Chart("accuracy_by_second", "Accuracy by second", "Up and to the left is better." + drag,
              "curves", "accuracy_by_seconds.png",
              make.curve(so_far, seconds, "validation_accuracy", accuracy)),
        Chart("frontier", "Accuracy against training time", "A point is a run, at any learning "
              "rate; no run is both faster and more accurate than one on the grey Pareto front."
              + drag, "runs", "accuracy_against_seconds.png", make.frontier()),
        Chart("rates", "Accuracy by learning rate",
              "Validation accuracy after the last epoch, mean over seeds." + click, "runs",
              "accuracy_by_learning_rate.png", make.by_rate()),
        Chart("heat", "Learning rates as a map",
              "Validation accuracy after the last epoch, mean over seeds.", "runs",
              "accuracy_by_architecture_and_rate.png", make.map_of_rates()),
        Chart("ledger", "Where the time goes", "Seconds of a finished run, mean, by what they were "
              "spent on; the figure is their sum, the whole run seen from outside.", "ledger",
              "ledger.png", make.ledger()),
    ]  # fmt: skip


class _Specifications:
    """Makes the specifications of one report's charts, in which names look the same."""

    def __init__(self, looks: Mapping[str, style.Look]) -> None:
        name: dict[str, Any] = {"field": "implementation", "type": "nominal"}
        legend = {"orient": "bottom", "columns": 4, "title": None}
        colours = [look.colour for look in looks.values()]
        self.names = name | {"title": None}
        self.colour = name | {
            "scale": {"domain": list(looks), "range": colours},
            "legend": legend,
        }
        self.shape = name | {"scale": {"domain": list(looks)}, "legend": legend}
        self.width = {"field": "width", "type": "quantitative", "scale": None, "legend": None}
        self.clicked = {
            "name": "clicked",
            "bind": "legend",
            "select": {"type": "point", "fields": ["implementation"]},
        }
        self.zoom = {"name": "zoom", "select": "interval", "bind": "scales"}
        self.faded = {"condition": {"param": "clicked", "value": 1}, "value": 0.08}
        self.rows = len(looks)

    def speed(self) -> dict[str, Any]:
        speed = _number("examples_per_second", "examples per second", zero=True)
        points = {
            "mark": {"type": "point", "filled": True, "size": 60},
            "params": [self.clicked],
            "encoding": {
                "color": self.colour,
                "shape": self.shape,
                "opacity": self.faded,
                "y": self.names,
                "x": speed,
                "tooltip": _tooltip("run_id", "examples_per_second", "flops_utilisation"),
            },
        }
        medians = {
            "mark": {"type": "tick", "thickness": 2, "size": 26, "color": GREY},
            "encoding": {"y": self.names, "x": speed | {"aggregate": "median"}},
        }
        return _chart(34 * self.rows, layer=[points, medians])

    def curve(
        self, x: str, x_title: str, y: str, y_title: str, *, log: bool = False
    ) -> dict[str, Any]:
        return _chart(
            mark={"type": "line", "point": {"size": 30}},
            params=[self.clicked, self.zoom],
            encoding={
                "color": self.colour,
                "strokeWidth": self.width,
                "detail": {"field": "run_id"},
                "strokeDash": {
                    "field": "learning_rate",
                    "type": "nominal",
                    "legend": {"orient": "bottom", "title": "learning rate"},
                },
                "opacity": self.faded,
                "x": _number(x, x_title),
                "y": _number(y, y_title, log=log),
                "tooltip": _tooltip("run_id", "epoch", "train_seconds_so_far", y),
            },
        )

    def frontier(self) -> dict[str, Any]:
        place = {
            "x": _number("train_seconds", "seconds of training (logarithmic)", log=True),
            "y": _number("validation_accuracy", "validation accuracy"),
        }
        front = {
            "transform": [{"filter": "datum.pareto"}],
            "mark": {"type": "line", "interpolate": "step-after", "color": GREY},
            "encoding": place,
        }
        points = {
            "mark": {"type": "point", "filled": True, "size": 70},
            "params": [self.clicked, self.zoom],
            "encoding": {
                **place,
                "color": self.colour,
                "shape": self.shape,
                "opacity": self.faded,
                "tooltip": _tooltip("run_id", "train_seconds", "validation_accuracy"),
            },
        }
        return _chart(layer=[front, points])

    def by_rate(self) -> dict[str, Any]:
        accuracy = _number("validation_accuracy", "validation accuracy") | {"aggregate": "mean"}
        return _chart(
            mark={"type": "line", "point": {"size": 60}},
            params=[self.clicked],
            encoding={
                "color": self.colour,
                "strokeWidth": self.width,
                "opacity": self.faded,
                "x": _number("learning_rate", "learning rate (logarithmic)", log=True),
                "y": accuracy,
                "tooltip": [
                    *_tooltip("implementation", "learning_rate"),
                    {"aggregate": "mean", "field": "validation_accuracy", "format": ".4f"},
                    {"aggregate": "count", "title": "runs"},
                ],
            },
        )

    def map_of_rates(self) -> dict[str, Any]:
        cell = {"aggregate": "mean", "field": "validation_accuracy", "type": "quantitative"}
        shade = {"scale": {"range": SHADES, "zero": False}, "title": "accuracy"}
        tooltip = [
            *_tooltip("implementation", "learning_rate"),
            cell | {"format": ".4f", "title": "validation accuracy"},
        ]
        figure = {"text": cell | {"format": ".3f"}, "color": {"value": "black"}}
        return _chart(
            30 * self.rows,
            encoding={
                "x": {"field": "learning_rate", "type": "ordinal", "title": "learning rate"},
                "y": self.names,
            },
            layer=[
                {"mark": "rect", "encoding": {"color": cell | shade, "tooltip": tooltip}},
                {"mark": {"type": "text", "fontSize": 12}, "encoding": figure},
            ],
        )

    def ledger(self) -> dict[str, Any]:
        place = {
            "y": self.names,
            "x": _number("seconds", "seconds of a run, mean", zero=True) | {"aggregate": "sum"},
        }
        part = {
            "field": "part",
            "type": "nominal",
            "scale": {"domain": list(tables.PARTS), "scheme": "tableau10"},
            "legend": {"orient": "bottom", "columns": 4, "title": None},
        }
        bars = {
            "mark": "bar",
            "encoding": {
                **place,
                "color": part,
                "order": {"field": "order"},
                "tooltip": _tooltip("implementation", "part", "seconds"),
            },
        }
        sums = {
            "mark": {"type": "text", "align": "left", "dx": 4},
            "encoding": {
                **place,
                "text": {"aggregate": "sum", "field": "seconds", "format": ".1f"},
            },
        }
        return _chart(34 * self.rows, layer=[bars, sums])


def _chart(height: int = 260, **content: Any) -> dict[str, Any]:
    fit = {"type": "fit-x", "contains": "padding"}
    return {"width": "container", "height": height, "autosize": fit, **content}


def _number(field: str, title: str, *, zero: bool = False, log: bool = False) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log", "nice": False} if log else {"zero": zero}
    axis = {"tickMinStep": 1, "format": "d"} if field == "epoch" else {}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _tooltip(*fields: str) -> list[dict[str, Any]]:
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]
