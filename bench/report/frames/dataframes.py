"""Conditions, cases, and the best learning rates: what frames of runs are grouped by."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd

from bench.config.identity import CONDITION_KEYS
from bench.console import as_typed, counted
from bench.nested import setting
from bench.records import SECONDS_PARTS, RunRecord, Verdict

# Runs are compared only where all of these are the same.
CONDITIONS = (*CONDITION_KEYS, "dataset_fingerprint", "cores", "machine")
# A case is one implementation under one condition; its runs differ in learning rate and seed.
CASE = (*CONDITIONS, "implementation")
# Columns of seconds, and the names of these parts of a run in words.
PARTS = {f"{part}_seconds": part.replace("_", " ") for part in SECONDS_PARTS}

# Whether the code and versions of a run compute the recipe's equations; the worst first.
FAILED: Final = "failed"
NOT_CHECKED: Final = "not checked"
PASSED: Final = "passed"
PARITY_WORDS = (FAILED, NOT_CHECKED, PASSED)

# How quiet the machine was while a run was timed; the worst first.
NOISY: Final = "noisy"
SHARED: Final = "shared"
NOT_KNOWN: Final = "not known"
QUIET: Final = "quiet"
QUIET_WORDS = (NOISY, SHARED, NOT_KNOWN, QUIET)


def parity(verdict: Verdict | None) -> str:
    """Return the verdict in one or two words."""
    if verdict is None or verdict.error is not None:
        return NOT_CHECKED
    return PASSED if verdict.passed else FAILED


def quiet(record: RunRecord) -> str:
    """Return how quiet the machine was while a run was timed, in one or two words."""
    noisy = record.environment.get("noisy")
    if noisy is True:
        return NOISY
    if setting(record, "share_machine") is True:
        return SHARED
    return QUIET if noisy is False else NOT_KNOWN


def rate_accuracy(runs: pd.DataFrame) -> str:
    """Return which accuracy is compared over learning rates: of the validation set if there is one.

    Args:
        runs: as `runs_frame` returns it.
    """
    validated = runs["validation_accuracy"].notna().any()
    return "validation_accuracy" if validated else "test_accuracy"


def by_rate(runs: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the accuracy by learning rate.

    Args:
        runs: as `runs_frame` returns it.
        keys: columns that are equal in the runs of a row, the learning rate among them.

    Returns:
        One row per condition and values of `keys`: number of `runs`, mean `accuracy` over seeds,
        and how the runs `ended`.
    """
    groups = runs.groupby(["condition", *keys], dropna=False)
    rates = groups.agg(
        runs=("run_id", "size"),
        accuracy=(rate_accuracy(runs), "mean"),
        ended=("status", statuses),
    )
    return rates.reset_index().astype({"accuracy": float})


def best_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the finished runs at each case's best learning rate.

    A rate at which every seed has a result wins over one at which some have none; among equals, the
    highest mean `score` over seeds wins, and then the lowest rate.

    Args:
        runs: as `runs_frame` returns it.

    Returns:
        These rows, with the number of seeds tried at the rate as `n_tried`.
    """
    case = runs.groupby(list(CASE), dropna=False, sort=False).ngroup()
    rate = runs.groupby([case, runs["learning_rate"]], dropna=False).ngroup()
    seed, done = seeds(runs), runs["status"] == "done"
    n_tried = seed.groupby(rate).nunique()
    by_seed = runs.loc[done, "score"].groupby([rate[done].rename("rate"), seed[done]]).mean()
    by_rate = by_seed.groupby("rate")
    rates = pd.DataFrame(
        {
            "score": by_rate.mean(),
            "case": case.groupby(rate).first(),
            "n_missing": n_tried - by_rate.size(),
        }
    ).dropna(subset="n_missing")
    ordered = rates.sort_values(["n_missing", "score"], ascending=[True, False], kind="stable")
    best = ordered.groupby("case").head(1).index
    return runs.assign(n_tried=rate.map(n_tried))[done & rate.isin(best)]


def seeds(runs: pd.DataFrame) -> pd.Series:
    """Return the seeds as text, so that runs without a recorded seed have one as well."""
    return runs["seed"].map(str).rename("seed")


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield a frame's rows as named tuples, as `itertuples` does in three times the time."""
    row = _row_type(tuple(frame.columns))
    for index, values in zip(frame.index, frame.to_numpy(object), strict=True):
        yield row(index, *values)


@functools.cache
def _row_type(columns: tuple[str, ...]) -> Any:
    return namedtuple("Row", ["Index", *columns], rename=True)


def varying(frame: pd.DataFrame, columns: Sequence[str] = CONDITIONS) -> list[str]:
    """Return the columns that have more than one value, and always the architecture."""
    return [
        name
        for name in columns
        if name in frame and (name == "architecture" or frame[name].nunique(dropna=False) > 1)
    ]


def kind_labels(runs: pd.DataFrame) -> pd.Series:
    """Return the kind of machine of each run: its label, and its cores where kinds differ in them.

    Args:
        runs: as `runs_frame` returns it.
    """
    machines = runs["machine"].fillna("a machine that is not recorded")
    if runs["cores"].nunique(dropna=False) < 2:
        return machines
    return machines + runs["cores"].map(
        lambda cores: "" if pd.isna(cores) else f" with {counted(int(cores), 'core')}"
    )


def condition_label(row: pd.Series, named: Sequence[str]) -> str:
    """Return the label of a condition, such as `one_hidden, batch size 32`.

    Args:
        row: a row of the condition.
        named: the columns in the label; the architecture is always part of it.
    """
    words = [str(row["architecture"])]
    words += [
        f"{name.replace('_', ' ')} {plain(row[name])}" for name in named if name != "architecture"
    ]
    return ", ".join(words)


def plain(value: Any) -> str:
    """Return a setting of a frame as it is typed on the command line, or a dash if missing."""
    if pd.isna(value):
        return "-"
    return f"{value:g}" if isinstance(value, float) else as_typed(value)


def statuses(column: pd.Series) -> str:
    """Return how runs ended, each status once: `failed, timeout`."""
    return ", ".join(dict.fromkeys(column)).replace("_", " ")


def conditions(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the label and the rows of each condition, sorted by their settings.

    Args:
        runs: rows with the columns of `CONDITIONS` and `condition`.
    """
    named = varying(runs)
    return [
        (condition_label(group.iloc[0], named), group) for _, group in runs.groupby("condition")
    ]
