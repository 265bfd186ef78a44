"""A session: measure pairs until every case has an answer, or the budget runs out."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.console import counted
from bench.regression import budget
from bench.regression.cases import N_BATCH_SETS, Case, write_problems
from bench.regression.checkout import Side
from bench.regression.metrics import METRICS
from bench.regression.outcome import Outcome, bounds_from_drift
from bench.regression.pairs import measure, processes_of
from bench.regression.side_process import (
    CaseError,
    Conditions,
    OutOfTimeError,
    SideName,
    SideProcess,
)
from bench.statistics import LOOKS, decide

SLICE_SECONDS = 0.05
FIRST_SLICE_FLOPS = 1e9  # for measuring how long a step takes
MIN_STEPS, MAX_STEPS = (
    4,
    10_000,
)  # in a slice; maximum for training that does almost nothing

Processes = Mapping[SideName, SideProcess]


def run(
    cases: Sequence[Case],
    sides: Mapping[SideName, Side],
    folder: Path,
    *,
    smallest: Mapping[str, float],
    until: float,
    on_pair: Callable[[Sequence[Outcome]], None],
    n_pairs: int | None = None,
) -> list[Outcome]:
    """Compare two sides; return the outcome of each case.

    Args:
        cases: what to train, at least one.
        sides: BASE and HEAD.
        folder: an empty folder for the files that the sides read.
        smallest: the metrics to compare, and the relative increase of each that matters.
        until: end of the session on the clock of `time.monotonic`. An unfinished pair is lost.
        on_pair: called after every pair with all outcomes so far.
        n_pairs: number of pairs of every case; None for as many as the answers need.

    Raises:
        DatasetError: the data can't be found.
    """
    outcomes = [Outcome(case, smallest=smallest) for case in cases]
    own_processes = any(METRICS[metric].needs_own_process for metric in smallest)
    most_pairs = n_pairs or max(LOOKS)
    # No seed: this decides which side goes first, and has no effect on the models.
    randomness = random.Random(time.time_ns())  # noqa: S311
    conditions = Conditions(folder=folder, randomness=randomness, until=until)

    def measure_pair(processes: Processes, outcome: Outcome) -> None:
        pair = measure(processes, outcome.case, len(outcome.pairs), randomness, metrics=smallest)
        outcome.pairs.append(pair)
        on_pair(outcomes)

    try:
        steps = find_steps(outcomes, sides["base"], conditions)
        for outcome in outcomes:
            outcome.n_steps = steps[outcome.case.name]
        write_problems(cases, steps, folder)
        start = time.monotonic()
        _find_bounds(outcomes, sides["base"], conditions, own_processes=own_processes)
        now = time.monotonic()
        one_by_one = n_pairs is None and budget.announce_pairs(outcomes, now - start, until - now)
        while True:
            start = time.monotonic()
            chosen = [budget.next_case(outcomes)] if one_by_one else outcomes
            _for_each_case(chosen, sides, conditions, measure_pair, own_processes=own_processes)
            now = time.monotonic()
            # The next round would probably not be finished in time.
            last = now + (now - start) > until or all(
                outcome.error or len(outcome.pairs) >= most_pairs for outcome in outcomes
            )
            if (last or n_pairs is None) and _decide(outcomes, last=last):
                break
    except OutOfTimeError:
        _decide(outcomes, last=True)
    return outcomes


def _decide(outcomes: Sequence[Outcome], *, last: bool) -> bool:
    """Set the answers that can be given; return whether every case is finished.

    All metrics of all cases share one error rate.
    """
    measured = [outcome for outcome in outcomes if outcome.error is None]
    tests = [(outcome, metric) for outcome in measured for metric in outcome.smallest]
    estimates = {
        (outcome.case.name, metric): estimate
        for outcome, metric in tests
        if (estimate := outcome.estimate_of(metric)) is not None
    }
    smallest = {
        (outcome.case.name, metric): outcome.limits(metric)[1]
        for outcome, metric in tests
        if outcome.is_measured
    }
    answers = decide(estimates, smallest, last=last, n_tests=len(tests))
    for outcome, metric in tests:
        if metric not in outcome.answers and (answer := answers.get((outcome.case.name, metric))):
            outcome.answers[metric] = answer
    for outcome in outcomes:
        if last and outcome.error is None and not outcome.is_measured:
            n_pairs = counted(len(outcome.pairs), "pair")
            outcome.error = f"budget used up after {n_pairs}; increase --budget"
    return all(outcome.is_finished for outcome in outcomes)


def _for_each_case(
    outcomes: Sequence[Outcome],
    sides: Mapping[SideName, Side],
    conditions: Conditions,
    action: Callable[[Processes, Outcome], None],
    *,
    own_processes: bool = False,
) -> None:
    """Do something with every unfinished case. A case that fails does not affect others.

    Cases of one implementation with the same instructions and threads share processes, which
    import its framework once, unless a case must have its own. After a failure the next case gets
    new processes, since the old ones may have exited.
    """
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        if not outcome.is_finished:
            config = outcome.case.config
            key = config.implementation.name, config.instructions, len(config.cores)
            groups.setdefault((outcome.case.name,) if own_processes else key, []).append(outcome)
    for group in groups.values():
        instructions = group[0].case.config.instructions
        own = dataclasses.replace(conditions, instructions=instructions)
        while group:
            with processes_of(sides, group[0].case.config.cores, own) as processes:
                while group:
                    outcome = group.pop(0)
                    try:
                        action(processes, outcome)
                    except CaseError as error:
                        outcome.fail(error)
                        break


def find_steps(outcomes: Sequence[Outcome], base: Side, conditions: Conditions) -> dict[str, int]:
    """Measure how many steps of BASE take about `SLICE_SECONDS`, by name of the case.

    Raises:
        OutOfTimeError: the budget was used up before that.
    """
    steps = {
        outcome.case.name: max(MIN_STEPS, round(FIRST_SLICE_FLOPS / outcome.case.flops_per_step))
        for outcome in outcomes
    }
    write_problems([outcome.case for outcome in outcomes], steps, conditions.folder)

    def time_slice(processes: Processes, outcome: Outcome) -> None:
        name = outcome.case.name
        processes["base"].request(open=name)
        # Minimum of a few: the first is slow, and another process may disturb one.
        seconds = min(processes["base"].request(slice=n)["seconds"] for n in range(N_BATCH_SETS))
        n_steps = round(steps[name] * SLICE_SECONDS / seconds)
        steps[name] = min(max(MIN_STEPS, n_steps), MAX_STEPS)

    _for_each_case(outcomes, {"base": base}, conditions, time_slice)
    return steps


def _find_bounds(
    outcomes: Sequence[Outcome], base: Side, conditions: Conditions, *, own_processes: bool
) -> None:
    """Measure how far two runs of BASE differ by rounding alone."""

    def measure_drift(processes: Processes, outcome: Outcome) -> None:
        try:
            drift = measure(processes, outcome.case, 0, conditions.randomness, perturbed=True)
        except CaseError as error:  # both sides are BASE here
            raise CaseError("base", error.reason) from error
        outcome.learning.bounds = bounds_from_drift(drift)

    _for_each_case(
        outcomes,
        {"base": base, "head": base},
        conditions,
        measure_drift,
        own_processes=own_processes,
    )
