"""The charts of a report: Vega-Lite specifications, for the page and for PNG and SVG files.

A specification contains no data. Each chart is drawn once per condition, from the rows of one
table, without the rows that the reader of the page has filtered out.

Source: https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.records import SECONDS_PARTS

EPOCH, SECOND = "epoch", "train_seconds_so_far"
AXES = {EPOCH: "epoch (0: before training)", SECOND: "seconds of training"}
GREY = "#888888"
HEIGHT = 260  # pixels
MARGIN = {"padding": 12, "nice": False}  # keeps points off the edges
HAS_ACCURACY = "isValid(datum.validation_accuracy)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart, drawn once for every condition.

    Attributes:
        name: identifies the chart in the page.
        title: its heading.
        caption: the explanation of the chart.
        table: the name of its table in `ChartData.tables`.
        picture: file name of the PNG.
        fields: the columns that the page shows as a table below the chart.
        needs: a row is drawn if each of these columns is above its number.
        value: the column that the description gives the range of.
        specification: the Vega-Lite specification, without data.
        keeps_unknown: if at least one row meets `needs`, all rows are drawn.
    """

    name: str
    title: str
    caption: str
    table: str
    picture: str
    fields: tuple[str, ...]
    needs: dict[str, float]
    value: str
    specification: dict[str, Any]
    keeps_unknown: bool = False

    def rows_drawn(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the drawn rows of one condition's rows."""
        complete = rows
        for field, above in self.needs.items():
            complete = complete[complete[field] > above]
        return rows if self.keeps_unknown and not complete.empty else complete

    def describe(self, rows: pd.DataFrame) -> str:
        """Return each implementation's range of values, for readers who cannot see the chart."""
        ranges = rows.groupby("implementation")[self.value].agg(["min", "max"]).dropna()
        listed = (f"{name} {low:.4g} to {high:.4g}" for name, low, high in ranges.itertuples())
        return f"{self.value.replace('_', ' ').capitalize()}: {', '.join(listed)}."


RUN_FIELDS = ("implementation", "learning_rate", "seed")
IN_TRAINING_SECONDS = "seconds of training; warm-up and evaluation are not counted"
# Name, title, caption, picture, x, y, logarithmic.
CURVES = (
    ("loss", "Loss by epoch", "Validation loss after each epoch, logarithmic.",
     "loss_by_epochs.png", EPOCH, "validation_loss", True),
    ("training_loss", "Training loss by epoch",
     "Mean over an epoch's batches, each before its update; logarithmic.",
     "training_loss_by_epochs.png", EPOCH, "train_loss", True),
    ("loss_by_second", "Loss by second",
     f"Validation loss, logarithmic, against {IN_TRAINING_SECONDS}.",
     "loss_by_seconds.png", SECOND, "validation_loss", True),
    ("accuracy", "Accuracy by epoch", "Validation accuracy after each epoch.",
     "accuracy_by_epochs.png", EPOCH, "validation_accuracy", False),
    ("accuracy_by_second", "Accuracy by second",
     f"Validation accuracy against {IN_TRAINING_SECONDS}. Up and to the left is better.",
     "accuracy_by_seconds.png", SECOND, "validation_accuracy", False),
)  # fmt: skip


def charts(colours: Mapping[str, str], rates: Sequence[float]) -> list[Chart]:
    """Return the charts in the order of the report.

    Args:
        colours: the colours of the implementations, by name.
        rates: the learning rates of the runs.
    """
    make = _Specifications(colours, rates)
    accuracies = {"validation_accuracy": -1.0}
    curves = [
        Chart(
            name=name,
            title=title,
            caption=caption,
            table="curves",
            picture=picture,
            fields=(*RUN_FIELDS, EPOCH, *([SECOND] if x == SECOND else []), y),
            needs={y: 0},
            value=y,
            specification=make.curve(x, y, log=log),
        )
        for name, title, caption, picture, x, y, log in CURVES
    ]
    speed = Chart(
        name="speed",
        title="Training speed",
        caption="One point per run; the grey mark is the median.",
        table="done",
        picture="throughput.png",
        fields=(*RUN_FIELDS, "examples_per_second", "flops_utilisation"),
        needs={"examples_per_second": 0},
        value="examples_per_second",
        specification=make.speed(),
    )
    frontier = Chart(
        name="frontier",
        title="Accuracy against training time",
        caption="One point per run, at any learning rate. The grey line is the Pareto front: no "
        "other run of the condition is at least as fast and accurate, and better in one of them.",
        table="done",
        picture="accuracy_against_seconds.png",
        fields=(*RUN_FIELDS, "train_seconds", "validation_accuracy", "pareto"),
        needs=accuracies | {"train_seconds": 0},
        value="validation_accuracy",
        specification=make.frontier(),
    )
    by_rate = Chart(
        name="rates",
        title="Accuracy by learning rate",
        caption="Validation accuracy after the last epoch, mean over seeds. A cross at the bottom "
        "is a learning rate without a result: the word next to it is the status of its runs.",
        table="rates",
        picture="accuracy_by_learning_rate.png",
        fields=("implementation", "learning_rate", "validation_accuracy", "ended", "runs"),
        needs=accuracies,
        value="validation_accuracy",
        specification=make.by_rate(),
        keeps_unknown=True,
    )
    time_by_part = Chart(
        name="time_by_part",
        title="Where the time goes",
        caption="Mean seconds of a finished run by activity. The number is their sum, the time of "
        "the whole run.",
        table="time_by_part",
        picture="ledger.png",
        fields=("implementation", "learning_rate", "part", "seconds", "runs"),
        needs={"runs": 0},
        value="seconds",
        specification=make.time_by_part(),
    )
    return [speed, *curves, frontier, by_rate, time_by_part]


class _Specifications:
    """The specifications of one report's charts; each implementation looks the same in all."""

    def __init__(self, colours: Mapping[str, str], rates: Sequence[float]) -> None:
        self.rates = sorted(rates)
        name: dict[str, Any] = {"field": "implementation", "type": "nominal"}
        legend = {"orient": "bottom", "columns": 4, "title": None}
        self.names = name | {"title": None}
        self.colour = name | {
            "scale": {"domain": list(colours), "range": list(colours.values())},
            "legend": legend,
        }
        self.shape = name | {"scale": {"domain": list(colours)}, "legend": legend}
        # In pixels. Later lines are on top and thinner, so that all are visible.
        widths = [1.5 + 3 * (1 - number / len(colours)) for number in range(1, len(colours) + 1)]
        scale = {"domain": list(colours), "range": widths}
        self.width = name | {"type": "ordinal", "scale": scale, "legend": legend}
        self.clicked = {
            "name": "clicked",
            "bind": "legend",
            "select": {"type": "point", "fields": ["implementation"]},
        }
        zoom = {"type": "interval", "zoom": "wheel![event.ctrlKey || event.metaKey]"}
        self.zoom = {"name": "zoom", "select": zoom, "bind": "scales"}
        self.faded = {"condition": {"param": "clicked", "value": 1}, "value": 0.08}
        self.n_rows = len(colours)

    def speed(self) -> dict[str, Any]:
        speed = _number("examples_per_second", "examples per second", zero=True)
        points = self._points(
            [self.clicked],
            {"y": self.names, "x": speed},
            _tooltip("run_id", "examples_per_second", "flops_utilisation"),
        )
        medians = {
            "mark": {"type": "tick", "thickness": 2, "size": 26, "color": GREY},
            "encoding": {"y": self.names, "x": speed | {"aggregate": "median"}},
        }
        return _chart(34 * self.n_rows, layer=[points, medians])

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
        axes = {
            "x": _number("train_seconds", "seconds of training (logarithmic)", log=True),
            "y": _number("validation_accuracy", "validation accuracy"),
        }
        for axis in axes.values():
            axis["scale"] |= MARGIN
        front = {
            "transform": [{"filter": "datum.pareto"}],
            "mark": {"type": "line", "interpolate": "step-after", "color": GREY},
            "encoding": axes,
        }
        points = self._points(
            [self.clicked, self.zoom],
            axes,
            _tooltip("run_id", "train_seconds", "validation_accuracy"),
        )
        return _chart(layer=[front, points])

    def _points(
        self, params: list[dict[str, Any]], axes: dict[str, Any], tooltip: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return one point per run, with the colour and shape of its implementation."""
        looks = {"color": self.colour, "shape": self.shape, "opacity": self.faded}
        return {
            "mark": {"type": "point", "filled": True, "size": 65},
            "params": params,
            "encoding": {**axes, **looks, "tooltip": tooltip},
        }

    def by_rate(self) -> dict[str, Any]:
        rate = {"x": _number("learning_rate", "learning rate (logarithmic)", log=True)}
        rate["x"]["axis"] = {"values": self.rates, "labelOverlap": True}
        rate["x"]["scale"] |= MARGIN
        shared = rate | {"color": self.colour, "opacity": self.faded}
        lines = {
            "transform": [{"filter": HAS_ACCURACY}],
            "mark": {"type": "line", "point": {"size": 60}},
            "params": [self.clicked],
            "encoding": {
                **shared,
                "strokeWidth": self.width,
                "y": _number("validation_accuracy", "validation accuracy"),
                "tooltip": _tooltip(
                    "implementation", "learning_rate", "validation_accuracy", "runs"
                ),
            },
        }
        crosses = {
            # Not a filter: Vega warns if a filter leaves nothing.
            "transform": [
                {"calculate": f"{HAS_ACCURACY} ? '' : '\u00d7 ' + datum.ended", "as": "cross"}
            ],
            "mark": {
                "type": "text", "angle": 270, "align": "left", "baseline": "middle", "dx": 4,
                "fontSize": 13, "fontWeight": "bold",
            },
            "encoding": {
                **shared,
                "y": {"value": HEIGHT},
                "text": {"field": "cross"},
                "tooltip": _tooltip("implementation", "learning_rate", "ended", "runs"),
            },
        }  # fmt: skip
        return _chart(layer=[lines, crosses])

    def time_by_part(self) -> dict[str, Any]:
        axes = {
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
                **axes,
                "color": part,
                "order": {"field": "order"},
                "tooltip": _tooltip("implementation", "part", "seconds"),
            },
        }
        sums = {
            "mark": {"type": "text", "align": "left", "dx": 4},
            "encoding": {
                **axes,
                "text": {"aggregate": "sum", "field": "seconds", "format": ".1f"},
            },
        }
        # The mean over the learning rates shown, weighted by their number of runs.
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
        return _chart(34 * self.n_rows, transform=mean, layer=[bars, sums])


def _chart(height: int = HEIGHT, **content: Any) -> dict[str, Any]:
    fit = {"type": "fit-x", "contains": "padding"}
    return {"width": "container", "height": height, "autosize": fit, **content}


def _number(field: str, title: str, *, zero: bool = False, log: bool = False) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log", "nice": False} if log else {"zero": zero}
    axis = {"tickMinStep": 1, "format": "d"} if field == "epoch" else {}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _tooltip(*fields: str) -> list[dict[str, Any]]:
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]
