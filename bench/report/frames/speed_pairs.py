"""The ratios of speeds, from pairs of runs.

Speed does not depend on the learning rate, so runs that differ in it alone are repeats. Runs on
different nodes are never paired. The ratio of two implementations differs between nodes of one kind
by more than repeats on one node tell, so with several nodes their means are the sample:

    log ratio of a node = mean over its pairs,  t-interval over the nodes, n_nodes - 1 degrees
"""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.report.frames.pairs import Paired, SideBySide


class SpeedPairs:
    """The speeds of all finished runs, side by side."""

    def __init__(self, runs: pd.DataFrame) -> None:
        """Arrange the runs.

        Args:
            runs: as `dataframes.runs_frame` returns it.
        """
        timed = runs[(runs["status"] == "done") & (runs["examples_per_second"] > 0)]
        logs = np.log(timed["examples_per_second"])
        self._logs = SideBySide(timed, logs, ["node", "learning_rate", "seed"])
        cells = timed.groupby(["condition", "implementation"])
        self._epoch_spread = cells["epoch_spread"].first()
        self._n_epochs = pd.to_numeric(cells["epochs"].first(), errors="coerce")
        columns = (timed[name].astype(str) for name in ("node", "learning_rate", "seed"))
        keys = pd.Series([*zip(*columns, strict=True)], timed.index, dtype=object)
        self._keys = keys.groupby([timed["condition"], timed["implementation"]]).agg(frozenset)

    def means(self) -> pd.Series:
        """Return the mean log(examples/s) by condition and implementation; nodes count equally."""
        logs = self._logs
        index = pd.MultiIndex.from_product(
            [logs.conditions, logs.names], names=["condition", "implementation"]
        )
        by_node = logs.node_means(logs.values)  # (condition, node, implementation)
        known = np.isfinite(by_node)
        n_known = known.sum(axis=1)
        sums = np.where(known, by_node, 0).sum(axis=1)
        means = np.divide(sums, n_known, out=np.full(sums.shape, np.nan), where=n_known > 0)
        return pd.Series(means.ravel(), index, dtype=float)

    def compare(self, condition: int, subject: str, baseline: str) -> Paired | None:
        """Return log(speed of subject / speed of baseline), or None without a pair.

        A single pair has the spread of its epochs: the root of the sum of both variances.
        """
        paired = self._logs.compare(condition, subject, baseline)
        if paired is None:
            return None
        by_node = self.by_node(condition, subject, baseline)
        if (n_nodes := len(by_node)) > 1:
            means = [one.mean for one in by_node.values()]
            error = statistics.stdev(means) / math.sqrt(n_nodes)
            mean = statistics.fmean(means)
            return Paired(mean, error, n_nodes - 1, paired.n_pairs, "nodes", n_nodes=n_nodes)
        paired = replace(paired, n_nodes=sum(map(bool, by_node)))
        if paired.is_known:
            return paired
        cells = [(condition, subject), (condition, baseline)]
        spread = math.hypot(*self._epoch_spread[cells])
        freedom = float(self._n_epochs[cells].sum()) - len(cells)
        if not (math.isfinite(spread) and freedom >= 1):
            return paired
        return replace(paired, standard_error=spread, freedom=freedom, method="epochs")

    def repeats(self, condition: int, subject: str, baseline: str) -> tuple[tuple[float, ...], int]:
        """Return the learning rates of the pairs, and the number of their seeds."""
        pairs = self._keys[condition, subject] & self._keys[condition, baseline]
        rates = {float(rate) for _, rate, _ in pairs}
        return tuple(sorted(rates)), len({seed for *_, seed in pairs})

    def by_node(self, condition: int, subject: str, baseline: str) -> dict[str, Paired]:
        """Return log(speed of subject / speed of baseline) on each node that has a pair.

        The key of pairs whose node is not recorded is "".
        """
        return self._logs.by_node(condition, subject, baseline)
