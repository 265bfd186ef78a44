"""Compute which slowdown `bench-compare` finds, from measured pairs of equal sides."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.regression.calibration import resampling
from bench.regression.cases import Case
from bench.regression.metrics import DEFAULT_METRICS
from bench.regression.power import Power
from bench.statistics import estimate, normal_spread, smallest_found

SECONDS = 300.0  # a session of 5 minutes
N_TESTS = len(DEFAULT_METRICS.split(","))  # share one error rate


def evaluate(
    case: Case, values: Sequence[float], seconds_per_pair: float, calibrated_at: str
) -> Power:
    """Evaluate pairs of equal sides.

    Sessions are drawn from pairs that are shifted to a ratio of 1: the ratio of a small sample is
    rarely exactly 1, and all sessions would inherit that. Sessions without common pairs have the
    measured values.

    Args:
        case: what was measured.
        values: values of the pairs, at least 10.
        seconds_per_pair: duration of a pair.
        calibrated_at: date, ISO 8601.
    """
    ratio = estimate(values).ratio
    centred = [value - math.log(ratio) for value in values]
    equal = resampling.evaluate(resampling.draw(centred), n_tests=N_TESTS)
    separate = resampling.separate(values, N_TESTS)
    answers = () if separate is None else separate.answers
    spread = normal_spread(values)
    smallest = smallest_found(int(SECONDS / seconds_per_pair), spread, N_TESTS)
    return Power(
        case=case.name,
        calibrated_at=calibrated_at,
        n_pairs=len(values),
        seconds_per_pair=seconds_per_pair,
        ratio=ratio,
        spread=spread,
        false_alarms=equal.share("slower"),
        false_alarms_bound=equal.bound("slower", "upper"),
        separate=(len(answers), answers.count("slower")),
        # Smaller ones do not matter, so that they may be answered with "not slower".
        finds=None if smallest is None else max(smallest, resampling.SMALLEST),
        identity=case.identity,
    )
