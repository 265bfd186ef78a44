"""Two implementations compared pair by pair: ratios of speed and differences in test accuracy.

A pair is two runs under one condition with the same seed and, for speed, the same learning rate:
speed does not depend on the rate, so runs that differ in it alone are repeats. How far pairs differ
depends on the two implementations and on the machine, so their variance is pooled over the
conditions on one kind of machine, quiet ones apart from others; see `pooled_means`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.report import dataframes
from bench.report.display_names import RunView
from bench.statistics import (
    PooledMeans,
    interval_half_width,
    pooled_means,
    standard_error_of_accuracy,
)

Method = Literal["pairs", "epochs", "images", "pairs and images", "test set size", "none"]
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
    """

    mean: float
    standard_error: float
    freedom: float
    n_pairs: int
    method: Method

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return self.freedom > 0

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.mean - interval_half_width(self.standard_error, self.freedom)

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self.mean + interval_half_width(self.standard_error, self.freedom)


class _SideBySide:
    """One value per condition, pair and implementation; NaN where there is none."""

    def __init__(self, runs: pd.DataFrame, values: pd.Series, keys: list[str]) -> None:
        runs = runs.assign(value=values)[values.notna()]
        key = runs.groupby(["condition", *keys], dropna=False).ngroup()
        # Places within a condition, so that the array stays small.
        place = key.groupby(runs["condition"]).rank(method="dense").astype(int) - 1
        means = runs.groupby(["condition", place.rename("place"), "implementation"])["value"].mean()
        self.conditions = {int(number): row for row, number in enumerate(means.index.unique(0))}
        self.names = {str(name): column for column, name in enumerate(means.index.unique(2))}
        shape = (len(self.conditions), int(place.max()) + 1 if len(place) else 0, len(self.names))
        self.values: npt.NDArray[np.float64] = np.full(shape, np.nan)
        for (number, row, name), value in dict(means).items():
            self.values[self.conditions[number], row, self.names[name]] = value
        by_condition = runs.assign(quiet=runs["quiet"] == dataframes.QUIET).groupby("condition")
        alike = by_condition.agg({"machine": "first", "quiet": "all"})
        self.groups = alike.groupby(["machine", "quiet"], dropna=False).ngroup().to_numpy()
        self._pooled: dict[tuple[str, str], PooledMeans] = {}

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
            runs: as `dataframes.runs_frame` returns it.
        """
        timed = runs[(runs["status"] == "done") & (runs["examples_per_second"] > 0)]
        logs = np.log(timed["examples_per_second"])
        self._logs = _SideBySide(timed, logs, ["learning_rate", "seed"])
        cells = timed.groupby(["condition", "implementation"])
        self._epoch_spread = cells["epoch_spread"].first()
        self._n_epochs = pd.to_numeric(cells["epochs"].first(), errors="coerce")

    def means(self) -> pd.Series:
        """Return the mean log(examples/s) by condition and implementation."""
        logs = self._logs
        index = pd.MultiIndex.from_product(
            [logs.conditions, logs.names], names=["condition", "implementation"]
        )
        known = np.isfinite(logs.values)
        n_known = known.sum(axis=1)
        sums = np.where(known, logs.values, 0).sum(axis=1)
        means = np.divide(sums, n_known, out=np.full(sums.shape, np.nan), where=n_known > 0)
        return pd.Series(means.ravel(), index, dtype=float)

    def compare(self, condition: int, subject: str, baseline: str) -> Paired | None:
        """Return log(speed of subject / speed of baseline), or None without a pair.

        A single pair has the spread of its epochs: the root of the sum of both variances.
        """
        paired = self._logs.compare(condition, subject, baseline)
        if paired is None or paired.is_known:
            return paired
        cells = [(condition, subject), (condition, baseline)]
        spread = math.hypot(*self._epoch_spread[cells])
        freedom = float(self._n_epochs[cells].sum()) - len(cells)
        if not (math.isfinite(spread) and freedom >= 1):
            return paired
        return replace(paired, standard_error=spread, freedom=freedom, method="epochs")


class AccuracyPairs:
    """The test accuracies at the best learning rates, side by side, in percentage points."""

    def __init__(self, runs: pd.DataFrame, views: Sequence[RunView]) -> None:
        """Arrange the runs.

        Args:
            runs: as `dataframes.runs_frame` returns it.
            views: the runs of its rows.
        """
        best = dataframes.best_rates(runs)
        best = best[best["test_accuracy"].notna()]
        self._points = _SideBySide(best, 100 * best["test_accuracy"], ["seed"])
        self._records = {
            (int(row.condition), str(row.implementation), str(row.seed)): views[row.Index].record
            for row in dataframes.rows(best)
        }
        self._cells = best.groupby(["condition", "implementation"])[["test_accuracy", "test_size"]]

    def compare(self, condition: int, subject: str, baseline: str) -> Paired | None:
        """Return the accuracy of subject minus that of baseline, or None without a pair."""
        paired = self._points.compare(condition, subject, baseline)
        if paired is None:
            return None
        gains = self._gains(condition, subject, baseline)
        if len(gains) == paired.n_pairs:
            return _over_images(paired, gains)
        if paired.is_known:
            return paired
        # One pair of an earlier version: the two models are taken as independent.
        cells = self._cells.first()
        errors = [
            100 * standard_error_of_accuracy(*cells.loc[(condition, name)])
            for name in (subject, baseline)
        ]
        error = math.hypot(*errors)
        known = math.isfinite(error)
        return (
            replace(paired, standard_error=error, freedom=MANY, method="test set size")
            if known
            else paired
        )

    def _gains(self, condition: int, subject: str, baseline: str) -> npt.NDArray[np.float64]:
        """Return 1 where only subject is right, -1 where only baseline is: (n_pairs, n_images)."""
        rows = []
        for (number, name, seed), ours in self._records.items():
            theirs = self._records.get((condition, baseline, seed))
            if (number, name) == (condition, subject) and theirs is not None:
                wrong = [record.test_mistakes for record in (ours, theirs)]
                if wrong[0] and wrong[1] and len(wrong[0]) == len(wrong[1]):
                    n_images = sum(map(sum, ours.confusion_matrix or ())) or 8 * len(wrong[0])
                    bits = [np.unpackbits(np.frombuffer(mask, np.uint8)) for mask in wrong if mask]
                    rows.append((bits[1].astype(float) - bits[0])[:n_images])
        same = rows and len({len(row) for row in rows}) == 1
        return np.array(rows) if same else np.empty((0, 0))


def _over_images(paired: Paired, gains: npt.NDArray[np.float64]) -> Paired:
    """Return the difference for images like these and, with several pairs, for seeds like these.

    With S pairs and n images, seeds and images are crossed random effects. The variance of the mean
    is V_images + V_pairs - V_both, where V_images = var(mean gain of an image) / n, V_pairs is the
    squared standard error over pairs, and V_both = (variance within an image) / (S n) is in each of
    the two. Owen 2007, "The pigeonhole bootstrap". One wrong image is added to V_images, as Agresti
    and Min 2005 do, since few differences do not prove that there are no others.

    Args:
        paired: the mean over the pairs, in percentage points.
        gains: (S, n), from -1 to 1.
    """
    n_pairs, n_images = gains.shape
    means = gains.mean(axis=0)
    images = (((means - means.mean()) ** 2).sum() + 1 / n_pairs) / n_images**2
    if n_pairs == 1:
        return replace(
            paired, standard_error=100 * math.sqrt(images), freedom=MANY, method="images"
        )
    centred = gains - means - gains.mean(axis=1, keepdims=True) + means.mean()
    both = (centred**2).sum() / (n_pairs - 1) / n_pairs / n_images**2
    pairs = (paired.standard_error / 100) ** 2
    total = images + max(0.0, pairs - both)
    freedom = min(MANY, paired.freedom * (total / pairs) ** 2) if pairs > 0 else MANY
    return replace(
        paired, standard_error=100 * math.sqrt(total), freedom=freedom, method="pairs and images"
    )
