"""Pairs until every cell has an answer, or time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.arithmetic import flops_per_example
from bench.regression.decision import LOOKS, Answer, Estimate, decide, estimate
from bench.regression.pairs import (
    LEARNT_BOUND,
    Cell,
    CellError,
    Pair,
    Which,
    measure,
    pair_of_processes,
    write_problems,
)
from bench.regression.sides import SideOfPair

BLOCK_SECONDS = 0.05
FEWEST_FOR_ESTIMATE = 5


@dataclass
class Outcome:
    """What is known of one cell."""

    cell: Cell
    pairs: list[Pair] = field(default_factory=list)
    answer: Answer | None = None
    error: str | None = None
    remark: str | None = None

    @property
    def estimate(self) -> Estimate | None:
        """What the pairs so far say; None while they are too few."""
        if len(self.pairs) < FEWEST_FOR_ESTIMATE:
            return None
        return estimate([pair.value for pair in self.pairs])

    @property
    def learns_something_else(self) -> bool:
        """Whether most pairs' updates were apart by more than rounding explains."""
        apart = [pair.learnt_apart > LEARNT_BOUND for pair in self.pairs]
        return sum(apart) * 2 > len(apart)


def run(
    cells: Sequence[Cell],
    sides: Mapping[Which, SideOfPair],
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
        n_pairs: of every cell, whatever they say; as many as the answers take if None.
        on_pair: called after every pair with all outcomes so far and the seconds taken.
        on_wait: called where another run holds the machine.
    """
    outcomes = [Outcome(cell) for cell in cells]
    # Not a seed of anything that is learnt: only of which side goes first.
    randomness = random.Random(time.time_ns())  # noqa: S311
    start = time.monotonic()
    with machine.reserved(on_wait, shared=share_machine):
        steps = steps_of_blocks(cells, sides, folder, outcomes, randomness)
        write_problems(cells, steps, folder)
        for number in range(n_pairs or max(LOOKS)):
            for group in _by_implementation(outcomes):
                _measure_all(group, number, sides, folder, randomness)
                on_pair(outcomes, time.monotonic() - start)
            # A pair more than fits is worth less than keeping the promise.
            taken = time.monotonic() - start
            out_of_time = taken * (number + 2) / (number + 1) > budget_seconds
            last = out_of_time or number + 1 == n_pairs
            if (last or n_pairs is None) and _judge(outcomes, smallest, last=last):
                break
    return outcomes


def _judge(outcomes: Sequence[Outcome], smallest: float, *, last: bool) -> bool:
    """Answer where it can be answered; return whether all is answered."""
    made = {one.cell.name: one.estimate for one in outcomes if one.error is None}
    known = {name: value for name, value in made.items() if value is not None}
    answers = decide(known, smallest, last=last)
    for one in outcomes:
        if one.answer is None and one.error is None:
            one.answer = answers.get(one.cell.name) or ("can't tell" if last else None)
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
    sides: Mapping[Which, SideOfPair],
    folder: Path,
    randomness: random.Random,
) -> None:
    """Measure a pair of every cell of one implementation, with the same two processes."""
    cores = group[0].cell.config.cores
    with pair_of_processes(sides, cores, folder, randomness) as talks:
        for one in group:
            try:
                one.pairs.append(measure(talks, one.cell, number, randomness))
            except CellError as error:
                one.error = str(error)
                return  # the processes may be gone; the others have their turn with the next pair


def steps_of_blocks(
    cells: Sequence[Cell],
    sides: Mapping[Which, SideOfPair],
    folder: Path,
    outcomes: Sequence[Outcome],
    randomness: random.Random,
) -> dict[str, int]:
    """Find out how many steps take about `BLOCK_SECONDS`, on BASE."""
    guess = {
        cell.name: max(4, round(1e9 / _flops_per_step(cell)))  # about a tenth of a second or less
        for cell in cells
    }
    write_problems(cells, guess, folder)
    base: dict[Which, SideOfPair] = {"base": sides["base"]}
    for group in _by_implementation(outcomes):
        cores = group[0].cell.config.cores
        with pair_of_processes(base, cores, folder, randomness) as talks:
            for one in group:
                name = one.cell.name
                try:
                    talks["base"].ask(open=name)
                    talks["base"].answer()
                    talks["base"].ask(block=1)
                    seconds = talks["base"].answer()["seconds"]
                except CellError as error:
                    one.error = str(error)
                    break
                guess[name] = max(4, round(guess[name] * BLOCK_SECONDS / seconds))
    return guess


def _flops_per_step(cell: Cell) -> float:
    return flops_per_example(cell.config.layer_sizes) * cell.config.batch_size
