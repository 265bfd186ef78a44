"""From pairs of times to one of three answers: slower, not slower, can't tell.

The value of a pair is log(time of HEAD / time of BASE). Over pairs: a 20 % trimmed mean with a
winsorised standard error (Tukey and McLaughlin 1963; Yuen 1974), tested one-sided against a margin
that harmless differences in memory layout stay below. Looks at the pairs so far share one error
rate; several cells share it too (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from scipy.stats import mstats

TRIM = 0.2
MARGIN = 0.01  # a slowdown that nobody is told of
LOOKS = {20: 0.0005, 40: 0.0015, 80: 0.003}  # pairs: the chance of a false alarm that a look takes
EARLIEST = 10  # pairs after which a cell may be called not slower
SURE = 0.99  # that a slowdown is smaller than what matters, to stop early
CONFIDENCE = 0.95

Answer = Literal["slower", "not slower", "can't tell"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What some pairs say of one cell. Ratios are time of HEAD over time of BASE."""

    n_pairs: int
    ratio: float
    low: float  # of the 95 % interval
    high: float
    upper: float  # the ratio is below this with 99 % certainty
    spread: float  # standard deviation of the pairs' logarithms, from their middle half
    p_value: float  # that it is no slower than the margin


def estimate(values: Sequence[float], margin: float = MARGIN) -> Estimate:
    """Sum up the values of some pairs, log(time of HEAD / time of BASE); at least 5 of them.

    t = (trimmed mean - log(1 + margin)) / standard error, with h - 1 degrees of freedom, where h
    values are left after trimming.
    """
    n = len(values)
    if n < 5:
        raise ValueError(f"{n} pairs: at least 5 are needed")
    mean = float(stats.trim_mean(values, TRIM))
    kept = n - 2 * math.floor(TRIM * n)
    winsorised = np.asarray(mstats.winsorize(np.asarray(values), limits=(TRIM, TRIM)))
    error = math.sqrt(winsorised.var() * n / (kept * (kept - 1)))
    lower_quartile, upper_quartile = np.percentile(values, [25, 75])
    if error == 0:
        p_value = 0.0 if mean > math.log1p(margin) else 1.0
    else:
        p_value = float(stats.t.sf((mean - math.log1p(margin)) / error, freedom(n)))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom(n))) * error
    return Estimate(
        n_pairs=n,
        ratio=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        upper=math.exp(mean + float(stats.t.ppf(SURE, freedom(n))) * error),
        spread=float(upper_quartile - lower_quartile) / 1.349,
        p_value=p_value,
    )


def freedom(n_pairs: int) -> int:
    """Return the degrees of freedom of a trimmed mean."""
    return n_pairs - 2 * math.floor(TRIM * n_pairs) - 1


def standard_error(low: float, high: float, n_pairs: int) -> float:
    """Return the standard error of the logarithm of a ratio from its 95 % interval."""
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom(n_pairs)))
    return math.log(high / low) / (2 * quantile)


def passing(p_values: Mapping[str, float], levels: Mapping[str, float]) -> list[str]:
    """Return the cells that pass, each at its level, one error rate for all (Holm 1979).

    A cell at level 0 can't pass now; it counts as one of them, and holds up no other.
    """
    tested = sorted(
        (cell for cell in p_values if levels[cell] > 0),
        key=lambda cell: p_values[cell] / levels[cell],
    )
    passed = []
    for place, cell in enumerate(tested):  # stop at the first that does not pass
        if p_values[cell] >= levels[cell] / (len(p_values) - place):
            break
        passed.append(cell)
    return passed


def decide(
    estimates: Mapping[str, Estimate], smallest: float, *, last: bool = False
) -> dict[str, Answer | None]:
    """Answer for every cell, or None where more pairs are needed.

    Args:
        estimates: of all cells; those decided before keep their place among them.
        smallest: the slowdown that matters, such as 0.03.
        last: there will be no more pairs.
    """
    answers: dict[str, Answer | None] = dict.fromkeys(estimates)
    for cell in passing(
        {cell: made.p_value for cell, made in estimates.items()},
        {cell: _level(made.n_pairs, last) for cell, made in estimates.items()},
    ):
        answers[cell] = "slower"
    for cell, made in estimates.items():
        looking = last or made.n_pairs in (EARLIEST, *LOOKS)
        if answers[cell] is None and looking and made.upper < 1 + smallest:
            answers[cell] = "not slower"
        if answers[cell] is None and (last or made.n_pairs >= max(LOOKS)):
            answers[cell] = "can't tell"
    return answers


def _level(n_pairs: int, last: bool) -> float:
    """Return the chance of a false alarm that this look may take; 0 between looks."""
    if n_pairs in LOOKS:
        return LOOKS[n_pairs]
    # Cut short, a campaign may use up the look that it would have come to next.
    return next((level for look, level in LOOKS.items() if look > n_pairs), 0.0) if last else 0.0
