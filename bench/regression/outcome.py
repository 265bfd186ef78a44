"""The outcome of each case of a session, and the exit status that follows."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.decisions import Answer
from bench.regression.cases import Case
from bench.regression.exit_statuses import CANT_TELL, FOUND, NOT_MEASURED, NOT_SLOWER, SKIP, STOP
from bench.regression.metrics import METRICS, STEP_ONLY
from bench.regression.pair_record import Pair
from bench.regression.sides.process import CaseError
from bench.results.history import STEP, Entry
from bench.statistics import MIN_PAIRS, Estimate, estimate

BASE = "BASE"
# Relative differences that are always allowed between the models of both sides; keys of `Pair`.
MIN_BOUNDS = {"first_difference": 0.01, "losses_difference": 0.02, "last_difference": 0.05}
MAX_DRIFT = 5  # times the effect of rounding: the other bound; the larger one of both is used


@dataclass
class Learning:
    """Whether two sides learn the same.

    Attributes:
        pairs: pairs measured so far.
        bounds: largest difference that rounding explains, by field of `Pair`.
        compared_with: name of the other side, for messages.
        accepted: whether a difference is accepted as intended.
        remark: why models are compared with another commit than usual; shown below the table.
    """

    pairs: list[Pair] = field(default_factory=list)
    bounds: Mapping[str, float] = field(default_factory=lambda: MIN_BOUNDS)
    compared_with: str = BASE
    accepted: bool = False
    remark: str | None = None

    @property
    def differences(self) -> dict[str, float]:
        """Median difference over the pairs, by field of `Pair`; empty without pairs."""
        if not self.pairs:
            return {}
        return {
            key: statistics.median(getattr(pair, key) for pair in self.pairs) for key in self.bounds
        }

    @property
    def differs(self) -> bool:
        """Whether a difference is larger than rounding explains."""
        return any(value > self.bounds[key] for key, value in self.differences.items())


@dataclass
class Outcome:
    """The results of one case so far.

    Attributes:
        learning: how the models of HEAD differ from those of BASE; with a history, from those of
            the commit that was accepted last.
        since: estimates against the last commit in the history, by metric; none without a history.
        last_recorded: the entries of the history that `since` refers to, by metric.
        smallest: relative increase that matters, by name of the metrics that are compared.
        n_steps: training steps in a slice; 0 while it is not known.
        answers: whether a metric has become worse, by its name; none while there is no answer.
        error: why measuring failed or stopped early.
        failed: the side that caused the error, if any.
        remark: shown below the table.
    """

    case: Case
    pairs: list[Pair] = field(default_factory=list)
    learning: Learning = field(default_factory=Learning)
    since: dict[str, Estimate] = field(default_factory=dict)
    last_recorded: dict[str, Entry] = field(default_factory=dict)
    smallest: Mapping[str, float] = field(default_factory=lambda: STEP_ONLY)
    n_steps: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    error: str | None = None
    failed: str | None = None
    remark: str | None = None

    def __post_init__(self) -> None:
        """Compare the models of the same pairs whose times are compared."""
        self.learning.pairs = self.pairs

    @property
    def answer(self) -> Answer | None:
        """Whether a step has become slower; None if there is no answer, or it is not compared."""
        return self.answers.get(STEP)

    @property
    def estimate(self) -> Estimate | None:
        """Estimate of the time of a step from the pairs so far; None while there are too few."""
        return self.estimate_of(STEP)

    def estimate_of(self, metric: str) -> Estimate | None:
        """Return the estimate of a metric from the pairs so far; None while there are too few."""
        if len(self.pairs) < MIN_PAIRS:
            return None
        margin, _ = self.limits(metric)
        return estimate([pair.value_of(metric) for pair in self.pairs], margin)

    def estimates(self) -> dict[str, Estimate]:
        """Return the estimates of all metrics that are compared; none while there are too few."""
        estimates = {metric: self.estimate_of(metric) for metric in self.smallest}
        return {metric: known for metric, known in estimates.items() if known is not None}

    def limits(self, metric: str) -> tuple[float, float]:
        """Return the relative increases of a metric that are never reported, and that matter."""
        smallest = self.smallest.get(metric, METRICS[metric].smallest)
        return METRICS[metric].limits(smallest, self.readings(metric))

    def readings(self, metric: str) -> list[float]:
        """Return BASE's median reading of a metric in every pair."""
        return [statistics.median(pair.readings_of(metric).base) for pair in self.pairs]

    @property
    def is_finished(self) -> bool:
        """Whether no more pairs are needed."""
        return self.error is not None or self.answers.keys() >= self.smallest.keys()

    @property
    def is_measured(self) -> bool:
        """Whether enough pairs were measured without an error."""
        return self.error is None and len(self.pairs) >= MIN_PAIRS

    @property
    def learns_something_else(self) -> bool:
        """Whether models differ by more than rounding explains, and this was not accepted."""
        return self.learning.differs and not self.learning.accepted

    def fail(self, error: CaseError) -> None:
        """Keep the error and the side that caused it; add how to install a missing library."""
        self.error, self.failed = str(error), error.side
        if re.search("No module named '(?!implementations|bench)", error.reason):
            self.error += f"; {self.case.config.implementation.install}"


def bounds_from_drift(drift: Pair) -> dict[str, float]:
    """Return the bounds for a case.

    Args:
        drift: a pair of BASE and BASE with slightly different initial weights.
    """
    return {key: max(least, MAX_DRIFT * getattr(drift, key)) for key, least in MIN_BOUNDS.items()}


def exit_status(
    outcomes: Sequence[Outcome], cant_tell: Literal["pass", "fail", "skip"] | None = None
) -> int:
    """Return the exit status of `bench-compare`.

    A case that was not measured never passes, for any value of `cant_tell`.

    Args:
        outcomes: the outcome of every case.
        cant_tell: how to count a case that was measured and is undecided; None for status 3. With
            "skip", cases that are undecided, that fail in HEAD or that have too few pairs lead to
            status 125, and cases that fail in BASE to 255.
    """
    worse = [
        outcome
        for outcome in outcomes
        if "slower" in outcome.answers.values()
        or outcome.learns_something_else
        or outcome.failed == "head"
    ]
    measured = [outcome for outcome in outcomes if outcome.is_measured]
    undecided = any(
        outcome.answers.get(metric) != "not slower"
        for outcome in measured
        for metric in outcome.smallest
    )
    if cant_tell == "skip":
        if any(outcome.failed is None for outcome in worse):
            return FOUND
        if any(outcome.failed == "base" for outcome in outcomes):
            return STOP  # it would fail with every commit
        return SKIP if undecided or len(measured) < len(outcomes) else NOT_SLOWER
    if worse:
        return FOUND
    if not measured:
        return NOT_MEASURED
    if undecided and cant_tell == "fail":
        return FOUND
    if len(measured) < len(outcomes) or (undecided and cant_tell is None):
        return CANT_TELL
    return NOT_SLOWER
