"""Changes of speed in a history: since the last entry, and the commits that made them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.decisions import LOOKS, Answer, Key, significant
from bench.results.history import STEP, Entry
from bench.statistics import (
    CERTAINTY,
    CONFIDENCE,
    Estimate,
    FloatArray,
    degrees_of_freedom,
    t_quantile,
    t_upper_tail,
)

MIN_FOR_NEIGHBOURS = 4  # entries, for a variance from the differences of neighbours
LEVEL = sum(LOOKS.values())  # probability of a false alarm, all cases together


@dataclass(frozen=True, slots=True)
class Change:
    """A commit that changed the speed of a case.

    Attributes:
        place: index of its entry in the series.
        ratio: time since this commit / time before it.
    """

    place: int
    ratio: float


def since(last: Entry, now: Estimate) -> Estimate:
    """Return the estimate of time now / time last, both measured against the same commit.

    The logarithms of the ratios are compared as by Welch (1947).
    """
    errors = [now.standard_error**2, last.standard_error**2]
    freedoms = [degrees_of_freedom(now.n_pairs), degrees_of_freedom(last.n_pairs)]
    error = math.sqrt(sum(errors))
    difference = math.log(now.ratio / last.ratio)
    excess = difference - math.log1p(last.margin)
    freedom: float = sum(freedoms)
    if error > 0:
        freedom = sum(errors) ** 2 / sum(e**2 / f for e, f in zip(errors, freedoms, strict=True))
    half = t_quantile((1 + CONFIDENCE) / 2, freedom) * error
    return Estimate(
        n_pairs=now.n_pairs,
        ratio=math.exp(difference),
        low=math.exp(difference - half),
        high=math.exp(difference + half),
        upper=math.exp(difference + t_quantile(CERTAINTY, freedom) * error),
        spread=now.spread,
        p_value=t_upper_tail(excess / error, freedom) if error > 0 else float(excess <= 0),
    )


def answers(estimates: Mapping[Key, Estimate], smallest: Mapping[Key, float]) -> dict[Key, Answer]:
    """Return the answer for every test; all tests share one error rate (Holm 1979).

    Args:
        estimates: of `since`, by case and metric.
        smallest: the relative increase that matters, such as 0.03, by case and metric.
    """
    p_values = {key: estimate.p_value for key, estimate in estimates.items()}
    slower = significant(p_values, dict.fromkeys(p_values, LEVEL))
    given: dict[Key, Answer] = {}
    for key, estimate in estimates.items():
        if key in slower:
            given[key] = "slower"
        else:
            given[key] = "not slower" if estimate.upper < 1 + smallest[key] else "can't tell"
    return given


def changes(entries: Sequence[Entry]) -> list[Change]:
    """Return where a series changes: the split into levels with the least squared error.

    PELT (Killick, Fearnhead and Eckley 2012) with a penalty of 5 log(n) variances of an entry per
    level. Changes below the margin of the entries are not returned.
    """
    if len(entries) < 2:
        return []
    import ruptures

    values = np.log([entry.ratio for entry in entries])
    margin = math.log1p(float(np.median([entry.margin for entry in entries])))
    penalty = 5 * math.log(max(len(entries), 3)) * _variance(values, entries, margin)
    fitted = ruptures.Pelt("l2", min_size=1, jump=1).fit(values[:, None])
    bounds = [0, *fitted.predict(pen=penalty)]
    levels = [values[start:end].mean() for start, end in itertools.pairwise(bounds)]
    steps = zip(bounds[1:-1], levels, levels[1:], strict=False)
    candidates = [Change(place, math.exp(after - before)) for place, before, after in steps]
    return [change for change in candidates if abs(math.log(change.ratio)) > margin]


def _variance(values: FloatArray, entries: Sequence[Entry], margin: float) -> float:
    """Return the variance of an entry about its level.

    The larger of two: within a session, and between neighbours, which includes what lasts for a
    whole session, such as the load of the machine. The median is not affected by a few changes.
    Added to that: two builds of the same code never have exactly the same speed.
    """
    within = float(np.median([entry.standard_error**2 for entry in entries]))
    between = 0.0
    if len(values) >= MIN_FOR_NEIGHBOURS:
        # Of normal values: the median of |x - y| is 0.954 standard deviations of x.
        between = (float(np.median(np.abs(np.diff(values)))) / 0.954) ** 2
    return max(within, between) + (margin / 4) ** 2


def describe(entry: Entry, change: Change) -> str:
    """Return a change in words, such as "7.1 % slower from 4f2a91c (Use float64) on".

    Other metrics than the time of a step have "more memory" or "less memory" instead.

    Args:
        entry: first entry after the change.
        change: its size.
    """
    is_step = entry.metric == STEP
    if change.ratio > 1:
        size, words = change.ratio - 1, "slower" if is_step else f"more {entry.metric}"
    elif is_step:
        size, words = 1 / change.ratio - 1, "faster"
    else:
        size, words = 1 - change.ratio, f"less {entry.metric}"
    commit = f"{entry.commit[:7]} ({entry.subject})" if entry.subject else entry.commit[:7]
    return f"{100 * size:.1f} % {words} from {commit} on"
