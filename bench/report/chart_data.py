"""The rows that the charts of a report show: frames with the number of their condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.records import SECONDS_PARTS
from bench.report import frames, panels
from bench.report.charts import Chart
from bench.report.labels import RunView

MAX_CURVES = 300  # runs
FILTERS = ("implementation", "architecture", "learning_rate", "batch_size")
RUN_COLUMNS = (
    "run_id", "status", "condition", *FILTERS, "seed", "validation_accuracy", "test_accuracy",
    "examples_per_second", "flops_utilisation", "train_seconds", "pareto",
)  # fmt: skip
CURVE_COLUMNS = (
    "epoch", "train_loss", "validation_loss", "validation_accuracy", "train_seconds_so_far",
)  # fmt: skip
CURVE_RUN_COLUMNS = ("run_id", "condition", "seed", *FILTERS)  # that a curve takes from its run


@dataclass(frozen=True, slots=True)
class ChartData:
    """The rows of all charts of a report.

    Attributes:
        conditions: labels of the conditions that are drawn; `condition` in the tables is an index
            into this list.
        tables: `runs`, `done` (the finished runs of the conditions drawn), `curves`, `rates` and
            `ledger`.
        notices: sentences about what is left out.
    """

    conditions: list[str]
    tables: dict[str, pd.DataFrame]
    notices: list[str]

    @property
    def rates(self) -> list[float]:
        """Return the learning rates that were tried."""
        rates: list[float] = self.tables["rates"]["learning_rate"].dropna().unique().tolist()
        return rates

    def shown(self, chart: Chart) -> list[tuple[int, str, pd.DataFrame]]:
        """Return number, label and rows of each condition that a chart has something to draw for.

        Args:
            chart: one of `bench.report.charts.charts`.
        """
        table = self.tables[chart.table]
        return [
            (number, label, rows)
            for number, label in enumerate(self.conditions)
            if not (rows := chart.shown(table[table["condition"] == number])).empty
        ]

    def packed(self) -> dict[str, dict[str, list[Any]]]:
        """Return the tables by column; a curve names its run by its index in `runs`."""
        runs, curves = self.tables["runs"], self.tables["curves"]
        places = {run_id: place for place, run_id in enumerate(runs["run_id"])}
        short = curves[[*CURVE_COLUMNS]].assign(run=curves["run_id"].map(places))
        sent = {"runs": runs, "curves": short} | {
            name: self.tables[name] for name in ("rates", "ledger")
        }
        return {
            name: {str(column): _plain_values(table[column]) for column in table}
            for name, table in sent.items()
        }

    @staticmethod
    def values(rows: pd.DataFrame) -> list[dict[str, Any]]:
        """Return rows as Vega-Lite takes them: a dict for each row, with null for missing values.

        Args:
            rows: of one of the tables.
        """
        columns = {str(column): _plain_values(rows[column]) for column in rows}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def chart_data(views: Sequence[RunView], runs: pd.DataFrame) -> ChartData:
    """Collect the rows of all charts.

    Args:
        views: the runs of a report.
        runs: a row for each of them, as `frames.runs_frame` returns it.
    """
    named = panels.conditions(runs)
    numbers = pd.Series(0, runs.index)
    for number, (_, group) in enumerate(named):
        numbers[group.index] = number
    done = runs[runs["status"] == "done"]
    front = [
        place
        for _, group in done.groupby(numbers[done.index])
        for place in group.index[frames.pareto_front(group)]
    ]
    numbered = runs.assign(condition=numbers, pareto=runs.index.isin(front))[list(RUN_COLUMNS)]
    drawn = runs.assign(condition=numbers)[numbers.loc[runs.index] < panels.MAX_DRAWN]
    kept = drawn.loc[_with_curves(drawn)]
    curves = frames.curves_frame([views[place] for place in sorted(kept.index)])
    columns = ["run_id", *CURVE_COLUMNS]
    curves = curves.reindex(columns=columns).merge(kept[[*CURVE_RUN_COLUMNS]], on="run_id")
    # Later lines are drawn on top and are thinner: see `panels.line_width`.
    curves = curves.sort_values("implementation", kind="stable")
    notices = [panels.cut(len(named), panels.MAX_DRAWN).strip()]
    if len(kept) < len(drawn):
        notices.append(
            f"Curves are drawn for {len(kept)} of {len(drawn)} runs, at each implementation's best "
            "learning rate: the same number for each implementation and condition. curves.csv "
            "contains all."
        )
    return ChartData(
        conditions=[label for label, _ in named[: panels.MAX_DRAWN]],
        tables={
            "runs": numbered,
            "done": numbered[(numbered["status"] == "done") & numbered.index.isin(drawn.index)],
            "curves": curves,
            "rates": _rates(drawn),
            "ledger": _ledger(drawn[drawn["status"] == "done"]),
        },
        notices=[notice for notice in notices if notice],
    )


def _with_curves(drawn: pd.DataFrame) -> pd.Index:
    """Choose the runs with curves: all, or in turn one per implementation and condition."""
    if len(drawn) <= MAX_CURVES:
        return drawn.index
    best = frames.best_rates(drawn)
    turns = best.groupby(["condition", "implementation"]).cumcount()
    return turns.sort_values(kind="stable").index[:MAX_CURVES]


def _rates(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return a row per implementation and learning rate: mean accuracy, or how its runs ended."""
    by_rate = drawn.groupby(["condition", *FILTERS], dropna=False)
    rates = by_rate.agg(
        runs=("run_id", "size"),
        validation_accuracy=("validation_accuracy", "mean"),
        ended=("status", _statuses),
    ).reset_index()
    return rates.astype({"validation_accuracy": float})


def _ledger(done: pd.DataFrame) -> pd.DataFrame:
    """Return a row per activity: mean seconds of an implementation's runs at a learning rate."""
    columns = {f"{part}_seconds": part.replace("_", " ") for part in SECONDS_PARTS}
    by_rate = done.groupby(["condition", *FILTERS], dropna=False)
    means = by_rate[list(columns)].mean().rename(columns=columns).assign(runs=by_rate.size())
    long = means.reset_index().melt(
        id_vars=["condition", *FILTERS, "runs"], var_name="part", value_name="seconds"
    )
    return long.assign(order=long["part"].map(list(columns.values()).index))


def _statuses(statuses: pd.Series) -> str:
    """Return how runs ended, each status once."""
    return "/".join(dict.fromkeys(statuses)).replace("_", " ")


def _plain_values(column: pd.Series) -> list[Any]:
    """Return values as JSON has them, numbers with six significant digits."""
    return [
        None if pd.isna(value) else float(f"{value:.6g}") if isinstance(value, float) else value
        for value in column.tolist()
    ]
