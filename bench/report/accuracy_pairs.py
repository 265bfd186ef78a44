"""The test accuracies of two implementations, compared seed by seed and image by image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.records import RunRecord
from bench.report import dataframes
from bench.report.display_names import RunView
from bench.report.pairs import Paired, SideBySide
from bench.statistics import standard_error_of_accuracy

MANY = 1e6  # degrees of freedom of a variance that is known


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
        self._points = SideBySide(best, 100 * best["test_accuracy"], ["seed"])
        self._records: dict[tuple[int, str], dict[str, RunRecord]] = {}
        for row in dataframes.rows(best):
            by_seed = self._records.setdefault((int(row.condition), str(row.implementation)), {})
            by_seed[str(row.seed)] = views[row.Index].record
        self._cells = best.groupby(["condition", "implementation"])[["test_accuracy", "test_size"]]

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
        cells = self._cells.max().loc[[(condition, subject), (condition, baseline)]]
        ours, theirs = (standard_error_of_accuracy(*cell) for cell in cells.to_numpy(float))
        error = 100 * math.hypot(ours, theirs)
        if not math.isfinite(error):
            return paired
        return replace(paired, standard_error=error, freedom=MANY, method="test set size")

    def _gains(self, condition: int, subject: str, baseline: str) -> npt.NDArray[np.float64]:
        """Return 1 where only subject is right, -1 where only baseline is: (n_pairs, n_images)."""
        rows = []
        ours, theirs = (self._records[condition, name] for name in (subject, baseline))
        for seed in ours.keys() & theirs.keys():
            masks = [one[seed].test_mistakes for one in (ours, theirs)]
            if masks[0] and masks[1] and len(masks[0]) == len(masks[1]):
                matrix = ours[seed].confusion_matrix or ()
                n_images = sum(map(sum, matrix)) or 8 * len(masks[0])
                wrong = [np.unpackbits(np.frombuffer(mask, np.uint8)) for mask in masks if mask]
                rows.append((wrong[1].astype(float) - wrong[0])[:n_images])
        same = rows and len({len(row) for row in rows}) == 1
        return np.array(rows) if same else np.empty((0, 0))


def over_images(paired: Paired, gains: npt.NDArray[np.float64]) -> Paired:
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
    pairs = max(0.0, (paired.standard_error / 100) ** 2 - both)
    total = images + pairs
    freedom = min(MANY, paired.freedom * (total / pairs) ** 2) if pairs > 0 else MANY
    return replace(
        paired, standard_error=100 * math.sqrt(total), freedom=freedom, method="pairs and images"
    )
