"""What the charts of a page show: a report's tables as rows, each with its condition's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.contract import RunRecord
from bench.report import style, tables

MOST_CURVES = 300  # runs; beyond that only those at the best learning rates have curves in the page
FILTERS = ("implementation", "architecture", "learning_rate", "batch_size")


def rows_of_charts(records: Sequence[RunRecord], runs: pd.DataFrame) -> dict[str, Any]:
    """Return what the charts show: the conditions' names, and tables as lists of rows."""
    named = tables.varying(runs)
    groups = list(runs.groupby(list(tables.CONDITIONS), dropna=False, sort=False))
    labels = [tables.condition_label(group.iloc[0], named) for _, group in groups]
    numbered = pd.concat([group.assign(condition=n) for n, (_, group) in enumerate(groups)])
    done = numbered[numbered["status"] == "done"]
    fronts = [group[tables.pareto_front(group)].index for _, group in done.groupby("condition")]
    numbered["pareto"] = numbered.index.isin([row for front in fronts for row in front])
    # Later lines are drawn on top, and are thinner, so that what lies below them shows.
    names = style.unique(numbered["implementation"].tolist())
    widths = {name: 1.5 + 3 * (1 - (n + 1) / len(names)) for n, name in enumerate(names)}
    numbered["width"] = numbered["implementation"].map(widths)
    shown = (
        "run_id", "status", "condition", *FILTERS, "seed", "validation_accuracy", "test_accuracy",
        "examples_per_second", "flops_utilisation", "train_seconds", "pareto", "width",
    )  # fmt: skip
    kept = numbered if len(runs) <= MOST_CURVES else tables.best_rates(numbered)
    kept = kept[:MOST_CURVES]
    curves = tables.curves_table(
        [record for record in records if record.run_id in set(kept["run_id"])]
    )
    if not curves.empty:
        curves = curves.drop(columns=[*(set(curves) & set(FILTERS)), "status", "training_set_loss"])
        curves = curves.merge(numbered[["run_id", "condition", "width", *FILTERS]], on="run_id")
    return {
        "conditions": labels,
        "runs": _rows(numbered[list(shown)]),
        "curves": _rows(curves),
        "ledger": _rows(_ledger(done)),
    }


def _ledger(done: pd.DataFrame) -> pd.DataFrame:
    """Return a row a part of the ledger: means over runs of the same implementation and rate."""
    keys = ["condition", *FILTERS]
    parts = {f"{part}_seconds": part for part in tables.PARTS}
    means = done.groupby(
        ["condition", "implementation", "architecture", "batch_size"], dropna=False
    )[list(parts)].mean()
    long = means.rename(columns=parts).reset_index().melt(
        id_vars=[key for key in keys if key != "learning_rate"],
        value_vars=list(tables.PARTS), var_name="part", value_name="seconds",
    )  # fmt: skip
    long["order"] = long["part"].map({part: n for n, part in enumerate(tables.PARTS)})
    return long


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rounded = table.copy()
    floats = rounded.select_dtypes("float").columns
    rounded[floats] = rounded[floats].map(lambda value: float(f"{value:.6g}"))
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in rounded.astype(object).to_dict("records")
    ]
