"""The rows that the charts of a report draw: frames with the number of their condition."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.report.charts.chart import CURVE_COLUMNS, ChartData
from bench.report.charts.history import history_rows
from bench.report.contents.comparison_table import slower_in_words
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.dataframes import PARTS
from bench.report.frames.runs import curves_frame
from bench.report.frames.swept import FILTERS, is_numeric, over_settings
from bench.results.history import Entry
from bench.statistics import standard_error_of_accuracy

MAX_CURVES = 300  # runs
DRAWN_PARTS = {
    "train_seconds": "training",
    **dict.fromkeys(
        ("start_up_seconds", "data_seconds", "setup_seconds", "warm_up_seconds"), "preparation"
    ),
    "evaluate_seconds": "evaluation",
}  # of a run, in a chart; "other" are the rest
MAX_DRAWN = 12  # conditions in the page; more are unreadable
RUN_COLUMNS = (
    "run_id", "status", "condition", *FILTERS, "seed", "validation_accuracy", "test_accuracy",
    "examples_per_second", "flops_utilisation", "train_seconds", "peak_memory_megabytes",
    "compared_speed", "at_best_rate",
)  # fmt: skip
CURVE_RUN_COLUMNS = ("run_id", "condition", "seed", "at_best_rate", *FILTERS)  # of a curve's run
COMPARED_COLUMNS = (
    "condition", *FILTERS, "test_accuracy", "examples_per_second", "speed_low", "speed_high",
    "accuracy", "accuracy_low", "accuracy_high", "seeds", "pareto", "times_slower", "low", "high",
    "words",
)  # fmt: skip


def chart_data(analysis: Analysis, history: Sequence[Entry] = ()) -> ChartData:
    """Collect the rows of all charts.

    Args:
        analysis: the analysis of a report.
        history: the entries of speed over commits.
    """
    compared = _compared(analysis)
    runs = _runs(analysis, compared)
    drawn = runs[runs["condition"] < MAX_DRAWN]
    done = drawn[drawn["status"] == "done"]
    with_curves = drawn.loc[_with_curves(drawn)]
    curves = curves_frame([analysis.views[place] for place in sorted(with_curves.index)])
    curves = curves.reindex(columns=["run_id", *CURVE_COLUMNS])
    curves = curves.merge(with_curves[[*CURVE_RUN_COLUMNS]], on="run_id")
    reference = str(compared["implementation"].iloc[0]) if len(compared) else ""
    over, labels = over_settings(compared)
    entries, cases = history_rows(history)
    return ChartData(
        conditions=list(analysis.conditions[:MAX_DRAWN]),
        tables={
            "runs": runs[list(RUN_COLUMNS)],
            "done": done[list(RUN_COLUMNS)],
            "compared": compared[compared["condition"] < MAX_DRAWN][list(COMPARED_COLUMNS)],
            "curves": curves,
            "best_curves": curves[curves["at_best_rate"].astype(bool)],
            "differences": _differences(curves, reference),
            "rates": dataframes.by_rate(drawn, FILTERS),
            "time_by_part": _time_by_part(done),
            "history": entries,
            **{f"over_{key}": rows for key, rows in over.items()},
        },
        accuracy=_accuracy(compared),
        rate_accuracy=dataframes.rate_accuracy(drawn),
        swept={key: is_numeric(rows["value"]) for key, rows in over.items()},
        reference=reference,
        notices=[*_notices(len(analysis.conditions), len(with_curves), len(drawn))],
        other_labels=labels | {"history": cases},
    )


def drawn_of(n_conditions: int, maximum: int) -> str:
    """Return a sentence on how many conditions are drawn, or "" if all are.

    Args:
        n_conditions: the number of conditions.
        maximum: the number of conditions that are drawn at most.
    """
    if n_conditions <= maximum:
        return ""
    return f"Drawn for the first {maximum} of {n_conditions} conditions; the tables contain all."


def _notices(n_conditions: int, n_curves: int, n_drawn: int) -> list[str]:
    notices = [drawn_of(n_conditions, MAX_DRAWN)]
    if n_curves < n_drawn:
        notices.append(
            f"Curves are drawn for {n_curves} of {n_drawn} runs, at each implementation's best "
            "learning rate: the same number for each implementation and condition. curves.csv "
            "contains all."
        )
    return [notice for notice in notices if notice]


def _accuracy(compared: pd.DataFrame) -> str:
    """Return which accuracy the comparison draws."""
    tested = len(compared) == 0 or compared["test_accuracy"].notna().any()
    return "test_accuracy" if tested else "validation_accuracy"


def _compared(analysis: Analysis) -> pd.DataFrame:
    """Return the rows of the comparison that have a finished run, with the intervals to draw."""
    rows = analysis.finished
    if rows.empty:
        return pd.DataFrame(columns=[*COMPARED_COLUMNS, "run_ids"], dtype=float)
    accuracy = rows[_accuracy(rows)].astype(float)
    half_width = rows["test_accuracy_half_width"].astype(float)
    errors = [
        1.96 * standard_error_of_accuracy(value, size) if value == value and size == size else 0.0
        for value, size in zip(accuracy, rows["test_size"].astype(float), strict=True)
    ]
    half_width = half_width.where(half_width > 0, pd.Series(errors, rows.index))
    done = analysis.runs[analysis.runs["status"] == "done"]
    speeds = done.groupby(["condition", "implementation"])["examples_per_second"]
    ends = speeds.agg(speed_low="min", speed_high="max")
    rows = rows.join(ends, on=["condition", "implementation"]).assign(
        accuracy=accuracy,
        accuracy_low=(accuracy - half_width).clip(lower=0),
        accuracy_high=(accuracy + half_width).clip(upper=1),
        seeds=rows["n_seeds"],
        pareto=False,
    )
    for _, group in rows.groupby("condition"):
        rows.loc[group.index, "pareto"] = pareto_front(group)
    words = [slower_in_words(*row) for row in rows[["times_slower", "last_rank"]].to_numpy(float)]
    return rows.assign(words=words)


def pareto_front(compared: pd.DataFrame) -> list[bool]:
    """Mark the rows that no other row dominates: none is as fast and accurate, and better in one.

    Args:
        compared: the rows of one condition, with `examples_per_second` and `accuracy`.
    """
    speed, accuracy = compared["examples_per_second"], compared["accuracy"]
    return [
        speed[place] == speed[place] and accuracy[place] == accuracy[place]
        and not (
            (speed >= speed[place]) & (accuracy >= accuracy[place])
            & ((speed > speed[place]) | (accuracy > accuracy[place]))
        ).any()
        for place in compared.index
    ]  # fmt: skip


def _runs(analysis: Analysis, compared: pd.DataFrame) -> pd.DataFrame:
    """Return all runs, with the speed of their row in the comparison."""
    speeds = compared.set_index(["condition", "implementation"])["examples_per_second"]
    best = {run_id for run_ids in compared["run_ids"] for run_id in run_ids}
    runs = analysis.runs
    places = pd.MultiIndex.from_frame(runs[["condition", "implementation"]])
    return runs.assign(
        compared_speed=speeds.reindex(places).to_numpy(),
        at_best_rate=runs["run_id"].isin(best),
        peak_memory_megabytes=runs["peak_memory_bytes"] / 1e6,
    )


def _with_curves(drawn: pd.DataFrame) -> pd.Index:
    """Return the runs with curves: all, or in turn one per implementation and condition."""
    if len(drawn) <= MAX_CURVES:
        return drawn.index
    best = dataframes.best_rates(drawn)
    turns = best.groupby(["condition", "implementation"]).cumcount()
    return turns.sort_values(kind="stable").index[:MAX_CURVES]


def _differences(curves: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return by epoch how much validation accuracy differs from the reference's.

    A pair is two runs with the same learning rate and seed. One row per condition, implementation,
    learning rate and epoch: mean, lowest and highest difference in percentage points.
    """
    curves = curves[curves["validation_accuracy"].notna()]
    keys = ["condition", "learning_rate", "seed", "epoch"]
    is_reference = curves["implementation"] == reference
    base = curves[is_reference].groupby(keys, dropna=False)["validation_accuracy"].mean()
    others = curves[~is_reference].merge(base.rename("base").reset_index(), on=keys)
    others = others.assign(difference=100 * (others["validation_accuracy"] - others["base"]))
    groups = others.groupby(["condition", *FILTERS, "epoch"], dropna=False)["difference"]
    return groups.agg(difference="mean", lowest="min", highest="max", pairs="size").reset_index()


def _time_by_part(done: pd.DataFrame) -> pd.DataFrame:
    """Return one row per part of a run: mean seconds of an implementation at a learning rate."""
    groups = done.groupby(["condition", *FILTERS], dropna=False)
    means = groups[list(PARTS)].mean()
    parts = means.T.groupby([DRAWN_PARTS.get(str(name), "other") for name in means]).sum().T
    long = (
        parts.assign(runs=groups.size())
        .reset_index()
        .melt(id_vars=["condition", *FILTERS, "runs"], var_name="part", value_name="seconds")
    )
    order = [*dict.fromkeys(DRAWN_PARTS.values()), "other"]
    return long.assign(order=long["part"].map(order.index))
