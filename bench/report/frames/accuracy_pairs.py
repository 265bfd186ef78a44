"""The test accuracies of two implementations, compared seed by seed and image by image."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.records import RunRecord
from bench.report.frames import dataframes
from bench.report.frames.display_names import RunView
from bench.report.frames.pairs import MANY, Paired, SideBySide
from bench.statistics import standard_error_of_accuracy

MAX_BELOW_BEST = 0.1  # at rates with a lower accuracy, training is unstable or has hardly begun


@dataclass(frozen=True, slots=True)
class AccuracyDifference:
    """The test accuracy of one implementation minus that of another.

    Attributes:
        paired: the difference, in percentage points.
        rates: the learning rates: one, two if each is compared at its own best, or all.
        n_seeds: number of seeds of the pairs.
        run_ids: the compared runs.
    """

    paired: Paired
    rates: tuple[float, ...]
    n_seeds: int
    run_ids: tuple[str, ...]


class AccuracyPairs:
    """The test accuracies of all finished runs, side by side."""

    def __init__(self, runs: pd.DataFrame, views: Sequence[RunView]) -> None:
        """Arrange the runs.

        Args:
            runs: as `runs_frame` returns it.
            views: the runs of its rows.
        """
        self._tested = runs[(runs["status"] == "done") & runs["test_accuracy"].notna()]
        self._views = views
        best = dataframes.best_rates(runs)
        cases = best.groupby(["implementation", "condition"])["learning_rate"]
        self._best_rates = cases.first()
        self._at_own_best = _Selection(best[best["test_accuracy"].notna()], views, ["seed"])
        highest = self._tested.groupby(["condition", "implementation"])["test_accuracy"]
        stable = self._tested["test_accuracy"] >= highest.transform("max") - MAX_BELOW_BEST
        self._at_all = _Selection(self._tested[stable], views, ["learning_rate", "seed"])
        self._at_best_of: dict[str, _Selection] = {}

    def compare(self, condition: int, subject: str, baseline: str) -> AccuracyDifference | None:
        """Compare the accuracies at the best learning rate of the baseline.

        A single pair says nothing about chance, so pairs at other rates are added to it, without
        rates at which one of the two is far from its best. Without a pair of runs at the best rate,
        each implementation is compared at its own best rate.

        Args:
            condition: the number of the condition.
            subject: an implementation.
            baseline: an implementation that has runs under the condition.

        Returns:
            The accuracy of subject minus that of baseline; None without a common seed.
        """
        rates = [float(self._best_rates[name, condition]) for name in (subject, baseline)]
        for selection, compared in (
            (self._selection(baseline), (rates[1], rates[1])),
            (self._at_own_best, (rates[0], rates[1])),
        ):
            if paired := selection.compare(condition, subject, baseline):
                run_ids = selection.run_ids(condition, subject, baseline)
                if paired.n_pairs == 1 and compared[0] == compared[1]:
                    more = self._at_all.compare(condition, subject, baseline)
                    if more and more.n_pairs > 1:
                        pairs = self._at_all.pairs(condition, subject, baseline)
                        rates_of_pairs = sorted({float(rate) for rate, _ in pairs})
                        n_seeds = len({seed for _, seed in pairs})
                        run_ids = self._at_all.run_ids(condition, subject, baseline)
                        return AccuracyDifference(more, tuple(rates_of_pairs), n_seeds, run_ids)
                return AccuracyDifference(paired, compared, paired.n_pairs, run_ids)
        return None

    def _selection(self, baseline: str) -> _Selection:
        """Return the runs at the best learning rate of one implementation."""
        if baseline not in self._at_best_of:
            rate = self._tested["condition"].map(self._best_rates[baseline])
            own = self._tested["learning_rate"]
            selected = self._tested[(own == rate) | (own.isna() & rate.isna())]
            self._at_best_of[baseline] = _Selection(selected, self._views, ["seed"])
        return self._at_best_of[baseline]


class _Selection:
    """Runs that are compared; `keys` are equal in the two runs of a pair."""

    def __init__(self, runs: pd.DataFrame, views: Sequence[RunView], keys: list[str]) -> None:
        self._runs = runs[[*keys, "run_id", "test_accuracy", "test_size"]]
        self._views, self._keys = views, keys
        self._points = SideBySide(runs, 100 * runs["test_accuracy"], keys)
        self._places = runs.groupby(["condition", "implementation"]).groups

    def compare(self, condition: int, subject: str, baseline: str) -> Paired | None:
        """Return the accuracy of subject minus that of baseline, or None without a pair."""
        paired = self._points.compare(condition, subject, baseline)
        if paired is None:
            return None
        gains = self._gains(condition, subject, baseline)
        if len(gains) == paired.n_pairs:
            return over_images(paired, gains)
        if paired.is_known:
            return paired
        # One pair of an earlier version: the two models are taken as independent.
        cells = [self._cell(condition, name) for name in (subject, baseline)]
        errors = [
            standard_error_of_accuracy(*cell[["test_accuracy", "test_size"]].max().astype(float))
            for cell in cells
        ]
        error = 100 * math.hypot(*errors)
        if not math.isfinite(error):
            return paired
        return replace(paired, standard_error=error, freedom=MANY, method="test set size")

    def run_ids(self, condition: int, *names: str) -> tuple[str, ...]:
        """Return the runs of some implementations."""
        return tuple(run for name in names for run in self._cell(condition, name)["run_id"])

    def pairs(self, condition: int, subject: str, baseline: str) -> Set[tuple[str, ...]]:
        """Return the values of the keys of each pair, as text."""
        return self._records(condition, subject).keys() & self._records(condition, baseline).keys()

    def _records(self, condition: int, name: str) -> dict[tuple[str, ...], RunRecord]:
        return {
            tuple(str(getattr(row, key)) for key in self._keys): self._views[row.Index].record
            for row in dataframes.rows(self._cell(condition, name))
        }

    def _cell(self, condition: int, name: str) -> pd.DataFrame:
        return self._runs.loc[self._places[condition, name]]

    def _gains(self, condition: int, subject: str, baseline: str) -> npt.NDArray[np.float64]:
        """Return 1 where only subject is right, -1 where only baseline is: (n_pairs, n_images)."""
        ours, theirs = (self._records(condition, name) for name in (subject, baseline))
        rows = []
        for key in ours.keys() & theirs.keys():
            masks = [one[key].test_mistakes for one in (ours, theirs)]
            if masks[0] and masks[1] and len(masks[0]) == len(masks[1]):
                matrix = ours[key].confusion_matrix or ()
                n_images = sum(map(sum, matrix)) or 8 * len(masks[0])
                wrong = [np.unpackbits(np.frombuffer(mask, np.uint8)) for mask in masks if mask]
                rows.append((wrong[1].astype(float) - wrong[0])[:n_images])
        same = rows and len({len(row) for row in rows}) == 1
        return np.array(rows) if same else np.empty((0, 0))


def over_images(paired: Paired, gains: npt.NDArray[np.float64]) -> Paired:
    """Return the difference for images like these and, with several pairs, for seeds like these.

    With S pairs and n images, seeds and images are crossed random effects (Owen 2007, "The
    pigeonhole bootstrap"). The variance of the mean is the sum of

        V_pairs = the squared standard error over pairs, which includes what differs by both, and
        V_known = var(mean gain of an image) / n - (variance within an image) / (S n)

    where only V_pairs has few degrees of freedom; `Paired.half_width` adds them. One wrong image is
    added to V_known, as Agresti and Min 2005 do, since few differences do not prove that there are
    no others.

    Args:
        paired: the mean over the pairs, in percentage points.
        gains: (S, n), from -1 to 1.
    """
    n_pairs, n_images = gains.shape
    means = gains.mean(axis=0)
    images = ((means - means.mean()) ** 2).sum() / n_images**2
    one_image = 1 / n_pairs / n_images**2
    if n_pairs == 1:
        error = 100 * math.sqrt(images + one_image)
        return replace(paired, standard_error=error, freedom=MANY, method="images")
    centred = gains - means - gains.mean(axis=1, keepdims=True) + means.mean()
    both = (centred**2).sum() / (n_pairs - 1) / n_pairs / n_images**2
    known = max(0.0, images - both) + one_image
    return replace(paired, known_error=100 * math.sqrt(known), method="pairs and images")
