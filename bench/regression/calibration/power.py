"""Which slowdown `bench-compare` finds on this machine: computed from equal pairs, and quoted."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench import files
from bench.machine import facts
from bench.regression.calibration import resampling
from bench.regression.metrics import DEFAULT_METRICS
from bench.statistics import LOOKS, MIN_PAIRS, estimate, normal_spread

SECONDS = 300.0  # a session of 5 minutes
PROBABILITY = 0.95  # of finding a slowdown that counts as found
N_TESTS = len(DEFAULT_METRICS.split(","))  # share one error rate
SLOWDOWNS = tuple(percent / 200 for percent in range(3, 41))  # 1.5 % to 20 %


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """Error rates of one case on one machine, for the time of a step.

    As by default, memory and warm-up are compared too.

    Attributes:
        case: its name; it is compared alone.
        calibrated_at: date, ISO 8601.
        n_pairs: number of measured pairs of equal sides.
        seconds_per_pair: median duration.
        ratio: estimated ratio of equal sides; differs from 1 by chance.
        spread: standard deviation of the values of the pairs.
        false_alarms: share of drawn sessions that answer "slower".
        false_alarms_bound: upper 95 % bound of that share; drawn sessions share pairs.
        separate: such sessions that share no pairs, and how many of them answer "slower".
        finds: smallest slowdown that 95 % of sessions of 5 minutes find; None if above 20 %.
    """

    case: str
    calibrated_at: str
    n_pairs: int
    seconds_per_pair: float
    ratio: float
    spread: float
    false_alarms: float
    false_alarms_bound: float
    separate: tuple[int, int]
    finds: float | None

    @property
    def found(self) -> str:
        """The smallest slowdown that is found, as text."""
        return f"more than {SLOWDOWNS[-1]:.0%}" if self.finds is None else f"{self.finds:.1%}"


def evaluate(
    case: str, values: Sequence[float], seconds_per_pair: float, calibrated_at: str
) -> Power:
    """Evaluate pairs of equal sides.

    Sessions are drawn from pairs that are shifted to a ratio of 1: the ratio of a small sample is
    rarely exactly 1, and all sessions would inherit that. Sessions without common pairs have the
    measured values.

    Args:
        case: name of the case.
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
        case=case,
        calibrated_at=calibrated_at,
        n_pairs=len(values),
        seconds_per_pair=seconds_per_pair,
        ratio=ratio,
        spread=normal_spread(values),
        false_alarms=equal.share("slower"),
        false_alarms_bound=equal.bound("slower", "upper"),
        separate=(len(answers), answers.count("slower")),
        finds=smallest_found(centred, int(SECONDS / seconds_per_pair)),
    )


def smallest_found(values: Sequence[float], n_pairs: int) -> float | None:
    """Return the smallest slowdown that 95 % of sessions find; None if there is none up to 20 %.

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
            if resampling.evaluate(drawn, slowdown, N_TESTS).share("slower") >= PROBABILITY
        ),
        None,
    )


def path_here() -> Path:
    """Return the file for machines with this processor and this number of cores."""
    machine = f"{facts.cpu_model()}, {len(facts.usable_cores())} cores"
    digest = hashlib.sha256(machine.encode()).hexdigest()[:8]
    return files.cache_folder() / f"calibration-{digest}.json"


def read() -> dict[str, Power]:
    """Return what was stored for this machine, by case; nothing if there is no valid file."""
    try:
        found = msgspec.json.decode(path_here().read_bytes(), type=list[Power])
    except (OSError, RuntimeError, msgspec.DecodeError):  # it is only quoted
        return {}
    return {power.case: power for power in found}


def store(powers: Iterable[Power]) -> Path:
    """Store results, in place of earlier ones of the same cases; return the file."""
    path = path_here()
    kept = read() | {power.case: power for power in powers}
    files.write_atomically(path, msgspec.json.format(msgspec.json.encode([*kept.values()])) + b"\n")
    return path


def quote(cases: Iterable[str]) -> list[str]:
    """Return a sentence for each of these cases that was calibrated on this machine."""
    stored = read()
    groups: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        if case in stored:
            power = stored[case]
            groups.setdefault((power.found, power.calibrated_at[:10]), []).append(case)
    return [
        f"{', '.join(names)}: this machine finds a slowdown of {found} in 5 minutes per case "
        f"(calibrated {date})"
        for (found, date), names in groups.items()
    ]
