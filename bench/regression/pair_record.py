"""The record of a pair of processes: readings of both sides, and how their models differ."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec

from bench.regression.metrics import METRICS
from bench.results.history import STEP

# Names in pairs.json, as in the first edition.
JSON_NAMES = {
    "first_difference": "first_apart",
    "losses_difference": "losses_apart",
    "last_difference": "last_apart",
}


class Readings(msgspec.Struct, frozen=True):
    """Readings of one metric in both processes: one each, or one for each turn."""

    base: tuple[float, ...]
    head: tuple[float, ...]


class Pair(msgspec.Struct, frozen=True, kw_only=True, rename=JSON_NAMES):
    """Times of one pair of processes, and differences between the models that they trained.

    Attributes:
        cell: name of the case; files of the first edition have this key.
        number: index of the round in which it was measured.
        base_seconds: time of every slice of BASE.
        head_seconds: time of every slice of HEAD.
        first_difference: difference of the updates after a few steps, relative to their size.
        losses_difference: largest relative difference between the mean losses of a slice.
        last_difference: difference of the updates after the last slice, relative to their size.
        readings: those of other metrics, by `Metric.readings`.
    """

    cell: str
    number: int
    base_seconds: tuple[float, ...]
    head_seconds: tuple[float, ...]
    first_difference: float
    losses_difference: float
    last_difference: float
    readings: dict[str, Readings] = {}

    @property
    def value(self) -> float:
        """The pair's estimate of log(time of HEAD / time of BASE)."""
        return self.value_of(STEP)

    def value_of(self, metric: str) -> float:
        """Return the pair's estimate of log(reading of HEAD / reading of BASE)."""
        readings = self.readings_of(metric)
        return median_log_ratio(readings.base, readings.head)

    def readings_of(self, metric: str) -> Readings:
        """Return the readings of a metric that was measured."""
        if metric == STEP:
            return Readings(self.base_seconds, self.head_seconds)
        return self.readings[METRICS[metric].readings]


def median_log_ratio(base_times: Sequence[float], head_times: Sequence[float]) -> float:
    """Return the median over turns of log(time of HEAD / time of BASE)."""
    return statistics.median(
        math.log(head / base) for base, head in zip(base_times, head_times, strict=True)
    )


def update_difference(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the distance between two updates, relative to the longer one.

    An update is given by its length and its projections on random directions. The mean square of
    the projections estimates the square of a vector's length.
    """
    root_mean_square = math.dist(base[1:], head[1:]) / math.sqrt(len(base) - 1)
    distance = max(root_mean_square, abs(base[0] - head[0]))
    size = max(base[0], head[0])
    return distance / size if size > 0 else 0.0
