"""The measurements of one group of configurations, and the ratios between them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Literal

from bench.regression.configurations.candidates import Group
from bench.regression.pair_record import median_log_ratio
from bench.statistics import MIN_PAIRS, Estimate, estimate

Answer = Literal[
    "reference", "faster", "slower", "equal", "can't tell", "fails", "learns something else"
]
MAX_DIFFERENCE = 0.01  # of the updates after a few steps, relative to their size


@dataclass
class Results:
    """The measurements of one group.

    Attributes:
        group: what is compared.
        precision: relative half-width of an interval that is narrow enough, such as 0.03.
        seconds: seconds per example of each turn, by candidate, of each round.
        differences: difference of the first update from the reference's, by candidate, of each
            round; empty if the candidates do not solve the same problem.
        errors: why a candidate could not be measured.
    """

    group: Group
    precision: float = 0.03
    seconds: list[dict[str, list[float]]] = field(default_factory=list)
    differences: list[dict[str, float]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The candidate that the others are compared with."""
        return next(iter(self.group.cases))

    def values(self, candidate: str, other: str | None = None) -> list[float]:
        """Return log(time of the candidate / time of another one), of each round.

        Args:
            candidate: its label.
            other: label of the other one; None for the reference.
        """
        other = self.reference if other is None else other
        return [
            median_log_ratio(times[other], times[candidate])
            for times in self.seconds
            if candidate in times and other in times
        ]

    def estimate(self, candidate: str, other: str | None = None) -> Estimate | None:
        """Estimate a candidate's time relative to another one's; None with too few rounds.

        Arguments as for `values`.
        """
        values = self.values(candidate, other)
        return estimate(values) if len(values) >= MIN_PAIRS else None

    def seconds_per_example(self, candidate: str) -> float | None:
        """Return the median over rounds of the median over turns; None without a round."""
        medians = [
            statistics.median(times[candidate]) for times in self.seconds if candidate in times
        ]
        return statistics.median(medians) if medians else None

    def learns_something_else(self, candidate: str) -> bool:
        """Return whether its first update differs from the reference's by more than rounding."""
        differences = [each[candidate] for each in self.differences if candidate in each]
        return bool(differences) and statistics.median(differences) > MAX_DIFFERENCE

    def answer(self, candidate: str) -> Answer:
        """Return the answer for a candidate, in comparison with the reference."""
        if candidate in self.errors:
            return "fails"
        if candidate == self.reference:
            return "reference"
        if self.learns_something_else(candidate):
            return "learns something else"
        estimated = self.estimate(candidate)
        if estimated is None:
            return "can't tell"
        if estimated.low > 1:
            return "slower"
        if estimated.high < 1:
            return "faster"
        is_equal = 1 - self.precision <= estimated.low and estimated.high <= 1 + self.precision
        return "equal" if is_equal else "can't tell"

    @property
    def needs_rounds(self) -> bool:
        """Whether an interval is too wide."""
        if self.reference in self.errors:
            return False
        others = {*self.group.cases} - {self.reference, *self.errors}
        return any(
            estimated is None or estimated.high / estimated.ratio - 1 > self.precision
            for estimated in map(self.estimate, others)
        )
