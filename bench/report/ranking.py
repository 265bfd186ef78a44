"""Ranks by speed, which implementations share if they can't be told apart."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from bench.report.pairs import SpeedPairs

COLUMNS = ("rank", "last_rank", "ratio")


def ranks(proven: pd.DataFrame, speeds: SpeedPairs) -> pd.DataFrame:
    """Compare the speeds of each condition with each other.

    Args:
        proven: the rows of the comparison with proven parity.
        speeds: of the runs.

    Returns:
        For each row with a speed: `rank` is 1 + the number of rows that are surely faster,
        `last_rank` the number of rows that are not surely slower, itself included; surely: the 95 %
        interval of the ratio does not include 1. `ratio` is the speed over that of the fastest.
    """
    timed = proven[proven["examples_per_second"].notna()].sort_values("examples_per_second")
    rows = {}
    for _, group in timed.groupby("condition"):
        condition, names = int(group["condition"].iloc[0]), group["implementation"].tolist()
        highest = group["examples_per_second"].iloc[-1]
        for place, name, speed in group[["implementation", "examples_per_second"]].itertuples():
            pairs = {
                other: pair
                for other in names
                if other != name and (pair := speeds.compare(condition, name, other))
            }
            n_faster = sum(pair.high < 0 for pair in pairs.values())
            n_slower = sum(pair.low > 0 for pair in pairs.values())
            pair = pairs.get(names[-1])
            ratio = math.exp(pair.mean) if pair else speed / highest
            rows[place] = [1 + n_faster, len(names) - n_slower, ratio]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS), dtype=float)


def rank_in_words(row: Any) -> str:
    """Return a rank such as `1`, a shared one such as `2–4`, or a dash.

    Args:
        row: a row of the comparison.
    """
    if pd.isna(row.rank):
        return "-"
    first, last = (f"{rank:.0f}" for rank in (row.rank, row.last_rank))
    return first if first == last else f"{first}\N{EN DASH}{last}"
