"""The charts of a report: what each shows, of which rows. `vega` has their specifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench.report.charts.chart import Chart, ChartData
from bench.report.charts.chart_data import MAX_DRAWN
from bench.report.charts.history import history_chart
from bench.report.charts.vega import PART_COLOURS, Vega, is_wide, rate_colours, words
from bench.report.contents.blocks import Panel

RUN_FIELDS = ("implementation", "learning_rate", "seed")
MAX_NAMED = 4  # implementations with their names next to their points
IN_TRAINING_SECONDS = "seconds of training; warm-up and evaluation are not counted"


def charts(data: ChartData, colours: Mapping[str, str]) -> list[Chart]:
    """Return the charts that there are rows for, in the order of the report.

    Args:
        data: the rows.
        colours: the colours of the implementations, by name.
    """
    make = Vega(colours)
    every = [
        *_comparison(data, make),
        *_over(data, make),
        *_curves(data, make),
        *_rates(data, make),
        *_costs(data, make),
        history_chart(data.tables["history"]),
    ]
    return [chart for chart in (_with_panels(chart, data) for chart in every) if chart.panels]


def _with_panels(chart: Chart, data: ChartData) -> Chart:
    table = data.tables[chart.table]
    panels = []
    for number, label in enumerate(data.labels(chart.table)[:MAX_DRAWN]):
        rows = chart.rows_drawn(table[table["condition"] == number])
        if not rows.empty:
            panels.append(Panel(number, label, chart.describe(rows)))
    return replace(chart, panels=tuple(panels))


def _comparison(data: ChartData, make: Vega) -> list[Chart]:
    """Return the charts of speed, accuracy, and the ratios of speeds."""
    compared, done = data.tables["compared"], data.tables["done"]
    all_ratios = compared[["low", "high", "times_slower"]].stack()
    accuracy, is_named = data.accuracy, data.n_names <= MAX_NAMED
    fronts = compared.loc[compared["pareto"].astype(bool), "condition"].value_counts()
    front = " The dashed line is the Pareto front." if (fronts > 1).any() else ""
    tradeoff = Chart(
        name="accuracy_against_speed",
        section="summary",
        title="Speed and accuracy",
        caption="Up and to the right is better. Lines: the 95 % interval of the accuracy at the "
        f"best learning rate; the slowest and the fastest epoch.{front}",
        table="compared",
        fields=("implementation", "learning_rate", "examples_per_second", "accuracy", "pareto"),
        needs={"examples_per_second": 0, "accuracy": -1},
        value="accuracy",
        specification=make.tradeoff(
            accuracy,
            log=is_wide(compared["examples_per_second"]),
            named=is_named,
        ),
        legend={} if is_named else make.colours,
    )
    ratios = Chart(
        name="speed_ratios",
        section="summary" if len(data.conditions) == 1 else "speed",
        title="How many times slower than the fastest",
        caption="Ratio of speeds with its 95 % interval, from a variance pooled over conditions. "
        "An interval that includes 1: which of the "
        "two is faster is not known.",
        table="compared",
        fields=("implementation", "times_slower", "low", "high"),
        needs={"times_slower": 0},
        value="times_slower",
        specification=make.ratios(data.n_names, log=is_wide(all_ratios)),
    )
    speeds = Chart(
        name="training_speed",
        section="speed",
        title="Training speed of every run",
        caption="A point is a run; the grey mark is the speed in the table.",
        table="done",
        fields=(*RUN_FIELDS, "examples_per_second", "flops_utilisation"),
        needs={"examples_per_second": 0},
        value="examples_per_second",
        specification=make.speeds(data.n_names, log=is_wide(done["examples_per_second"])),
    )
    return [tradeoff, *([ratios] if data.n_names > 1 else []), speeds]


def _over(data: ChartData, make: Vega) -> list[Chart]:
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
                    specification=make.over(key, result, axis, numeric=numeric, log=log),
                    legend=make.colours,
                )
            )
    return made


def _curves(data: ChartData, make: Vega) -> list[Chart]:
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
            caption=f"{caption} at the best learning rate, against {IN_TRAINING_SECONDS}.",
            table="best_curves",
            fields=(*RUN_FIELDS, "epoch", "train_seconds_so_far", metric),
            needs={metric: 0} | ({"train_seconds_so_far": 0} if log_x else {}),
            value=metric,
            specification=make.race(metric, log=log, log_x=log_x),
            legend=make.colours,
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
            specification=make.by_epoch(metric, n_epochs, colours, log=log),
            legend={f"{rate:g}": colour for rate, colour in colours.items()},
        )

    reference = f"from {data.reference}" if data.reference else ""
    return [
        race("validation_accuracy", "Accuracy", "Validation accuracy", log=False),
        Chart(
            name="difference_by_epochs",
            section="curves",
            title=f"Difference {reference} by epoch",
            caption="Validation accuracy minus that of the reference with the same learning rate "
            "and seed, in percentage points: mean, and range over pairs. The grey band is the "
            "difference that counts as equal.",
            table="differences",
            fields=("implementation", "epoch", "difference", "lowest", "highest", "pairs"),
            needs={"pairs": 0},
            value="difference",
            specification=make.differences(n_epochs),
            legend={
                name: value for name, value in make.colours.items() if name != data.reference
            },
        ),
        by_epoch("validation_accuracy", "accuracy_by_epochs", "Accuracy",
                 "Validation accuracy after each epoch.", log=False),
        by_epoch("validation_loss", "loss_by_epochs", "Validation loss",
                 "Validation loss after each epoch, logarithmic.", log=True),
        by_epoch("train_loss", "training_loss_by_epochs", "Training loss",
                 "Mean over an epoch's batches, each before its update; logarithmic.", log=True),
    ]  # fmt: skip


def _rates(data: ChartData, make: Vega) -> list[Chart]:
    """Return the chart of accuracy by learning rate, if there are several rates."""
    table, accuracy = data.tables["rates"], data.rate_accuracy
    rates = sorted(table["learning_rate"].dropna().unique())
    if len(rates) < 2:
        return []
    is_single = data.n_names == 1 or not all(rate > 0 for rate in rates)
    chart = Chart(
        name="accuracy_by_learning_rate",
        section="rates",
        title="Accuracy by learning rate",
        caption=f"{words(accuracy).capitalize()} after the last epoch, mean over seeds. A cross at "
        "the bottom is a learning rate without a result: the word next to it is the status of its "
        "runs.",
        table="rates",
        fields=("implementation", "learning_rate", "accuracy", "ended", "runs"),
        needs={"accuracy": -1},
        value="accuracy",
        specification=make.rate_bars(accuracy) if is_single else make.rates(accuracy, rates),
        legend={} if is_single else make.colours,
        keeps_unknown=True,
    )
    return [chart]


def _costs(data: ChartData, make: Vega) -> list[Chart]:
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
            specification=make.time_by_part(data.n_names),
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
            specification=make.memory(data.n_names),
        ),
    ]
