"""The learning curves: over seconds, by epoch, and as differences from the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.records import PARITY_POINTS
from bench.report.charts.chart import RUN_FIELDS, Chart, ChartData
from bench.report.charts.vega import GREY, HEIGHT, Looks, Spec, is_wide, number, tooltip, words

IN_TRAINING_SECONDS = "seconds of training; warm-up and evaluation are not counted"
MAX_TICKS = 10  # on an axis of epochs
# Readable on white and on black.
RATE_COLOURS = ("#2a0593", "#6a00a8", "#9c179e", "#c33d80", "#e16462", "#f2844b", "#fba238")
ZOOM: Spec = {
    "name": "zoom",
    "select": {"type": "interval", "zoom": "wheel![event.ctrlKey || event.metaKey]"},
    "bind": "scales",
}


def curves_charts(data: ChartData, looks: Looks) -> list[Chart]:
    """Return the learning curves: over time by implementation, by epoch by learning rate."""
    best, n_epochs = data.tables["best_curves"], data.n_epochs
    log_x = is_wide(best["train_seconds_so_far"])

    rates = sorted(data.tables["curves"]["learning_rate"].dropna().unique())
    colours = rate_colours([float(f"{rate:.6g}") for rate in rates])

    def race(metric: str, title: str, caption: str, *, log: bool) -> Chart:
        return Chart(
            name=f"{title.split()[-1].lower()}_by_seconds",
            section="curves",
            title=f"{title} by time",
            caption=f"{caption} of each implementation at its best learning rate, against "
            f"{IN_TRAINING_SECONDS}.",
            table="best_curves",
            fields=(*RUN_FIELDS, "epoch", "train_seconds_so_far", metric),
            needs={metric: 0} | ({"train_seconds_so_far": 0} if log_x else {}),
            value=metric,
            specification=_race(looks, metric, log=log, log_x=log_x),
            legend=looks.colours,
            ranges={"x": ("train_seconds_so_far",), "y": (metric,)},
        )

    def by_epoch(metric: str, name: str, title: str, caption: str, *, log: bool) -> Chart:
        return Chart(
            name=name,
            section="curves",
            title=f"{title} by epoch",
            caption=f"{caption} One line per learning rate, the mean over all implementations and "
            "seeds; the band is their range. Epoch 0 is before training.",
            table="curves",
            fields=(*RUN_FIELDS, "epoch", metric),
            needs={metric: 0},
            value=metric,
            specification=_by_epoch(metric, n_epochs, colours, log=log),
            legend={f"{rate:g}": colour for rate, colour in colours.items()},
            ranges={"y": (metric,)},
        )

    reference = f"from {data.reference}" if data.reference else ""
    others = Looks({name: one for name, one in looks.colours.items() if name != data.reference})
    return [
        race("validation_accuracy", "Accuracy", "Validation accuracy", log=False),
        Chart(
            name="difference_by_epochs",
            section="curves",
            title=f"Difference {reference} by epoch",
            caption="Validation accuracy minus that of "
            f"{data.reference or 'the reference'}, at the same learning rate and seed. The line is "
            "the mean, the coloured area the lowest and the highest. In the grey band, "
            f"\u00b1{PARITY_POINTS:g} points, a difference counts as equal.",
            table="differences",
            fields=("implementation", "epoch", "difference", "lowest", "highest", "pairs"),
            needs={"pairs": 0},
            value="difference",
            specification=_differences(others, n_epochs),
            legend=others.colours,
            ranges={"y": ("lowest", "highest", -PARITY_POINTS, PARITY_POINTS)},
        ),
        by_epoch("validation_accuracy", "accuracy_by_epochs", "Accuracy",
                 "Validation accuracy after each epoch.", log=False),
        by_epoch("validation_loss", "loss_by_epochs", "Validation loss",
                 "Validation loss after each epoch.", log=True),
        by_epoch("train_loss", "training_loss_by_epochs", "Training loss",
                 "Mean over an epoch's batches, each before its update.", log=True),
    ]  # fmt: skip


def _race(looks: Looks, field: str, *, log: bool, log_x: bool) -> Spec:
    """Draw a result over seconds of training, one line per run."""
    x = number("train_seconds_so_far", "seconds of training", log=log_x)
    y = number(field, words(field), log=log)
    return {
        "height": HEIGHT,
        "params": [ZOOM],
        "mark": {"type": "line", "point": {"size": 24}, "strokeWidth": 1.5,
                 "strokeOpacity": 0.85},
        "encoding": {"x": x, "y": y, "color": looks.colour, "detail": {"field": "run_id"},
                     "tooltip": tooltip("run_id", "epoch", "train_seconds_so_far", field)},
    }  # fmt: skip


def _differences(looks: Looks, n_epochs: int) -> Spec:
    """Draw differences from the reference by epoch, with the range over pairs of runs."""
    x, y = epochs(n_epochs), number("difference", "percentage points", format="+~g")
    y["axis"]["labelExpr"] = "datum.value == 0 ? '0' : datum.label"
    colour = {"color": looks.colour}
    bounds = {"y": {"datum": -PARITY_POINTS}, "y2": {"datum": PARITY_POINTS}}
    one_row: Spec = {"values": [{}]}
    limits = {
        "data": one_row,
        "mark": {"type": "rect", "color": GREY, "fillOpacity": 0.25},
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


def _by_epoch(field: str, n_epochs: int, colours: Mapping[float, str], *, log: bool) -> Spec:
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


def epochs(n_epochs: int) -> Spec:
    """Return an axis of epochs, with ticks at whole numbers only."""
    step = -(-max(n_epochs, 1) // MAX_TICKS)
    axis = {"values": list(range(0, n_epochs + 1, step)), "format": "d", "grid": False}
    return number("epoch", "epoch") | {"axis": axis}


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
