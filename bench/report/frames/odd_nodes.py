"""Nodes whose speed differs from that of the other nodes of their kind.

The value of a node is the median, over its runs, of

    log(speed of the run) - median over the nodes of the mean under its condition

for the same implementation. A value is compared with those of the other nodes, whose spread is that
of nodes of this kind (externally studentised residual, the test of Grubbs 1969):

    t = (value - mean of the others) / (s of the others * sqrt(1 + 1 / (n - 1))),  n - 2 degrees

with Bonferroni's correction over nodes. Two odd nodes would hide each other, so one in four is
removed in turn (Rosner 1983). In simulations, nodes that are alike are named in at most 5 % of
sweeps (tests/report/test_nodes.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.statistics import FloatArray, interval_half_width, t_quantile

ERROR_RATE = 0.025  # of the first test; removing nodes in turn raises it, to less than 5 %
MIN_NODES = 4  # of one kind
MIN_DIFFERENCE = math.log(1.1)  # smaller differences are part of the spread between nodes


@dataclass(frozen=True, slots=True)
class OddNode:
    """A node that is slower or faster than the others of its kind.

    Attributes:
        node: its id.
        mean: log(its speed / mean speed of the others).
        error: standard error of `mean`, with `n_others` - 1 degrees of freedom.
        spread: standard deviation of the others' values.
        n_others: number of the others.
    """

    node: str
    mean: float
    error: float
    spread: float
    n_others: int

    @property
    def statistic(self) -> float:
        """|t|; infinite if the others are all the same."""
        return abs(self.mean) / self.error if self.error > 0 else math.inf * (self.mean != 0)

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval of `mean`."""
        return interval_half_width(self.error, self.n_others - 1)


def node_values(runs: pd.DataFrame) -> pd.DataFrame:
    """Return log(speed) relative to the other nodes, by node.

    Args:
        runs: finished runs on nodes of one kind, with the columns of `dataframes.runs_frame`. What
            fewer than `MIN_NODES` nodes have executed is left out.

    Returns:
        By node: `value`, and `variance`, that of a median of so many runs.
    """
    runs = runs[(runs["examples_per_second"] > 0) & runs["node"].notna()]
    logs = np.log(runs["examples_per_second"])
    cell = runs.groupby(["condition", "implementation"]).ngroup().rename("cell")
    own = logs.groupby([cell, runs["node"]])
    by_node = own.mean().groupby("cell")
    is_used = cell.map(by_node.size()) >= MIN_NODES
    relative = (logs - cell.map(by_node.median()))[is_used].groupby(runs["node"])
    residuals = (logs - own.transform("mean"))[is_used]
    freedom = is_used.sum() - own.ngroup()[is_used].nunique()
    noise = float((residuals**2).sum()) / freedom if freedom else 0.0
    return pd.DataFrame(
        {"value": relative.median(), "variance": math.pi / 2 * noise / relative.size()}
    )


def odd_nodes(values: pd.DataFrame, error_rate: float = ERROR_RATE) -> list[OddNode]:
    """Return the nodes whose value does not belong to the distribution of the others.

    Args:
        values: as `node_values` returns it.
        error_rate: probability that the first test names a node if all are alike.
    """
    value, variance = (values[name].to_numpy(float) for name in ("value", "variance"))
    is_left, suspects, n_odd = np.ones(len(values), bool), list[int](), 0
    while (n_left := int(is_left.sum())) >= MIN_NODES and len(suspects) < len(values) // 4:
        left = np.flatnonzero(is_left)
        worst = max(
            (_compare(values.index, value, variance, is_left, int(place)) for place in left),
            key=lambda one: one.statistic,
        )
        suspects.append([*values.index].index(worst.node))
        is_left[suspects[-1]] = False
        if worst.statistic > t_quantile(1 - error_rate / 2 / n_left, n_left - 2):
            n_odd = len(suspects)
    is_left[suspects[n_odd:]] = True
    found = [_compare(values.index, value, variance, is_left, place) for place in suspects[:n_odd]]
    return [one for one in found if abs(one.mean) >= MIN_DIFFERENCE]


def _compare(
    names: pd.Index, value: FloatArray, variance: FloatArray, is_other: npt.NDArray[np.bool_],
    place: int,
) -> OddNode:  # fmt: skip
    others = is_other.copy()
    others[place] = False
    n_others, spread = int(others.sum()), float(value[others].std(ddof=1))
    # A node with fewer runs than the others has a less certain value.
    extra = max(0.0, float(variance[place] - variance[others].mean()))
    error = math.sqrt(spread**2 * (1 + 1 / n_others) + extra)
    mean = float(value[place] - value[others].mean())
    return OddNode(str(names[place]), mean, error, spread, n_others)
