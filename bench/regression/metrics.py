"""What is compared: the time of a step, and other costs of a training process."""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.decisions import Answer
from bench.results.history import STEP
from bench.statistics import MARGIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A quantity that both processes of a pair have; more is worse.

    Attributes:
        name: as in `--metrics`.
        readings: key of its readings in pairs.json, with the unit.
        meaning: what it is, for `--help`.
        smallest: relative increase that matters, unless `--smallest` has another one.
        margin: relative increase up to which nothing is reported.
        floor: increase up to which nothing is reported, in the unit of the readings.
        needs_own_process: whether a case that was trained earlier in the process changes it.
        words: an answer in words, where it has others than a time.
    """

    name: str
    readings: str
    meaning: str
    smallest: float
    margin: float
    floor: float = 0.0
    needs_own_process: bool = False
    words: Mapping[Answer, str] = field(default_factory=dict)

    def limits(self, smallest: float, base_readings: Sequence[float]) -> tuple[float, float]:
        """Return the relative increases that are never reported, and that matter.

        A floor is converted to a share of what BASE needs: 50 ms of 1 ms is an increase by 5000 %.

        Args:
            smallest: relative increase that matters, such as 0.1.
            base_readings: reading of BASE in every pair.
        """
        base = statistics.median(base_readings)
        floor = self.floor / base if base > 0 else 0.0
        return max(self.margin, floor), max(smallest, floor)

    def format(self, reading: float) -> str:
        """Return a reading with its unit."""
        if self.readings.endswith("_bytes"):
            return f"{reading / 1e6:,.0f} MB"
        if reading >= 1:
            return f"{reading:.2f} s"
        return f"{1e3 * reading:.3g} ms" if reading >= 1e-3 else f"{1e6 * reading:.3g} µs"


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            name=STEP, readings="step_seconds", smallest=0.03, margin=MARGIN,
            meaning="time of a training step",
        ),
        Metric(
            name="memory", readings="memory_bytes", smallest=0.05, margin=0.01,
            meaning="peak memory of the process and the processes that it starts",
            needs_own_process=True, words={"slower": "more", "not slower": "not more"},
        ),
        Metric(
            name="warm_up", readings="warm_up_seconds", smallest=0.10, margin=0.03, floor=0.05,
            meaning="compilation and first use, before training", needs_own_process=True,
        ),
        Metric(
            name="start_up", readings="start_up_seconds", smallest=0.10, margin=0.03, floor=0.05,
            meaning="from the start of the process to the first step, imports and warm-up included",
            needs_own_process=True,
        ),
        Metric(
            name="evaluation", readings="evaluation_seconds", smallest=0.05, margin=0.01,
            meaning="logits of up to 10,000 images",
        ),
    )
}  # fmt: skip
STEP_ONLY = {STEP: METRICS[STEP].smallest}  # for a comparison of the time of a step alone
DEFAULT_METRICS = "step,memory,warm_up"
DEFAULT_SMALLEST = ",".join(
    f"{name}={100 * METRICS[name].smallest:g}%" for name in DEFAULT_METRICS.split(",")
)


def parse_metrics(text: str) -> tuple[str, ...]:
    """Return the names in a list such as "step,memory", without repetitions.

    Raises:
        argparse.ArgumentTypeError: one of them is not a metric.
    """
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        _check_name(name)
    return names


def parse_smallest(text: str) -> dict[str, float]:
    """Return the increases that matter by metric: "step=2%,memory=5%", or "2%" for a step.

    Raises:
        argparse.ArgumentTypeError: the text has another form, or a share is not above the margin.
    """
    smallest = {}
    for part in text.split(","):
        name, _, value = part.rpartition("=")
        metric = _check_name(name or STEP)
        smallest[metric.name] = percentage(value, lowest=100 * metric.margin)
    return smallest


def chosen(metrics: Sequence[str], smallest: Mapping[str, float]) -> dict[str, float]:
    """Return the increase that matters for every metric that is compared.

    Args:
        metrics: names of the metrics to compare.
        smallest: increases that the user gave.

    Raises:
        argparse.ArgumentTypeError: an increase is given for a metric that is not compared.
    """
    for name in smallest:
        if name not in metrics:
            raise argparse.ArgumentTypeError(
                f"--smallest={name}: is not compared; add it to --metrics={','.join(metrics)}"
            )
    return {name: smallest.get(name, METRICS[name].smallest) for name in metrics}


def percentage(value: str, lowest: float) -> float:
    """Return a percentage such as 3% as a share.

    Raises:
        argparse.ArgumentTypeError: it is not a percentage above `lowest` and up to 100%.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", value, re.ASCII)
    if match is None or not lowest < float(match[1]) <= 100:
        raise argparse.ArgumentTypeError(f"{value!r}: must be more than {lowest:g}% and up to 100%")
    return float(match[1]) / 100


def _check_name(name: str) -> Metric:
    if name not in METRICS:
        raise argparse.ArgumentTypeError(f"{name!r}: must be one of {', '.join(METRICS)}")
    return METRICS[name]
