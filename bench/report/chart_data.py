"""The rows that the charts of a report draw: frames with the number of their condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report import dataframes
from bench.report.analysis import Analysis
from bench.report.charts import Chart
from bench.report.dataframes import PARTS

MAX_CURVES = 300  # runs
MAX_DRAWN = 12  # conditions in the page; more are unreadable
MAX_PICTURED = 6  # conditions in one picture, which fits on a sheet of paper
FILTERS = ("implementation", "architecture", "learning_rate", "batch_size")
RUN_COLUMNS = (
    "run_id", "status", "condition", *FILTERS, "seed", "validation_accuracy", "test_accuracy",
    "examples_per_second", "flops_utilisation", "train_seconds", "pareto",
)  # fmt: skip
CURVE_COLUMNS = (
    "epoch", "train_loss", "validation_loss", "validation_accuracy", "train_seconds_so_far",
)  # fmt: skip
CURVE_RUN_COLUMNS = ("run_id", "condition", "seed", *FILTERS)  # copied from a curve's run


@dataclass(frozen=True, slots=True)
class ChartData:
    """The rows of all charts of a report.

    Attributes:
        conditions: labels of the drawn conditions; `condition` in the tables is an index into
            this list.
        tables: `runs`, `done` (the finished runs of the conditions drawn), `curves`, `rates` and
            `time_by_part`.
        notices: sentences on the conditions and curves that are not drawn.
    """

    conditions: list[str]
    tables: dict[str, pd.DataFrame]
    notices: list[str]

    @property
    def rates(self) -> list[float]:
        """Return the learning rates of the runs."""
        rates: list[float] = self.tables["rates"]["learning_rate"].dropna().unique().tolist()
        return rates

    def panels(self, chart: Chart) -> list[tuple[int, str, pd.DataFrame]]:
        """Return number, label and rows of each condition that a chart has data for.

        Args:
            chart: one of `bench.report.charts.charts`.
        """
        table = self.tables[chart.table]
        return [
            (number, label, rows)
            for number, label in enumerate(self.conditions)
            if not (rows := chart.rows_drawn(table[table["condition"] == number])).empty
        ]

    def packed(self) -> dict[str, dict[str, list[Any]]]:
        """Return the tables by column; `run` of a curve is the index of its run in `runs`."""
        runs, curves = self.tables["runs"], self.tables["curves"]
        places = {run_id: place for place, run_id in enumerate(runs["run_id"])}
        short = curves[[*CURVE_COLUMNS]].assign(run=curves["run_id"].map(places))
        sent = {"runs": runs, "curves": short} | {
            name: self.tables[name] for name in ("rates", "time_by_part")
        }
        return {
            name: {str(column): _plain_values(table[column]) for column in table}
            for name, table in sent.items()
        }

    @staticmethod
    def values(rows: pd.DataFrame) -> list[dict[str, Any]]:
        """Return rows as Vega-Lite takes them: a dict for each row, with null for missing values.

        Args:
            rows: rows of one of the tables.
        """
        columns = {str(column): _plain_values(rows[column]) for column in rows}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def drawn_of(n_conditions: int, maximum: int) -> str:
    """Return a sentence on how many conditions are drawn, or "" if all are.

    Args:
        n_conditions: the number of conditions.
        maximum: the number of conditions that are drawn at most.
    """
    if n_conditions <= maximum:
        return ""
    return f"Drawn for the first {maximum} of {n_conditions} conditions; the tables contain all."


def chart_data(analysis: Analysis) -> ChartData:
    """Collect the rows of all charts.

    Args:
        analysis: the analysis of a report.
    """
    conditions = dataframes.conditions(analysis.runs)
    runs = analysis.runs.assign(condition=0, pareto=False)
    for number, (_, group) in enumerate(conditions):
        runs.loc[group.index, "condition"] = number
        done = group[group["status"] == "done"]
        runs.loc[done.index, "pareto"] = dataframes.pareto_front(done)
    drawn = runs[runs["condition"] < MAX_DRAWN]
    done = drawn[drawn["status"] == "done"]
    with_curves = drawn.loc[_with_curves(drawn)]
    curves = dataframes.curves_frame([analysis.views[place] for place in sorted(with_curves.index)])
    curves = curves.reindex(columns=["run_id", *CURVE_COLUMNS])
    curves = curves.merge(with_curves[[*CURVE_RUN_COLUMNS]], on="run_id")
    notices = [drawn_of(len(conditions), MAX_DRAWN)]
    if len(with_curves) < len(drawn):
        notices.append(
            f"Curves are drawn for {len(with_curves)} of {len(drawn)} runs, at each "
            "implementation's best learning rate: the same number for each implementation and "
            "condition. curves.csv contains all."
        )
    return ChartData(
        conditions=[label for label, _ in conditions[:MAX_DRAWN]],
        tables={
            "runs": runs[list(RUN_COLUMNS)],
            "done": done[list(RUN_COLUMNS)],
            # Later lines are drawn on top and are thinner: see the widths in `charts`.
            "curves": curves.sort_values("implementation", kind="stable"),
            "rates": _rates(drawn),
            "time_by_part": _time_by_part(done),
        },
        notices=[notice for notice in notices if notice],
    )


def _with_curves(drawn: pd.DataFrame) -> pd.Index:
    """Return the runs with curves: all, or in turn one per implementation and condition."""
    if len(drawn) <= MAX_CURVES:
        return drawn.index
    best = dataframes.best_rates(drawn)
    turns = best.groupby(["condition", "implementation"]).cumcount()
    return turns.sort_values(kind="stable").index[:MAX_CURVES]


def _rates(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return one row per implementation and learning rate: mean accuracy, and how runs ended."""
    by_rate = drawn.groupby(["condition", *FILTERS], dropna=False)
    rates = by_rate.agg(
        runs=("run_id", "size"),
        validation_accuracy=("validation_accuracy", "mean"),
        ended=("status", dataframes.statuses),
    ).reset_index()
    return rates.astype({"validation_accuracy": float})


def _time_by_part(done: pd.DataFrame) -> pd.DataFrame:
    """Return one row per part of a run: mean seconds of an implementation at a learning rate."""
    groups = done.groupby(["condition", *FILTERS], dropna=False)
    means = groups[list(PARTS)].mean().rename(columns=PARTS).assign(runs=groups.size())
    long = means.reset_index().melt(
        id_vars=["condition", *FILTERS, "runs"], var_name="part", value_name="seconds"
    )
    return long.assign(order=long["part"].map(list(PARTS.values()).index))


def _plain_values(column: pd.Series) -> list[Any]:
    """Return values as JSON has them, numbers with six significant digits."""
    return [
        None if pd.isna(value) else float(f"{value:.6g}") if isinstance(value, float) else value
        for value in column.tolist()
    ]
