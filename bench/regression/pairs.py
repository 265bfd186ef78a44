"""The unit of a comparison: a pair of fresh processes, one per side, that train in turns."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import msgspec

from bench.machine import facts
from bench.regression.cases import Case
from bench.regression.checkout import Side
from bench.regression.side_process import CaseError, Conditions, SideName, SideProcess

N_TURNS = 16  # many short slices: a disturbance affects few of them, which the median ignores
# Names in pairs.json, as in the first edition.
JSON_NAMES = {
    "first_difference": "first_apart",
    "losses_difference": "losses_apart",
    "last_difference": "last_apart",
}


class Pair(msgspec.Struct, frozen=True, kw_only=True, rename=JSON_NAMES):
    """Times of one pair of processes, and differences between the models that they trained.

    Attributes:
        cell: name of the case; files of the first edition have this key.
        number: index of the round in which it was measured.
        base_seconds: time of every slice of BASE.
        head_seconds: time of every slice of HEAD.
        first_difference: difference of the updates after a few steps, relative to their size.
        losses_difference: largest relative difference between the mean losses of a slice.
        last_difference: difference of the updates after the last slice, relative to their size.
    """

    cell: str
    number: int
    base_seconds: tuple[float, ...]
    head_seconds: tuple[float, ...]
    first_difference: float
    losses_difference: float
    last_difference: float

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
    """Start a fresh process of each side; kill them at the end of the `with` block.

    They build their models at the same time, on different cores if there are enough. Which side
    gets which cores is random.
    """
    others = [core for core in facts.usable_cores() if core not in cores]
    core_sets = [cores, others[: len(cores)] if len(others) >= len(cores) else cores]
    conditions.randomness.shuffle(core_sets)
    with ExitStack() as stack:
        processes: dict[SideName, SideProcess] = {}
        for core_set, (name, side) in zip(core_sets, sides.items(), strict=False):
            processes[name] = SideProcess(name, side, core_set, conditions)
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
    """Let both sides train a case, slice by slice, in random order within each turn.

    They build their models at the same time and are timed one at a time, on the cores of the case.

    Args:
        processes: the process of each side.
        case: `write_problems` has written it.
        number: index of the round.
        randomness: decides the order.
        perturbed: change HEAD's initial weights by one unit in the last place.

    Raises:
        CaseError: a side can't train it, or diverges.
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
            trained = processes[name].request(slice=turn)
            losses[name].append(trained["loss"])
            if turn > 0:  # the first one follows a move to other cores
                seconds[name].append(trained["seconds"])
    last = {name: process.request(update=None)["update"] for name, process in processes.items()}
    _check_finite("base", [*first["base"], *losses["base"], *last["base"]])
    _check_finite("head", [*first["head"], *losses["head"], *last["head"]])
    return Pair(
        cell=case.name,
        number=number,
        base_seconds=tuple(seconds["base"]),
        head_seconds=tuple(seconds["head"]),
        first_difference=update_difference(first["base"], first["head"]),
        losses_difference=max(map(_relative_difference, losses["base"], losses["head"])),
        last_difference=update_difference(last["base"], last["head"]),
    )


def _check_finite(side: SideName, values: Sequence[float | None]) -> None:
    """Check the losses and updates of a side; JSON has no infinity or NaN, so they are None.

    Raises:
        CaseError: one of them is not finite.
    """
    if None in values:
        remedy = {
            "base": "diverges; choose a lower learning rate",
            "head": "learns something else: its loss or parameters are not finite",
        }
        raise CaseError(side, remedy[side])


def _relative_difference(left: float, right: float) -> float:
    size = max(abs(left), abs(right))
    return abs(left - right) / size if size > 0 else 0.0


def update_difference(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the distance between two updates, relative to the longer one.

    An update is given by its length and its projections on random directions. The mean square of
    the projections estimates the square of a vector's length.
    """
    root_mean_square = math.dist(base[1:], head[1:]) / math.sqrt(len(base) - 1)
    distance = max(root_mean_square, abs(base[0] - head[0]))
    size = max(base[0], head[0])
    return distance / size if size > 0 else 0.0
