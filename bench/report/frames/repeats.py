"""Runs that differ from their repeats, which ran on the same node and do the same work."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

MIN_REPEATS = 3  # of a case, to say which run differs from the others
MAX_UNEVEN = 1.25  # fastest run over slowest; on a quiet machine they differ by a few percent


def over_repeats(runs: pd.DataFrame, column: str = "examples_per_second") -> pd.Series:
    """Return a value of each finished run over the median of its repeats.

    Repeats differ in learning rate and seed only, and ran on the same node. NaN for fewer than
    three.

    Args:
        runs: as `runs_frame` returns it.
        column: speed in examples/s, which is that of the median epoch, or seconds of training.
    """
    done = runs[(runs["status"] == "done") & (runs[column] > 0)]
    keys = [done["condition"], done["implementation"], done["node"].fillna("")]
    repeats = done.groupby(keys)[column]
    median = repeats.transform("median").where(repeats.transform("size") >= MIN_REPEATS)
    return (done[column] / median).reindex(runs.index)


def outliers(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that are much slower than their repeats, the slowest first.

    Other work makes runs slower, never faster.

    Args:
        runs: as `runs_frame` returns it.
    """
    shares = over_repeats(runs)
    return runs.reindex(shares[shares < 1 / MAX_UNEVEN].sort_values().index)


def worst_outlier(outlying: pd.DataFrame, condition: int, names: Collection[str]) -> str:
    """Return the run_id of the outlier of some implementations that is slowest, or "".

    Args:
        outlying: as `outliers` returns it.
        condition: the number of the condition.
        names: the implementations.
    """
    is_theirs = (outlying["condition"] == condition) & outlying["implementation"].isin(names)
    return next(map(str, outlying.loc[is_theirs, "run_id"]), "")
