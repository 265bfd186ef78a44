"""The charts of a page that answer to the reader: Vega-Lite specifications.

A specification holds no data. The page gives each chart the rows of one table under one condition,
less what the reader has filtered out.

Source: https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from bench import plotting
from bench.records import SECONDS_PARTS
from bench.report import alternatives, panels
from bench.report.curves import AXES, EPOCH, SECOND

GREY = "#888888"
HEIGHT = 260
ROOM = {"padding": 12, "nice": False}  # for points at the edges
KNOWN = "isValid(datum.validation_accuracy)"
SHADES = ["#eef4fa", "#79b0e0"]  # black is read on all of them


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the page, drawn once for every condition."""

    name: str
    title: str
    caption: str
    table: str  # of `ChartData`, whose rows it is given
    picture: str  # the file that stands in for it on paper and where there is no JavaScript
    fields: tuple[str, ...]  # of the table below it, which holds what it shows
    needs: dict[str, float]  # fields that must be numbers, above these, for a row to be drawn
    words: Callable[[pd.DataFrame], str]  # what it shows of such rows
    specification: dict[str, Any]
    keeps_unknown: bool = False  # draws the other rows too, where there is one that can be

    def shown(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of one condition that are drawn."""
        known = rows
        for field, above in self.needs.items():
            known = known[known[field] > above]
        return known if known.empty or not self.keeps_unknown else rows


def charts(looks: Mapping[str, plotting.Look], rates: Sequence[float]) -> list[Chart]:
    """Return the charts in the order of the page.

    Args:
        looks: of implementations, by name.
        rates: learning rates that were tried.
    """
    make = _Specifications(looks, rates)
    run = ("implementation", "learning_rate", "seed")
    click = " Click a name in the legend to show it alone, with shift to add others."
    drag = click + " Ctrl and scroll to zoom, drag to move, double-click to go back."

    def curve(
        name: str, title: str, caption: str, picture: str, x: str, y: str, *, log: bool = False
    ) -> Chart:
        fields = (*run, EPOCH, *([SECOND] if x == SECOND else []), y)
        words = partial(alternatives.lowest if log else alternatives.highest, column=y)
        return Chart(
            name, title, caption + drag, "curves", picture, fields, {y: 0}, words,
            make.curve(x, y, log=log),
        )  # fmt: skip

    accuracies = {"validation_accuracy": -1.0}
    rate_fields = ("implementation", "learning_rate", "validation_accuracy", "ended", "runs")
    return [
        Chart("speed", "Training speed", "A point is a run, the grey mark the median." + click,
              "done", "throughput.png", (*run, "examples_per_second", "flops_utilisation"),
              {"examples_per_second": 0}, alternatives.speeds, make.speed()),
        curve("loss", "Loss by epoch", "Validation loss, logarithmic.", "loss_by_epochs.png",
              EPOCH, "validation_loss", log=True),
        curve("training_loss", "Training loss by epoch",
              "Mean over an epoch's batches, each before its update; logarithmic.",
              "training_loss_by_epochs.png", EPOCH, "train_loss", log=True),
        curve("loss_by_second", "Loss by second", "Validation loss against the seconds trained so "
              "far, warm-up and evaluation not counted.", "loss_by_seconds.png", SECOND,
              "validation_loss", log=True),
        curve("accuracy", "Accuracy by epoch", "Validation accuracy.", "accuracy_by_epochs.png",
              EPOCH, "validation_accuracy"),
        curve("accuracy_by_second", "Accuracy by second", "Up and to the left is better.",
              "accuracy_by_seconds.png", SECOND, "validation_accuracy"),
        Chart("frontier", "Accuracy against training time", "A point is a run, at any learning "
              "rate. The grey Pareto front joins the runs that no other run of the condition beats "
              "in one of the two without being worse in the other." + drag, "done",
              "accuracy_against_seconds.png",
              (*run, "train_seconds", "validation_accuracy", "pareto"),
              accuracies | {"train_seconds": 0}, alternatives.front, make.frontier()),
        Chart("rates", "Accuracy by learning rate", "Validation accuracy after the last epoch, "
              "mean over seeds. A cross at the bottom is a rate without a result, such as one at "
              "which the runs diverged." + click, "rates", "accuracy_by_learning_rate.png",
              rate_fields, accuracies, alternatives.rates, make.by_rate(), keeps_unknown=True),
        Chart("heat", "Learning rates as a map", "Validation accuracy after the last epoch, mean "
              "over seeds; a word where no run has a result.", "rates",
              "accuracy_by_architecture_and_rate.png", rate_fields, accuracies,
              alternatives.rates, make.map_of_rates(), keeps_unknown=True),
        Chart("ledger", "Where the time goes", "Seconds of a finished run, mean, by what they were "
              "spent on; the figure is their sum, the whole run seen from outside.", "ledger",
              "ledger.png", ("implementation", "learning_rate", "part", "seconds", "runs"),
              {"runs": 0}, alternatives.ledger, make.ledger()),
    ]  # fmt: skip


class _Specifications:
    """Makes the specifications of one report's charts, in which names look the same."""

    def __init__(self, looks: Mapping[str, plotting.Look], rates: Sequence[float]) -> None:
        self.rates = sorted(rates)
        name: dict[str, Any] = {"field": "implementation", "type": "nominal"}
        legend = {"orient": "bottom", "columns": 4, "title": None}
        colours = [look.colour for look in looks.values()]
        self.names = name | {"title": None}
        self.colour = name | {
            "scale": {"domain": list(looks), "range": colours},
            "legend": legend,
        }
        self.shape = name | {"scale": {"domain": list(looks)}, "legend": legend}
        widths = [panels.width(number, len(looks)) for number in range(len(looks))]
        scale = {"domain": list(looks), "range": widths}
        self.width = name | {"type": "ordinal", "scale": scale, "legend": legend}
        self.clicked = {
            "name": "clicked",
            "bind": "legend",
            "select": {"type": "point", "fields": ["implementation"]},
        }
        zoom = {"type": "interval", "zoom": "wheel![event.ctrlKey || event.metaKey]"}
        self.zoom = {"name": "zoom", "select": zoom, "bind": "scales"}
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

    def curve(self, x: str, y: str, *, log: bool) -> dict[str, Any]:
        dashes = {"orient": "bottom", "title": "learning rate"}
        return _chart(
            mark={"type": "line", "point": {"size": 30}},
            params=[self.clicked, self.zoom],
            encoding={
                "color": self.colour,
                "strokeWidth": self.width,
                "detail": {"field": "run_id"},
                "strokeDash": {"field": "learning_rate", "type": "nominal", "legend": dashes},
                "opacity": self.faded,
                "x": _number(x, AXES[x]),
                "y": _number(y, y.replace("_", " ").replace("train ", "training "), log=log),
                "tooltip": _tooltip("run_id", "epoch", "train_seconds_so_far", y),
            },
        )

    def frontier(self) -> dict[str, Any]:
        place = {
            "x": _number("train_seconds", "seconds of training (logarithmic)", log=True),
            "y": _number("validation_accuracy", "validation accuracy"),
        }
        for axis in place.values():
            axis["scale"] |= ROOM
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
        rate = {"x": _number("learning_rate", "learning rate (logarithmic)", log=True)}
        rate["x"]["axis"] = {"values": self.rates, "labelOverlap": True}
        rate["x"]["scale"] |= ROOM
        alike = rate | {"color": self.colour, "opacity": self.faded}
        lines = {
            "transform": [{"filter": KNOWN}],
            "mark": {"type": "line", "point": {"size": 60}},
            "params": [self.clicked],
            "encoding": {
                **alike,
                "strokeWidth": self.width,
                "y": _number("validation_accuracy", "validation accuracy"),
                "tooltip": _tooltip(
                    "implementation", "learning_rate", "validation_accuracy", "runs"
                ),
            },
        }
        crosses = {
            # Not a filter, which may leave nothing, of which Vega would warn.
            "transform": [
                {"calculate": f"{KNOWN} ? '' : '\u00d7 ' + datum.ended", "as": "cross"}
            ],
            "mark": {
                "type": "text", "angle": 270, "align": "left", "baseline": "middle", "dx": 4,
                "fontSize": 13, "fontWeight": "bold",
            },
            "encoding": {
                **alike,
                "y": {"value": HEIGHT},
                "text": {"field": "cross"},
                "tooltip": _tooltip("implementation", "learning_rate", "ended", "runs"),
            },
        }  # fmt: skip
        return _chart(layer=[lines, crosses])

    def map_of_rates(self) -> dict[str, Any]:
        cell = {"field": "validation_accuracy", "type": "quantitative"}
        shade = {"scale": {"range": SHADES, "zero": False}, "title": "accuracy"}
        tooltip = _tooltip("implementation", "learning_rate", "validation_accuracy", "runs")
        figure = {"text": cell | {"format": ".3f"}, "color": {"value": "black"}}
        text, known = {"type": "text", "fontSize": 12}, [{"filter": KNOWN}]
        words = {"text": {"field": "ended"}, "tooltip": tooltip}
        return _chart(
            30 * self.rows,
            encoding={
                "x": {
                    "field": "learning_rate",
                    "type": "ordinal",
                    "title": "learning rate",
                    "axis": {"labelAngle": 0},
                },
                "y": self.names,
            },
            layer=[
                {
                    "transform": known,
                    "mark": "rect",
                    "encoding": {"color": cell | shade, "tooltip": tooltip},
                },
                {"transform": known, "mark": text, "encoding": figure},
                {"transform": [{"filter": f"!({KNOWN})"}], "mark": text, "encoding": words},
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
            "scale": {
                "domain": [part.replace("_", " ") for part in SECONDS_PARTS],
                "scheme": "tableau10",
            },
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
        # The mean over the rates that are shown: each counts as often as it has runs.
        mean = [
            {"calculate": "datum.seconds * datum.runs", "as": "seconds"},
            {
                "aggregate": [
                    {"op": "sum", "field": name, "as": name} for name in ("seconds", "runs")
                ],
                "groupby": ["implementation", "part", "order"],
            },
            {"calculate": "datum.seconds / datum.runs", "as": "seconds"},
        ]
        return _chart(34 * self.rows, transform=mean, layer=[bars, sums])


def _chart(height: int = HEIGHT, **content: Any) -> dict[str, Any]:
    fit = {"type": "fit-x", "contains": "padding"}
    return {"width": "container", "height": height, "autosize": fit, **content}


def _number(field: str, title: str, *, zero: bool = False, log: bool = False) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log", "nice": False} if log else {"zero": zero}
    axis = {"tickMinStep": 1, "format": "d"} if field == "epoch" else {}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _tooltip(*fields: str) -> list[dict[str, Any]]:
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]
