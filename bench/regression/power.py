"""Which slowdown `bench-compare` finds on this machine: stored by `--calibrate`, and quoted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bench import files
from bench.machine import facts
from bench.regression.cases import Case


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
        finds: slowdown that a session of 5 minutes finds with a probability of 95 %, by the spread
            of the pairs; None if 5 minutes are too short for an answer.
        identity: hash of the settings of the case; empty in earlier editions, which are not used.
        interval: 95 % interval of `ratio`; None in earlier editions.
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
    identity: str = ""
    interval: tuple[float, float] | None = None

    @property
    def finds_text(self) -> str:
        """The smallest slowdown that is found, as text."""
        return "none" if self.finds is None else f"{self.finds:.1%}"


def path_here() -> Path:
    """Return the file for machines with this processor and this number of cores."""
    machine = f"{facts.cpu_model()}, {len(facts.usable_cores())} cores"
    digest = hashlib.sha256(machine.encode()).hexdigest()[:8]
    return files.cache_folder() / f"calibration-{digest}.json"


def read() -> dict[str, Power]:
    """Return what was stored for this machine, by identity; nothing if there is no valid file."""
    try:
        stored = msgspec.json.decode(path_here().read_bytes(), type=list[Power])
    except (OSError, RuntimeError, msgspec.DecodeError):  # it is only quoted
        return {}
    return {power.identity: power for power in stored if power.identity}


def store(powers: Iterable[Power]) -> Path:
    """Store results, in place of earlier ones of the same settings; return the file."""
    path = path_here()
    kept = read() | {power.identity: power for power in powers}
    files.write_json(path, [*kept.values()])
    return path


def quote(cases: Iterable[Case]) -> list[str]:
    """Return a sentence for the cases that were calibrated on this machine with their settings."""
    stored = read()
    groups: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        power = stored.get(case.identity)
        if power is not None and power.finds is not None:
            groups.setdefault((power.finds_text, power.calibrated_at[:10]), []).append(case.name)
    return [
        f"{', '.join(names)}: this machine finds a slowdown of {slowdown} in 5 minutes per case "
        f"(calibrated {date})"
        for (slowdown, date), names in groups.items()
    ]
