"""Pairs until every cell has an answer, or time is up."""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import lock
from bench.regression.pairs import (
    BOUNDS,
    MAX_DRIFT,
    Case,
    Pair,
    measure,
    pair_of_processes,
    write_problems,
)
from bench.regression.side_process import CaseError, Conditions, OutOfTimeError, SideName
from bench.regression.sides import SideOfPair
from bench.statistics import (
    LOOKS,
    Answer,
    Estimate,
    decide,
    estimate,
)
from bench.training.flops import flops_per_example

BLOCK_SECONDS = 0.05
MIN_FOR_ESTIMATE = 5


@dataclass
class Outcome:
    """What is known of one cell."""

    cell: Case
    pairs: list[Pair] = field(default_factory=list)
    bounds: Mapping[str, float] = field(default_factory=lambda: BOUNDS)  # of how far apart
    answer: Answer | None = None
    error: str | None = None
    failed: SideName | None = None  # the side that the error is of
    remark: str | None = None

    @property
    def estimate(self) -> Estimate | None:
        """What the pairs so far say; None while they are too few."""
        if len(self.pairs) < MIN_FOR_ESTIMATE:
            return None
        return estimate([pair.value for pair in self.pairs])

    @property
    def learns_something_else(self) -> bool:
        """Whether most pairs are further apart, in one way, than rounding explains."""
        return any(
            statistics.median(getattr(pair, how) for pair in self.pairs) > bound
            for how, bound in self.bounds.items()
            if self.pairs
        )

    def fail(self, error: CaseError) -> None:
        """Keep what is wrong, and whose fault it is."""
        lacks_library = re.search("No module named '(?!implementations|bench)", error.reason)
        self.error = str(error)
        if lacks_library:
            self.error += f"; {self.cell.config.implementation.install}"
        self.failed = error.side


def run(
    cells: Sequence[Case],
    sides: Mapping[SideName, SideOfPair],
    folder: Path,
    *,
    smallest: float,
    budget_seconds: float,
    on_pair: Callable[[Sequence[Outcome], float], None],
    on_wait: Callable[[], None],
    share_machine: bool = False,
    n_pairs: int | None = None,
) -> list[Outcome]:
    """Compare two sides; return what is known of each cell.

    Args:
        folder: for what the sides are told; empty.
        budget_seconds: from when the machine is ours; a pair that it cuts off does not count.
        n_pairs: of every cell, whatever they say; as many as the answers take if None.
        on_pair: called after every pair with all outcomes so far and the seconds taken.
        on_wait: called where another run holds the machine.
    """
    outcomes = [Outcome(cell) for cell in cells]
    with lock.reserved(on_wait, shared=share_machine):
        start = time.monotonic()
        until = start + budget_seconds
        # Not a seed of anything that is learnt: only of which side goes first.
        randomness = random.Random(time.time_ns())  # noqa: S311
        conditions = Conditions(folder=folder, randomness=randomness, until=until)
        try:
            write_problems(cells, steps_of_blocks(outcomes, sides["base"], conditions), folder)
            _find_bounds(outcomes, sides["base"], conditions)
            for number in range(n_pairs or max(LOOKS)):
                round_start = time.monotonic()
                for group in _by_implementation(outcomes):
                    _measure_all(group, number, sides, conditions)
                    on_pair(outcomes, time.monotonic() - start)
                now = time.monotonic()
                # A round that would be cut off is worth less than the time it takes.
                last = now + (now - round_start) > until or number + 1 == (n_pairs or max(LOOKS))
                if (last or n_pairs is None) and _judge(outcomes, smallest, last=last):
                    return outcomes
        except OutOfTimeError:
            _judge(outcomes, smallest, last=True)
    return outcomes


def _judge(outcomes: Sequence[Outcome], smallest: float, *, last: bool) -> bool:
    """Answer where it can be answered; return whether all is answered."""
    made = {one.cell.name: one.estimate for one in outcomes if one.error is None}
    known = {name: value for name, value in made.items() if value is not None}
    answers = decide(known, smallest, last=last)
    for one in outcomes:
        if one.answer is None and one.error is None:
            one.answer = answers.get(one.cell.name) or ("can't tell" if last else None)
            if last and one.estimate is None:
                one.remark = f"time was up after {len(one.pairs)} pairs; a longer --budget helps"
    return all(one.answer is not None or one.error is not None for one in outcomes)


def _by_implementation(outcomes: Sequence[Outcome]) -> Iterator[list[Outcome]]:
    """Yield the cells that still need pairs, those of one implementation together."""
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if one.answer is None and one.error is None:
            groups.setdefault(one.cell.config.implementation.name, []).append(one)
    yield from groups.values()


def _measure_all(
    group: Sequence[Outcome],
    number: int,
    sides: Mapping[SideName, SideOfPair],
    conditions: Conditions,
) -> None:
    """Measure a pair of every cell of one implementation, with the same two processes."""
    with pair_of_processes(sides, group[0].cell.config.cores, conditions) as talks:
        for one in group:
            try:
                one.pairs.append(measure(talks, one.cell, number, conditions.randomness))
            except CaseError as error:
                one.fail(error)
                return  # the processes may be gone; the others have their turn with the next pair


def bounds_of(drift: Pair) -> dict[str, float]:
    """Return how far apart what is learnt may be, where rounding drives it as far as this."""
    return {how: max(bound, MAX_DRIFT * getattr(drift, how)) for how, bound in BOUNDS.items()}


def _find_bounds(outcomes: Sequence[Outcome], base: SideOfPair, conditions: Conditions) -> None:
    """Find out how far apart rounding alone drives what BASE learns."""
    for group in _by_implementation(outcomes):
        cores = group[0].cell.config.cores
        with pair_of_processes({"base": base, "head": base}, cores, conditions) as talks:
            for one in group:
                try:
                    drift = measure(talks, one.cell, 0, conditions.randomness, nudged=True)
                except CaseError as error:
                    one.fail(CaseError("base", error.reason))
                    break
                one.bounds = bounds_of(drift)


def steps_of_blocks(
    outcomes: Sequence[Outcome], base: SideOfPair, conditions: Conditions
) -> dict[str, int]:
    """Find out how many steps take about `BLOCK_SECONDS`, on BASE.

    Raises:
        OutOfTimeError: time is up before that.
    """
    cells = [one.cell for one in outcomes]
    guess = {
        cell.name: max(4, round(1e9 / _flops_per_step(cell)))  # about a tenth of a second or less
        for cell in cells
    }
    write_problems(cells, guess, conditions.folder)
    for group in _by_implementation(outcomes):
        cores = group[0].cell.config.cores
        with pair_of_processes({"base": base}, cores, conditions) as talks:
            for one in group:
                name = one.cell.name
                try:
                    talks["base"].ask(open=name)
                    talks["base"].answer()
                    talks["base"].ask(block=1)
                    seconds = talks["base"].answer()["seconds"]
                except CaseError as error:
                    one.fail(error)
                    break
                guess[name] = max(4, round(guess[name] * BLOCK_SECONDS / seconds))
    return guess


def _flops_per_step(cell: Case) -> float:
    return flops_per_example(cell.config.layer_sizes) * cell.config.batch_size
