"""The charts of time and memory."""

from __future__ import annotations

from bench.report.charts.chart import RUN_FIELDS, Chart, ChartData
from bench.report.charts.vega import ROW_HEIGHT, Looks, Spec, number, tooltip

# Lighter and lighter, without a hue: the hues are those of the implementations.
PART_COLOURS = {
    "training": "#4d5560", "preparation": "#8d96a1", "evaluation": "#bcc3cb", "other": "#dde1e6"
}  # fmt: skip


def costs_charts(data: ChartData, looks: Looks) -> list[Chart]:
    """Return the charts of time and memory."""
    return [
        Chart(
            name="time_by_part",
            section="time",
            title="Where the time goes",
            caption="Seconds of a run from its start to its end, mean over runs; the number is "
            "their sum. Preparation: start-up, reading data, setup, and warm-up.",
            table="time_by_part",
            fields=("implementation", "learning_rate", "part", "seconds", "runs"),
            needs={"runs": 0},
            value="seconds",
            specification=_time_by_part(looks, data.n_names),
            legend=PART_COLOURS,
        ),
        Chart(
            name="peak_memory",
            section="time",
            title="Peak memory",
            caption="The most memory that any run of the implementation used.",
            table="done",
            fields=(*RUN_FIELDS, "peak_memory_megabytes"),
            needs={"peak_memory_megabytes": 0},
            value="peak_memory_megabytes",
            specification=_memory(looks, data.n_names),
            ranges={"x": ("peak_memory_megabytes", 0.0)},
        ),
    ]


def _time_by_part(looks: Looks, n_rows: int) -> Spec:
    """Draw the mean seconds of a run, by activity."""
    y = looks.names
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


def _memory(looks: Looks, n_rows: int) -> Spec:
    """Draw the largest memory of each implementation's runs."""
    y, field = looks.names, "peak_memory_megabytes"
    x = number(field, "peak memory (MB)", zero=True) | {"aggregate": "max"}
    bars = {"mark": "bar", "encoding": {"y": y, "x": x, "color": looks.own_colour}}
    values = {
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {
            "y": y,
            "x": x,
            "text": {"aggregate": "max", "field": field, "format": ",.0f"},
        },
    }
    return {"height": 4 + ROW_HEIGHT * n_rows, "layer": [bars, values]}
