"""The chart of accuracy by learning rate."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.charts.chart import Chart, ChartData
from bench.report.charts.vega import HEIGHT, Looks, Spec, number, tooltip, words

TOOLTIP = tooltip("implementation", "learning_rate", "accuracy", "ended", "runs")


def rates_charts(data: ChartData, looks: Looks) -> list[Chart]:
    """Return the chart of accuracy by learning rate, if there are several rates."""
    table, accuracy = data.tables["rates"], data.rate_accuracy
    rates = sorted(table["learning_rate"].dropna().unique())
    if len(rates) < 2:
        return []
    is_single = data.n_names == 1 or not all(rate > 0 for rate in rates)
    over_seeds = ", mean over seeds" if data.tables["runs"]["seed"].nunique() > 1 else ""
    caption = f"{words(accuracy).capitalize()} after the last epoch{over_seeds}."
    if table["accuracy"].isna().any():
        caption += (
            " A cross at the bottom is a learning rate without a result: the word next to it is "
            "the status of its runs."
        )
    chart = Chart(
        name="accuracy_by_learning_rate",
        section="rates",
        title="Accuracy by learning rate",
        caption=caption,
        table="rates",
        fields=("implementation", "learning_rate", "accuracy", "ended", "runs"),
        needs={"accuracy": -1},
        value="accuracy",
        specification=_rate_bars(looks, accuracy) if is_single else _rates(looks, accuracy, rates),
        legend={} if is_single else looks.colours,
        ranges={} if is_single else {"y": ("accuracy",)},
        keeps_unknown=True,
    )
    return [chart]


def _rates(looks: Looks, accuracy: str, rates: Sequence[float]) -> Spec:
    """Draw accuracy by learning rate, one line per implementation; and how runs ended."""
    x = number("learning_rate", "learning rate", log=True)
    x["axis"] = {"values": list(rates), "labelOverlap": True, "grid": False}
    known = {"filter": "isValid(datum.accuracy)"}
    lines = {
        "transform": [known],
        "mark": {"type": "line", "point": {"size": 55, "filled": True}, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": number("accuracy", words(accuracy)),
                     **looks.both, "tooltip": TOOLTIP},
    }  # fmt: skip
    return {"height": HEIGHT, "layer": [lines, _crosses({"x": x, "color": looks.colour})]}


def _rate_bars(looks: Looks, accuracy: str) -> Spec:
    """Draw accuracy by learning rate as bars, for a single implementation."""
    x = {"field": "learning_rate", "type": "ordinal", "title": "learning rate",
         "axis": {"labelAngle": 0}}  # fmt: skip
    y = number("accuracy", words(accuracy), format="~g", zero=True)
    bars = {
        "mark": {"type": "bar", "width": {"band": 0.6}},
        "encoding": {"x": x, "y": y, "color": looks.colour, "tooltip": TOOLTIP},
    }
    values = {
        "mark": {"type": "text", "dy": -7},
        "encoding": {"x": x, "y": y, "text": {"field": "accuracy", "format": ".4f"}},
    }
    return {"height": HEIGHT, "layer": [bars, values, _crosses({"x": x})]}


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
                     "tooltip": TOOLTIP},
    }  # fmt: skip
