"""The unit of a comparison: a pair of fresh processes, one of each side, that take turns."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.machine import facts
from bench.regression.cases import Case
from bench.regression.side_process import Conditions, SideName, SideProcess
from bench.regression.sides import Side

N_TURNS = 16  # many short blocks: a disturbance spoils one of them, which the median ignores


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The times of one pair of processes, and how much of what they learned differs.

    Attributes:
        cell: name of the case; files of the first edition have this key.
        number: of the round in which it was measured.
        base_seconds: of every block of BASE.
        head_seconds: of every block of HEAD.
        first_apart: difference of the updates after a few steps, relative to their size.
        losses_apart: largest relative difference of a block's mean loss.
        last_apart: difference of the updates after the last block, relative to their size.
    """

    cell: str
    number: int
    base_seconds: tuple[float, ...]
    head_seconds: tuple[float, ...]
    first_apart: float
    losses_apart: float
    last_apart: float

    @property
    def value(self) -> float:
        """The pair's estimate of log(time of HEAD / time of BASE)."""
        return median_log_ratio(self.base_seconds, self.head_seconds)


def median_log_ratio(base_times: Sequence[float], head_times: Sequence[float]) -> float:
    """Return the median over turns of log(time of HEAD / time of BASE)."""
    return statistics.median(
        math.log(head / base) for base, head in zip(base_times, head_times, strict=True)
    )


@contextmanager
def processes_of(
    sides: Mapping[SideName, Side], cores: Sequence[int], conditions: Conditions
) -> Iterator[dict[SideName, SideProcess]]:
    """Start a fresh process of each side; kill them at the end of the block.

    They build their models at the same time, on different cores if there are enough. Which side
    gets which cores is random.
    """
    others = [core for core in facts.usable_cores() if core not in cores]
    places = [cores, others[: len(cores)] if len(others) >= len(cores) else cores]
    conditions.randomness.shuffle(places)
    with ExitStack() as stack:
        processes: dict[SideName, SideProcess] = {}
        for place, (name, side) in zip(places, sides.items(), strict=False):
            processes[name] = SideProcess(name, side, place, conditions)
            stack.callback(processes[name].close)
        yield processes


def measure(
    processes: Mapping[SideName, SideProcess],
    case: Case,
    number: int,
    randomness: random.Random,
    *,
    perturbed: bool = False,
) -> Pair:
    """Let both sides train a case, block by block, in random order within each turn.

    They build their models on cores of their own, and are timed one at a time on the cores of the
    case.

    Args:
        processes: of both sides.
        case: must have been written by `write_problems`.
        number: of the round.
        randomness: decides the order.
        perturbed: change HEAD's initial weights by one unit in the last place.

    Raises:
        CaseError: a side can't train it.
        OutOfTimeError: the budget of the session ran out.
    """
    order = list(processes)
    for name, process in processes.items():
        process.move(process.own_cores)
        process.send(**{"open_perturbed" if perturbed and name == "head" else "open": case.name})
    first = {name: process.receive()["update"] for name, process in processes.items()}
    for process in processes.values():
        process.move(case.config.cores)
    seconds: dict[SideName, list[float]] = {name: [] for name in processes}
    losses: dict[SideName, list[float]] = {name: [] for name in processes}
    for turn in range(N_TURNS + 1):
        randomness.shuffle(order)
        for name in order:
            block = processes[name].request(block=turn)
            losses[name].append(block["loss"])
            if turn > 0:  # the first follows a move to other cores
                seconds[name].append(block["seconds"])
    last = {name: process.request(update=None)["update"] for name, process in processes.items()}
    return Pair(
        cell=case.name,
        number=number,
        base_seconds=tuple(seconds["base"]),
        head_seconds=tuple(seconds["head"]),
        first_apart=_update_difference(first["base"], first["head"]),
        losses_apart=max(map(_relative_difference, losses["base"], losses["head"])),
        last_apart=_update_difference(last["base"], last["head"]),
    )


def _relative_difference(left: float, right: float) -> float:
    size = max(abs(left), abs(right))
    return abs(left - right) / size if size > 0 else 0.0


def _update_difference(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the distance between two updates, relative to the longer one.

    An update is given by its length and its projections on random directions. The mean square of
    the projections estimates the square of a vector's length.
    """
    squares = [(left - right) ** 2 for left, right in zip(base[1:], head[1:], strict=True)]
    distance = max(math.sqrt(statistics.fmean(squares)), abs(base[0] - head[0]))
    size = max(base[0], head[0])
    return distance / size if size > 0 else 0.0
