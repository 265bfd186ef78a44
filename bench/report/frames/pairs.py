"""Two implementations compared pair by pair; the ratios of their speeds.

A pair is two runs under one condition with the same seed and, for speed, the same learning rate:
speed does not depend on the rate, so runs that differ in it alone are repeats. How far pairs differ
depends on the two implementations and on the machine, so their variance is pooled over the
conditions on one kind of machine, quiet ones apart from others; see `pooled_means`.

Runs on different nodes are never paired. The ratio of two implementations differs between nodes of
one kind by more than repeats on one node tell, so with several nodes their means are the sample:

    log ratio of a node = mean over its pairs,  t-interval over the nodes, n_nodes - 1 degrees
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.report.frames import dataframes
from bench.statistics import PooledMeans, interval_half_width, pooled_means

Method = Literal["pairs", "nodes", "epochs", "images", "pairs and images", "test set size", "none"]
MANY = 1e6  # degrees of freedom of a variance that is known


@dataclass(frozen=True, slots=True)
class Paired:
    """A mean difference over pairs of runs.

    Attributes:
        mean: of the natural logarithm of the ratio of speeds, or of percentage points.
        standard_error: of the mean.
        freedom: degrees of freedom of the standard error; 0 if nothing is known of the spread.
        n_pairs: number of pairs under this condition.
        method: what the standard error is computed from.
        known_error: a second, independent part of the standard error, whose size is known.
        n_nodes: number of nodes with a pair.
    """

    mean: float
    standard_error: float
    freedom: float
    n_pairs: int
    method: Method
    known_error: float = 0.0
    n_nodes: int = 1

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return self.freedom > 0

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self.mean + self.half_width

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval: sqrt(sum of the squares of both parts' half widths).

        Zou and Donner 2008, "Construction of confidence limits about effect measures".
        """
        return math.hypot(
            interval_half_width(self.standard_error, self.freedom),
            interval_half_width(self.known_error, MANY),
        )


class SideBySide:
    """One value per condition, pair and implementation; NaN where there is none."""

    def __init__(self, runs: pd.DataFrame, values: pd.Series, keys: list[str]) -> None:
        """Arrange the values.

        Args:
            runs: rows of the frame that `runs_frame` returns.
            values: one per row; missing ones are left out.
            keys: columns that are equal in the two runs of a pair.
        """
        runs = runs.assign(value=values)[values.notna()]
        key = runs.groupby(["condition", *keys], dropna=False).ngroup()
        # Places within a condition, so that the array stays small.
        place = key.groupby(runs["condition"]).rank(method="dense").astype(int) - 1
        means = runs.groupby(["condition", place.rename("place"), "implementation"])["value"].mean()
        self.conditions = {int(number): row for row, number in enumerate(means.index.unique(0))}
        self.names = {str(name): column for column, name in enumerate(means.index.unique(2))}
        shape = (len(self.conditions), int(place.max()) + 1 if len(place) else 0, len(self.names))
        self.values: npt.NDArray[np.float64] = np.full(shape, np.nan)
        at = means.reset_index()
        rows, columns = at["condition"].map(self.conditions), at["implementation"].map(self.names)
        self.values[rows, at["place"], columns] = means
        node = runs.groupby("node", dropna=False).ngroup()
        self._n_nodes = int(node.max()) + 1 if len(node) else 0
        self._nodes = np.full(shape[:2], -1)  # the node of each pair
        self._nodes[runs["condition"].map(self.conditions), place] = node
        by_condition = runs.assign(quiet=runs["quiet"] == dataframes.QUIET).groupby("condition")
        alike = by_condition.agg({"machine": "first", "quiet": "all"})
        self.groups = alike.groupby(["machine", "quiet"], dropna=False).ngroup().to_numpy()
        self._pooled: dict[tuple[str, str], PooledMeans] = {}

    def node_means(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the means over the pairs of each node.

        Args:
            values: (n_conditions, n_places, ...); NaN where there is none.

        Returns:
            (n_conditions, n_nodes, ...); NaN for nodes without a value.
        """
        means = np.full((len(values), self._n_nodes, *values.shape[2:]), np.nan)
        for node in range(self._n_nodes):
            here = np.isfinite(values) & _like(self._nodes == node, values)
            n_here = here.sum(axis=1)
            sums = np.where(here, values, 0).sum(axis=1)
            np.divide(sums, n_here, out=means[:, node], where=n_here > 0)
        return means

    def node_differences(
        self, condition: int, subject: str, baseline: str
    ) -> npt.NDArray[np.float64]:
        """Return the mean of subject minus baseline for each node that has a pair."""
        ours, theirs = (self.values[:, :, self.names[name]] for name in (subject, baseline))
        means = self.node_means(ours - theirs)[self.conditions[condition]]
        known: npt.NDArray[np.float64] = means[np.isfinite(means)]
        return known

    def compare(self, condition: int, subject: str, baseline: str) -> Paired | None:
        """Return the mean of subject minus baseline, or None without a pair."""
        if condition not in self.conditions or not {subject, baseline} <= self.names.keys():
            return None
        ours, theirs = (self.values[:, :, self.names[name]] for name in (subject, baseline))
        row = self.conditions[condition]
        n_pairs = int(np.isfinite(ours[row] - theirs[row]).sum())
        if not n_pairs:
            return None
        if (subject, baseline) not in self._pooled:
            self._pooled[subject, baseline] = pooled_means(ours - theirs, self.groups)
        pooled = self._pooled[subject, baseline]
        mean, error, freedom = (
            float(values[row]) for values in (pooled.mean, pooled.standard_error, pooled.freedom)
        )
        return Paired(mean, error, freedom, n_pairs, "pairs" if freedom > 0 else "none")


class SpeedPairs:
    """The speeds of all finished runs, side by side."""

    def __init__(self, runs: pd.DataFrame) -> None:
        """Arrange the runs.

        Args:
            runs: as `runs_frame` returns it.
        """
        timed = runs[(runs["status"] == "done") & (runs["examples_per_second"] > 0)]
        logs = np.log(timed["examples_per_second"])
        self._logs = SideBySide(timed, logs, ["node", "learning_rate", "seed"])
        cells = timed.groupby(["condition", "implementation"])
        self._epoch_spread = cells["epoch_spread"].first()
        self._n_epochs = pd.to_numeric(cells["epochs"].first(), errors="coerce")

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
        by_node = self._logs.node_differences(condition, subject, baseline)
        if (n_nodes := len(by_node)) > 1:
            error = float(by_node.std(ddof=1)) / math.sqrt(n_nodes)
            mean = float(by_node.mean())
            return Paired(mean, error, n_nodes - 1, paired.n_pairs, "nodes", n_nodes=n_nodes)
        if paired.is_known:
            return paired
        cells = [(condition, subject), (condition, baseline)]
        spread = math.hypot(*self._epoch_spread[cells])
        freedom = float(self._n_epochs[cells].sum()) - len(cells)
        if not (math.isfinite(spread) and freedom >= 1):
            return paired
        return replace(paired, standard_error=spread, freedom=freedom, method="epochs")


def _like(mask: npt.NDArray[np.bool_], values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Add dimensions of size 1 to a mask, for each further dimension of `values`."""
    return mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
