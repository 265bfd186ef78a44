"""What the charts of a page show: a report's tables as rows, each with its condition's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench import plotting
from bench.records import SECONDS_PARTS
from bench.report import frames, panels
from bench.report.labels import RunView

MAX_CURVES = 300  # runs
FILTERS = ("implementation", "architecture", "learning_rate", "batch_size")
SHOWN = (
    "run_id", "status", "condition", *FILTERS, "seed", "validation_accuracy", "test_accuracy",
    "examples_per_second", "flops_utilisation", "train_seconds", "pareto",
)  # fmt: skip
CURVE = (
    "epoch", "train_loss", "validation_loss", "validation_accuracy", "train_seconds_so_far",
)  # fmt: skip
OF_A_RUN = ("run_id", "condition", "seed", *FILTERS)  # which its curve has from it


@dataclass(frozen=True, slots=True)
class ChartData:
    """What the charts of a page show."""

    conditions: list[str]  # those that are drawn
    tables: dict[str, pd.DataFrame]  # `runs`, `done` (of them), `curves`, `rates`, `ledger`
    notices: list[str]  # what is left out

    def packed(self) -> dict[str, dict[str, list[Any]]]:
        """Return the tables as lists, a column each; a curve names its run by its place."""
        runs, curves = self.tables["runs"], self.tables["curves"]
        places = {run_id: place for place, run_id in enumerate(runs["run_id"])}
        short = curves[[*CURVE]].assign(run=curves["run_id"].map(places))
        tables_sent = {"runs": runs, "curves": short} | {
            name: self.tables[name] for name in ("rates", "ledger")
        }
        return {name: _columns(table) for name, table in tables_sent.items()}


def chart_data(views: Sequence[RunView], runs: pd.DataFrame) -> ChartData:
    """Return what the charts show of runs, of which `runs` has a row each."""
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
    numbered = runs.assign(condition=numbers, pareto=runs.index.isin(front))[list(SHOWN)]
    drawn = runs.assign(condition=numbers)[numbers.loc[runs.index] < panels.MOST]
    kept = drawn.loc[_with_curves(drawn)]
    curves = frames.curves_frame([views[place] for place in sorted(kept.index)])
    curves = curves.reindex(columns=["run_id", *CURVE]).merge(kept[[*OF_A_RUN]], on="run_id")
    # Later lines are drawn on top and are thinner: see `panels.width`.
    curves = curves.sort_values("implementation", kind="stable")
    notices = [panels.cut(len(named), panels.MOST).strip()]
    if len(kept) < len(drawn):
        notices.append(
            f"Curves are drawn for {len(kept)} of {len(drawn)} runs: of each implementation under "
            "each condition as many as of the others, at its best learning rate. curves.csv holds "
            "all."
        )
    return ChartData(
        conditions=[label for label, _ in named[: panels.MOST]],
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
    """Choose whose curves are sent: all, or in turn one of each implementation and condition."""
    if len(drawn) <= MAX_CURVES:
        return drawn.index
    best = frames.best_rates(drawn)
    turns = best.groupby(["condition", "implementation"]).cumcount()
    return turns.sort_values(kind="stable").index[:MAX_CURVES]


def _rates(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return a row a learning rate of an implementation: mean accuracy, or how its runs ended."""
    by_rate = drawn.groupby(["condition", *FILTERS], dropna=False)
    rates = by_rate.agg(
        runs=("run_id", "size"),
        validation_accuracy=("validation_accuracy", "mean"),
        ended=("status", plotting.listed),
    ).reset_index()
    return rates.astype({"validation_accuracy": float})


def _ledger(done: pd.DataFrame) -> pd.DataFrame:
    """Return a row a part of the ledger: means over an implementation's runs at a rate."""
    columns = {f"{part}_seconds": part.replace("_", " ") for part in SECONDS_PARTS}
    by_rate = done.groupby(["condition", *FILTERS], dropna=False)
    means = by_rate[list(columns)].mean().rename(columns=columns).assign(runs=by_rate.size())
    long = means.reset_index().melt(
        id_vars=["condition", *FILTERS, "runs"], var_name="part", value_name="seconds"
    )
    return long.assign(order=long["part"].map(list(columns.values()).index))


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): [_plain(value) for value in table[name].tolist()] for name in table}


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it, with as many digits as anyone reads."""
    if pd.isna(value):
        return None
    return float(f"{value:.6g}") if isinstance(value, float) else value
