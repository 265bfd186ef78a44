"""Compute which slowdown `bench-compare` finds, from measured pairs of equal sides."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.regression.calibration import resampling
from bench.regression.cases import Case
from bench.regression.metrics import DEFAULT_METRICS
from bench.regression.power import MAX_SLOWDOWN, Power
from bench.statistics import LOOKS, MIN_PAIRS, POWER, estimate, normal_spread

SECONDS = 300.0  # a session of 5 minutes
N_TESTS = len(DEFAULT_METRICS.split(","))  # share one error rate
SLOWDOWNS = tuple(permille / 1000 for permille in range(15, round(1000 * MAX_SLOWDOWN) + 1, 5))


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
    return Power(
        case=case.name,
        calibrated_at=calibrated_at,
        n_pairs=len(values),
        seconds_per_pair=seconds_per_pair,
        ratio=ratio,
        spread=normal_spread(values),
        false_alarms=equal.share("slower"),
        false_alarms_bound=equal.bound("slower", "upper"),
        separate=(len(answers), answers.count("slower")),
        finds=smallest_in_sessions(centred, int(SECONDS / seconds_per_pair)),
        identity=case.identity,
    )


def smallest_in_sessions(values: Sequence[float], n_pairs: int) -> float | None:
    """Return the smallest slowdown that 95 % of drawn sessions find; None if above 20 %.

    Args:
        values: values of measured pairs of equal sides.
        n_pairs: number of pairs that a session has time for.
    """
    if n_pairs < MIN_PAIRS:
        return None
    drawn = resampling.draw(values, min(n_pairs, max(LOOKS)))
    return next(
        (
            slowdown
            for slowdown in SLOWDOWNS
            if resampling.evaluate(drawn, slowdown, N_TESTS).share("slower") >= POWER
        ),
        None,
    )
