"""Statistics of paired times and of means, shared by the regression gate, the history and reports.

The value of a pair is log(time of HEAD / time of BASE). Values of several pairs are combined by a
20 % trimmed mean with a winsorised standard error (Tukey and McLaughlin 1963; Yuen 1974), and
tested one-sided against a margin that harmless differences in memory layout stay below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

TRIM = 0.2
MARGIN = 0.01  # slowdowns up to this are never reported
MIN_PAIRS = 5
CERTAINTY = 0.99  # that the slowdown is below what matters, for "not slower"
CONFIDENCE = 0.95

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Estimate of one case's ratio, time of HEAD over time of BASE."""

    n_pairs: int
    ratio: float
    low: float  # ends of the 95 % interval
    high: float
    upper: float  # the ratio is below this with 99 % certainty
    spread: float  # standard deviation of the pairs' values, from their interquartile range
    p_value: float  # of the hypothesis that HEAD is not slower than the margin

    @property
    def interval(self) -> str:
        """The 95 % interval as text."""
        return f"{self.low:.3f} to {self.high:.3f}"

    @property
    def standard_error(self) -> float:
        """Standard error of the logarithm of the ratio."""
        return standard_error_from_interval(self.low, self.high, self.n_pairs)


def estimate(values: Sequence[float], margin: float = MARGIN) -> Estimate:
    """Estimate the ratio of times from the values of pairs.

    t = (trimmed mean - log(1 + margin)) / standard error, with h - 1 degrees of freedom, where h
    values are left after trimming.

    Args:
        values: log(time of HEAD / time of BASE) of each pair; at least 5 pairs.
        margin: relative slowdown that the test allows, such as 0.01.

    Raises:
        ValueError: there are fewer than 5 values.
    """
    n = len(values)
    if n < MIN_PAIRS:
        raise ValueError(f"{n} pairs: at least {MIN_PAIRS} are needed")
    ordered = np.sort(values)
    n_cut = math.floor(TRIM * n)
    kept = ordered[n_cut : n - n_cut]
    mean = float(kept.mean())
    variance = float(np.clip(ordered, kept[0], kept[-1]).var())
    error = math.sqrt(variance * n / (len(kept) * (len(kept) - 1)))
    freedom = degrees_of_freedom(n)
    excess = mean - math.log1p(margin)
    p_value = t_upper_tail(excess / error, freedom) if error > 0 else float(excess <= 0)
    half = t_quantile((1 + CONFIDENCE) / 2, freedom) * error
    return Estimate(
        n_pairs=n,
        ratio=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        upper=math.exp(mean + t_quantile(CERTAINTY, freedom) * error),
        spread=normal_spread(values),
        p_value=p_value,
    )


def degrees_of_freedom(n_pairs: int) -> int:
    """Return the degrees of freedom of a trimmed mean of `n_pairs` values."""
    return n_pairs - 2 * math.floor(TRIM * n_pairs) - 1


def standard_error_from_interval(low: float, high: float, n_pairs: int) -> float:
    """Return the standard error of log(ratio), given the 95 % interval of an `Estimate`."""
    quantile = t_quantile((1 + CONFIDENCE) / 2, degrees_of_freedom(n_pairs))
    return math.log(high / low) / (2 * quantile)


def half_width(values: Sequence[float]) -> float | None:
    """Return half the width of the 95 % t-interval of a mean, or None for fewer than two values.

    mean +- t(0.975, n - 1) s / sqrt(n). Student 1908.
    """
    if len(values) < 2:
        return None
    return interval_half_width(
        float(np.std(values, ddof=1)) / math.sqrt(len(values)), len(values) - 1
    )


@dataclass(frozen=True, slots=True)
class PooledMeans:
    """The mean over the pairs of each condition, (..., n_conditions), NaN without a pair.

    Attributes:
        mean: over the pairs of the condition.
        standard_error: of the mean, from a variance pooled over conditions.
        freedom: degrees of freedom of that variance; 0 if no condition has two pairs.
    """

    mean: FloatArray
    standard_error: FloatArray
    freedom: FloatArray


def pooled_means(differences: FloatArray, groups: npt.NDArray[np.integer]) -> PooledMeans:
    """Return the mean over the pairs of each condition, with its standard error.

    Two or three pairs of one condition alone give a useless interval, so the variance is pooled
    over the conditions of a group, with n_c pairs each:

        s^2 = sum_c sum_k (d_ck - mean_c)^2 / f,  f = sum_c (n_c - 1)
        standard error of mean_c = s / sqrt(n_c)

    Args:
        differences: (..., n_conditions, n_pairs), of one pair each; NaN where there is no pair.
        groups: (n_conditions,) from 0; conditions with the same number have the same variance.
    """
    known = np.isfinite(differences)
    n_pairs = known.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, differences, 0).sum(axis=-1) / n_pairs
        squares = np.where(known, (differences - mean[..., None]) ** 2, 0).sum(axis=-1)
        members = groups[:, None] == np.unique(groups)  # (n_conditions, n_groups)
        freedom = (np.maximum(n_pairs - 1.0, 0) @ members)[..., groups]
        variance = (squares @ members)[..., groups] / freedom
        return PooledMeans(mean, np.sqrt(variance / n_pairs), freedom)


def interval_half_width(standard_error: float, freedom: float) -> float:
    """Return half the width of a 95 % t-interval; infinite without degrees of freedom."""
    if not freedom > 0:
        return math.inf
    return t_quantile((1 + CONFIDENCE) / 2, freedom) * standard_error


def standard_error_of_accuracy(accuracy: float, n_examples: float) -> float:
    """Return the standard error of an accuracy due to the size of the test set alone.

    An accuracy of 0 or 1 is moved by half an example: a test set without mistakes does not prove
    that the model makes none.

    Args:
        accuracy: share of correct predictions, from 0 to 1.
        n_examples: size of the test set, 1 or more.
    """
    nearest = 0.5 / n_examples
    share = min(max(accuracy, nearest), 1 - nearest)
    return math.sqrt(share * (1 - share) / n_examples)


def normal_spread(values: Sequence[float]) -> float:
    """Return the standard deviation of a normal distribution with these quartiles.

    Quicker than `scipy.stats.iqr`.
    """
    lower, upper = np.percentile(values, (25, 75))
    return float(upper - lower) / (2 * float(special.ndtri(0.75)))


def t_quantile(probability: float, freedom: float) -> float:
    """Return a quantile of Student's t distribution; quicker than `scipy.stats.t`."""
    return float(special.stdtrit(freedom, probability))


def t_upper_tail(statistic: float, freedom: float) -> float:
    """Return P(T > statistic) for Student's t distribution; quicker than `scipy.stats.t`."""
    return float(special.stdtr(freedom, -statistic))
