"""A session: measure pairs until every case has an answer, or the budget runs out."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.console import counted
from bench.decisions import LOOKS, decide
from bench.machine import lock
from bench.regression import budget
from bench.regression.cases import Case, write_data
from bench.regression.metrics import METRICS
from bench.regression.outcome import Outcome, bounds_from_drift
from bench.regression.output import progress
from bench.regression.pair_record import Pair
from bench.regression.pairs import find_n_steps, measure, processes_of
from bench.regression.settings import Settings
from bench.regression.sides.checkout import Side, SideName, Sides
from bench.regression.sides.process import CaseError, Conditions, OutOfTimeError, SideProcess
from bench.statistics import Estimate

MIN_STEPS = 4  # in a slice

Processes = Mapping[SideName, SideProcess]
Action = Callable[[Processes, Outcome], None]


@contextmanager
def reserved(settings: Settings) -> Iterator[Conditions]:
    """Wait until the machine is free; yield the conditions of a session that begins then."""
    with (
        lock.reserved(shared=settings.share_machine),
        tempfile.TemporaryDirectory(prefix="bench-compare-problems-") as folder,
    ):
        until = time.monotonic() + settings.budget_seconds
        yield Conditions(folder=Path(folder), until=until)


def run(
    cases: Sequence[Case],
    sides: Sides,
    conditions: Conditions,
    *,
    smallest: Mapping[str, float],
    n_pairs: int | None = None,
    earlier: Mapping[str, Sequence[Pair]] | None = None,
    on_pair: Callable[[Sequence[Outcome]], None] = lambda _: None,
) -> list[Outcome]:
    """Compare two sides, and show the progress; return the outcome of each case.

    Args:
        cases: what to train, at least one.
        sides: BASE and HEAD.
        conditions: of `reserved`. A pair that is unfinished at the end is lost.
        smallest: the metrics to compare, and the relative increase of each that matters.
        n_pairs: number of pairs of every case; None for as many as the answers need.
        earlier: pairs of an interrupted session to continue, by name of the case.
        on_pair: called after every pair with all outcomes so far.

    Raises:
        DatasetError: the data can't be found.
    """
    earlier = earlier or {}
    outcomes = [
        Outcome(case, pairs=[*earlier.get(case.name, ())], smallest=smallest) for case in cases
    ]
    with progress.revisions(conditions) as show:

        def after_pair() -> None:
            on_pair(outcomes)
            show(outcomes)

        try:
            _Session(outcomes, sides, conditions, n_pairs, after_pair).run()
        except OutOfTimeError:
            _decide(outcomes, last=True)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Session:
    """Arguments as for `run`."""

    outcomes: Sequence[Outcome]
    sides: Sides
    conditions: Conditions
    n_pairs: int | None
    after_pair: Callable[[], None]

    def run(self) -> None:
        """Measure pairs in rounds of all cases until there are enough, and decide."""
        base, outcomes = self.sides["base"], self.outcomes
        find_steps(outcomes, base, self.conditions)
        _decide(outcomes, last=False)  # with earlier pairs, some cases may be finished
        start = time.monotonic()
        equal: Sides = {"base": base, "head": base}
        _for_each_case(outcomes, equal, self.conditions, self._measure_drift)
        one_by_one = self.n_pairs is None and budget.announce_pairs(
            outcomes, time.monotonic() - start, self.conditions.remaining_seconds
        )
        while True:
            start = time.monotonic()
            chosen = [budget.next_case(outcomes)] if one_by_one else outcomes
            _for_each_case(chosen, self.sides, self.conditions, self._measure_pair)
            # The next round would probably not be finished in time.
            last = self.conditions.remaining_seconds < time.monotonic() - start or all(
                outcome.error or len(outcome.pairs) >= (self.n_pairs or max(LOOKS))
                for outcome in outcomes
            )
            if (last or self.n_pairs is None) and _decide(outcomes, last=last):
                break

    def _measure_drift(self, processes: Processes, outcome: Outcome) -> None:
        """Measure how far two runs of BASE differ by rounding alone."""
        randomness = self.conditions.randomness
        try:
            drift = measure(processes, outcome.case, 0, randomness, perturbed=True)
        except CaseError as error:  # both sides are BASE here
            raise CaseError("base", error.reason) from error
        outcome.learning.bounds = bounds_from_drift(drift)

    def _measure_pair(self, processes: Processes, outcome: Outcome) -> None:
        number, metrics = len(outcome.pairs), outcome.smallest
        randomness = self.conditions.randomness
        outcome.pairs.append(measure(processes, outcome.case, number, randomness, metrics=metrics))
        self.after_pair()


def _decide(outcomes: Sequence[Outcome], *, last: bool) -> bool:
    """Set the answers that can be given; return whether every case is finished.

    All metrics of all cases share one error rate.
    """
    estimates: dict[tuple[str, str], Estimate] = {}
    smallest: dict[tuple[str, str], float] = {}
    measured = [outcome for outcome in outcomes if outcome.error is None]
    for outcome in measured:
        for metric, estimate in outcome.estimates().items():
            key = outcome.case.name, metric
            estimates[key], smallest[key] = estimate, outcome.limits(metric)[1]
    n_tests = sum(len(outcome.smallest) for outcome in measured)
    answers = decide(estimates, smallest, last=last, n_tests=n_tests)
    for outcome in measured:
        for metric in outcome.smallest:
            if answer := answers.get((outcome.case.name, metric)):
                outcome.answers.setdefault(metric, answer)
    for outcome in outcomes:
        if last and outcome.error is None and not outcome.is_measured:
            n_pairs = counted(len(outcome.pairs), "pair")
            outcome.error = f"budget used up after {n_pairs}; increase --budget"
    return all(outcome.is_finished for outcome in outcomes)


def _for_each_case(
    outcomes: Sequence[Outcome], sides: Sides, conditions: Conditions, action: Action
) -> None:
    """Do something with every unfinished case. A case that fails does not affect others.

    Cases of one implementation with the same instructions and threads share processes, which
    import its framework once, unless a pair must have its own for one of the metrics. After a
    failure the next case gets new processes, since the old ones may have exited.
    """
    own = "head" in sides and any(METRICS[m].needs_own_process for m in outcomes[0].smallest)
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        if not outcome.is_finished:
            config = outcome.case.config
            key = config.implementation.name, config.instructions, len(config.cores)
            groups.setdefault((outcome.case.name,) if own else key, []).append(outcome)
    for group in groups.values():
        while group:
            with processes_of(sides, group[0].case.config, conditions) as processes:
                while group:
                    outcome = group.pop(0)
                    try:
                        action(processes, outcome)
                    except CaseError as error:
                        outcome.fail(error)
                        break


def find_steps(outcomes: Sequence[Outcome], base: Side, conditions: Conditions) -> None:
    """Write the files that both sides read, with slices of a length that suits BASE.

    Raises:
        DatasetError: the data can't be found.
        OutOfTimeError: the budget was used up before that.
    """
    write_data([outcome.case for outcome in outcomes], conditions.folder)

    def find(processes: Processes, outcome: Outcome) -> None:
        outcome.n_steps = find_n_steps(
            processes["base"], outcome.case, conditions.folder, MIN_STEPS
        )

    _for_each_case(outcomes, {"base": base}, conditions, find)
