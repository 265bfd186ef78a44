"""Two implementations compared pair by pair.

A pair is two runs under one condition with the same seed and, for speed, the same learning rate.
How far pairs differ depends on the two implementations and on the machine, so their variance is
pooled over the conditions on one kind of machine, quiet ones apart from others; see `pooled_means`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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
        n_nodes: number of nodes with a pair; 0 if they are not recorded.
    """

    mean: float
    standard_error: float
    freedom: float
    n_pairs: int
    method: Method
    known_error: float = 0.0
    n_nodes: int = 0

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
        """Half the width of the 95 % interval.

        Of the two variances, V = standard_error^2 is estimated with f degrees of freedom and
        V_known is known:

            half width^2 = 1.96^2 V_known + max(0, t(0.975, f)^2 V - (4 / f)^2 V_known)

        Without the last term the interval is too wide where V is small (Zou and Donner 2008,
        "Construction of confidence limits about effect measures": up to 98.7 % with f = 1). With
        it, 94 to 96.1 % of intervals contain the true value, for every ratio of V to V_known and
        every f.
        """
        if not self.is_known:
            return math.inf
        estimated = interval_half_width(self.standard_error, self.freedom)
        known = interval_half_width(self.known_error, MANY)
        excess = estimated**2 - (4 * self.known_error / self.freedom) ** 2
        return math.sqrt(known**2 + max(0.0, excess))


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
        node, names = pd.factorize(runs["node"].fillna(""))
        self._node_names: list[str] = [*map(str, names)]
        self._nodes = np.full(shape[:2], -1)  # the node of each pair
        self._nodes[runs["condition"].map(self.conditions), place] = node
        by_condition = runs.assign(quiet=runs["quiet"] == dataframes.QUIET).groupby("condition")
        alike = by_condition.agg({"machine": "first", "quiet": "all"})
        self.groups = alike.groupby(["machine", "quiet"], dropna=False).ngroup().to_numpy()
        self._pooled: dict[tuple[str, str], PooledMeans] = {}
        self._pooled_by_node: dict[tuple[str, str], tuple[PooledMeans, npt.NDArray[np.int_]]] = {}

    def node_means(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the means over the pairs of each node.

        Args:
            values: (n_conditions, n_places, ...); NaN where there is none.

        Returns:
            (n_conditions, n_nodes, ...); NaN for nodes without a value.
        """
        means = np.full((len(values), len(self._node_names), *values.shape[2:]), np.nan)
        for node in range(len(self._node_names)):
            here = np.isfinite(values) & _like(self._nodes == node, values)
            n_here = here.sum(axis=1)
            sums = np.where(here, values, 0).sum(axis=1)
            np.divide(sums, n_here, out=means[:, node], where=n_here > 0)
        return means

    def by_node(self, condition: int, subject: str, baseline: str) -> dict[str, Paired]:
        """Return the mean of subject minus baseline on each node that has a pair.

        The variance of a pair is pooled over nodes and conditions, as for `compare`.
        """
        if condition not in self.conditions or not {subject, baseline} <= self.names.keys():
            return {}
        if (subject, baseline) not in self._pooled_by_node:
            ours, theirs = (self.values[:, :, self.names[name]] for name in (subject, baseline))
            on_node = self._nodes[:, None] == np.arange(len(self._node_names))[:, None]
            differences = np.where(on_node, (ours - theirs)[:, None], np.nan)
            groups = np.repeat(self.groups[:, None], len(self._node_names), axis=1)
            pooled = pooled_means(differences.reshape(groups.size, -1), groups.ravel())
            n_pairs = np.isfinite(differences).sum(axis=2)
            self._pooled_by_node[subject, baseline] = (pooled, n_pairs)
        pooled, n_pairs = self._pooled_by_node[subject, baseline]
        row = self.conditions[condition]
        return {
            name: _paired(pooled, row * len(self._node_names) + place, int(n_pairs[row, place]))
            for place, name in enumerate(self._node_names)
            if n_pairs[row, place]
        }

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
        return _paired(self._pooled[subject, baseline], row, n_pairs)


def _paired(pooled: PooledMeans, place: int, n_pairs: int) -> Paired:
    mean, error, freedom = (
        float(values[place]) for values in (pooled.mean, pooled.standard_error, pooled.freedom)
    )
    return Paired(mean, error, freedom, n_pairs, "pairs" if freedom > 0 else "none")


def _like(mask: npt.NDArray[np.bool_], values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Add dimensions of size 1 to a mask, for each further dimension of `values`."""
    return mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
