"""The charts of time and memory."""

from __future__ import annotations

from bench.records import SECONDS_PARTS
from bench.report.charts.chart import RUN_FIELDS, Chart, ChartData
from bench.report.charts.vega import ROW_HEIGHT, Looks, Spec, names, number, tooltip

PART_COLOURS = dict(
    zip(
        (part.replace("_", " ") for part in SECONDS_PARTS),
        ("#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#eeca3b", "#b279a2", "#ff9da6",
         "#9d755d", "#bab0ac"),
        strict=False,
    )
)  # fmt: skip


def costs_charts(data: ChartData, looks: Looks) -> list[Chart]:
    """Return the charts of time and memory."""
    return [
        Chart(
            name="time_by_part",
            section="time",
            title="Where the time goes",
            caption="Mean seconds of a finished run by activity. The number is their sum, the time "
            "of the whole run.",
            table="time_by_part",
            fields=("implementation", "learning_rate", "part", "seconds", "runs"),
            needs={"runs": 0},
            value="seconds",
            specification=_time_by_part(data.n_names),
            legend=PART_COLOURS,
        ),
        Chart(
            name="peak_memory",
            section="time",
            title="Peak memory",
            caption="The largest resident memory of any run; on a GPU, its own memory.",
            table="done",
            fields=(*RUN_FIELDS, "peak_memory_megabytes"),
            needs={"peak_memory_megabytes": 0},
            value="peak_memory_megabytes",
            specification=_memory(looks, data.n_names),
        ),
    ]


def _time_by_part(n_rows: int) -> Spec:
    """Draw the mean seconds of a run, by activity."""
    y = names()
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
    y, field = names(), "peak_memory_megabytes"
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
