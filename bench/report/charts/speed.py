"""The charts of the comparison and of speed."""

from __future__ import annotations

from bench.report.charts.chart import RUN_FIELDS, Chart, ChartData
from bench.report.charts.vega import (
    GREY,
    HEIGHT,
    ROW_HEIGHT,
    Looks,
    Spec,
    is_wide,
    number,
    tooltip,
    words,
)

MAX_NAMED = 4  # implementations with their names next to their points


def comparison_charts(data: ChartData, looks: Looks) -> list[Chart]:
    """Return the charts of speed, accuracy, and the ratios of speeds."""
    compared, done = data.tables["compared"], data.tables["done"]
    all_ratios = compared[["low", "high", "times_slower"]].stack()
    pooled = " The spread is that of all panels together." if len(data.conditions) > 1 else ""
    log_speed = is_wide(done["examples_per_second"])
    accuracy, is_named = data.accuracy, data.n_names <= MAX_NAMED
    fronts = compared.loc[compared["pareto"].astype(bool), "condition"].value_counts()
    front = " The dashed line is the Pareto front." if (fronts > 1).any() else ""
    tradeoff = Chart(
        name="accuracy_against_speed",
        section="summary",
        title="Speed and accuracy",
        caption="Up and to the right is better. The vertical line is the 95 % interval of the "
        "accuracy at the best learning rate; the horizontal one goes from the slowest run to the "
        f"fastest.{front}",
        table="compared",
        fields=("implementation", "learning_rate", "examples_per_second", "accuracy", "pareto"),
        needs={"examples_per_second": 0, "accuracy": -1},
        value="accuracy",
        specification=_tradeoff(
            looks,
            accuracy,
            log=is_wide(compared["examples_per_second"]),
            named=is_named,
        ),
        legend={} if is_named else looks.colours,
        ranges={"x": ("examples_per_second", "speed_low", "speed_high"),
                "y": ("accuracy", "accuracy_low", "accuracy_high")},
    )  # fmt: skip
    ratios = Chart(
        name="speed_ratios",
        section="summary" if len(data.conditions) == 1 else "speed",
        title="How many times slower than the fastest",
        caption="The line is the 95 % interval. If it includes 1, it is not known which of the two "
        f"is faster.{pooled}",
        table="compared",
        fields=("implementation", "times_slower", "low", "high"),
        needs={"times_slower": 0},
        value="times_slower",
        specification=_ratios(looks, data.n_names, log=is_wide(all_ratios)),
        ranges={"x": ("times_slower", "low", "high")},
    )
    speeds = Chart(
        name="training_speed",
        section="speed",
        title="Training speed of every run",
        caption="A point is a run; the grey mark is their geometric mean, the speed in the table.",
        table="done",
        fields=(*RUN_FIELDS, "examples_per_second", "flops_utilisation"),
        needs={"examples_per_second": 0},
        value="examples_per_second",
        specification=_speeds(looks, data.n_names, log=log_speed),
        ranges={"x": ("examples_per_second", *(() if log_speed else (0.0,)))},
    )
    return [tradeoff, *([ratios] if data.n_names > 1 else []), speeds]


def over_charts(data: ChartData, looks: Looks) -> list[Chart]:
    """Return charts of speed and accuracy over each setting that varies."""
    results = (
        ("examples_per_second", "Speed", "examples per second"),
        ("accuracy", words(data.accuracy).capitalize(), words(data.accuracy)),
    )
    made = []
    for key, numeric in data.swept.items():
        table = f"over_{key}"
        for result, title, axis in results:
            log = result != "accuracy" and is_wide(data.tables[table][result])
            made.append(
                Chart(
                    name=f"{result}_over_{key}",
                    section="speed",
                    title=f"{title} over {words(key)}",
                    caption="Each point is a row of the comparison.",
                    table=table,
                    fields=("implementation", "value", result),
                    needs={result: -1},
                    value=result,
                    specification=_over(looks, key, result, axis, numeric=numeric, log=log),
                    legend=looks.colours,
                    ranges={"y": (result,)},
                )
            )
    return made


def _tradeoff(looks: Looks, accuracy: str, *, log: bool, named: bool) -> Spec:
    """Draw accuracy over speed, with intervals and the Pareto front; name the points."""
    x = number("examples_per_second", "examples per second", log=log, format="~s")
    y = number("accuracy", words(accuracy))
    front = {
        "transform": [{"filter": "datum.pareto"}],
        "mark": {"type": "line", "interpolate": "step-before", "strokeDash": [4, 3]},
        "encoding": {"x": x, "y": y, "color": {"value": GREY}},
    }
    shown = looks.own if named else looks.both
    colour = {"color": shown["color"]}
    speeds = {"x": x | {"field": "speed_low"}, "x2": {"field": "speed_high"}, "y": y} | colour
    accuracies = {
        "x": x, "y": y | {"field": "accuracy_low"}, "y2": {"field": "accuracy_high"}
    } | colour  # fmt: skip
    points = {
        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
        "encoding": {"x": x, "y": y, **shown, "tooltip": tooltip(
            "implementation", "learning_rate", "examples_per_second", "accuracy", "seeds")},
    }  # fmt: skip
    labels = {
        "mark": {"type": "text", "align": "left", "dx": 8, "dy": -9},
        "encoding": {"x": x, "y": y, "text": {"field": "implementation"}},
    }
    rules = [{"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": one}
             for one in (speeds, accuracies)]  # fmt: skip
    return {"height": HEIGHT, "layer": [front, *rules, points, *([labels] if named else [])]}


def _ratios(looks: Looks, n_rows: int, *, log: bool) -> Spec:
    """Draw a forest plot: how many times slower than the fastest, with intervals."""
    x = number("times_slower", "times slower", log=log)
    y = looks.names | {"sort": {"field": "times_slower", "op": "max"}}
    bar = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"},
                     "color": looks.own_colour},
    }  # fmt: skip
    points = {
        "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
        "encoding": {"y": y, "x": x, **looks.own,
                     "tooltip": tooltip("implementation", "times_slower", "low", "high")},
    }  # fmt: skip
    words = {  # at the end of the interval, if there is one
        "transform": [{"calculate": "datum.high || datum.times_slower", "as": "end"}],
        "mark": {"type": "text", "align": "left", "dx": 9},
        "encoding": {"y": y, "x": x | {"field": "end"}, "text": {"field": "words"}},
    }
    one = {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]},
           "encoding": {"x": {"datum": 1}}}  # fmt: skip
    return {"height": 4 + ROW_HEIGHT * n_rows, "layer": [one, bar, points, words]}


def _speeds(looks: Looks, n_rows: int, *, log: bool) -> Spec:
    """Draw the speed of every run, and that of the comparison."""
    y = looks.names | {"sort": {"field": "compared_speed", "op": "max", "order": "descending"}}
    y["axis"] = y["axis"] | {"grid": True}
    x = number("examples_per_second", "examples per second", log=log, format="~s", zero=not log)
    points = {
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "fillOpacity": 0.8},
        "encoding": {"y": y, "x": x, **looks.own, "tooltip": tooltip(
            "run_id", "examples_per_second", "flops_utilisation")},
    }  # fmt: skip
    compared = {
        "mark": {"type": "tick", "thickness": 2, "size": 20, "color": GREY},
        "encoding": {"y": y, "x": x | {"field": "compared_speed", "aggregate": "max"}},
    }
    return {"height": 4 + ROW_HEIGHT * n_rows, "layer": [points, compared]}


def _over(looks: Looks, key: str, field: str, title: str, *, numeric: bool, log: bool) -> Spec:
    """Draw a result over a setting, one line per implementation."""
    title_of_x = key.replace("_", " ") + (" (log scale)" if numeric else "")
    x: Spec = {"field": "value", "type": "ordinal", "title": title_of_x}
    x |= {"sort": {"field": "order"}, "axis": {"labelAngle": 0}}
    if numeric:
        x |= {"type": "quantitative", "scale": {"type": "log", "base": 2, "padding": 12}}
        x |= {"axis": {"grid": False}}
    y = number(field, title, log=log, format="~s" if log else "~g")
    shown = tooltip("implementation", "value", field, "learning_rate")
    return {
        "height": HEIGHT,
        "mark": {"type": "line", "point": {"size": 60, "filled": True}, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, **looks.both, "tooltip": shown},
    }
