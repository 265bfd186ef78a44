"""The unit of a comparison: a pair of fresh processes, one per side, that train in turns."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.config.schema import RunConfig
from bench.machine import facts
from bench.regression.cases import N_BATCH_SETS, Case, write_batches
from bench.regression.metrics import METRICS, Metric
from bench.regression.pair_record import Pair, Readings, update_difference
from bench.regression.sides.checkout import SideName, Sides
from bench.regression.sides.process import Conditions, SideProcess, check_finite
from bench.regression.turns import in_turns
from bench.results.history import STEP

SLICE_SECONDS = 0.05
FIRST_SLICE_FLOPS = 1e9  # for measuring how long a step takes
MAX_STEPS = 10_000  # for training that computes almost nothing
N_EVALUATIONS = 8  # of each side, in turns
SIDES: tuple[SideName, SideName] = ("base", "head")
DIVERGES: dict[SideName, str] = {
    "base": "diverges; choose a lower learning rate",
    "head": "learns something else: its loss or parameters are not finite",
}


def find_n_steps(process: SideProcess, case: Case, folder: Path, min_steps: int) -> int:
    """Measure how many steps take about `SLICE_SECONDS`; write as many batches.

    Args:
        process: trains the case.
        case: `write_data` has written its data.
        folder: contains the data and the folder of the case.
        min_steps: minimum number of steps.

    Raises:
        CaseError: the process can't train the case, or diverges.
        OutOfTimeError: the budget was used up before that.
    """
    guess = max(min_steps, round(FIRST_SLICE_FLOPS / case.flops_per_step))
    write_batches(case, guess, folder)
    process.request(open=case.name)
    # Minimum of a few: the first is slow, and another process may disturb one.
    seconds: float = min(process.request(slice=number)["seconds"] for number in range(N_BATCH_SETS))
    n_steps = min(max(min_steps, round(guess * SLICE_SECONDS / seconds)), MAX_STEPS)
    write_batches(case, n_steps, folder)
    return n_steps


@contextmanager
def processes_of(
    sides: Sides, config: RunConfig, conditions: Conditions
) -> Iterator[dict[SideName, SideProcess]]:
    """Start a fresh process of each side; kill them at the end of the `with` block.

    They build their models at the same time, on different cores if there are enough. Which side
    gets which cores is random.
    """
    cores = config.cores
    others = [core for core in facts.usable_cores() if core not in cores]
    core_sets = [cores, others[: len(cores)] if len(others) >= len(cores) else cores]
    conditions.randomness.shuffle(core_sets)
    names = list(sides)
    conditions.randomness.shuffle(names)
    with ExitStack() as stack:
        processes: dict[SideName, SideProcess] = {}
        for core_set, name in zip(core_sets, names, strict=False):
            processes[name] = SideProcess(
                name, sides[name], core_set, conditions, config.instructions
            )
            stack.callback(processes[name].close)
        yield processes


def measure(
    processes: Mapping[SideName, SideProcess],
    case: Case,
    number: int,
    randomness: random.Random,
    *,
    metrics: Collection[str] = (STEP,),
    perturbed: bool = False,
) -> Pair:
    """Let both sides train a case, slice by slice, in random order within each turn.

    They build their models at the same time, or one after the other if they must share cores, and
    are timed one at a time, on the cores of the case.

    Args:
        processes: the process of each side.
        case: its files are written, with batches of a slice.
        number: index of the round.
        randomness: decides the order.
        metrics: what to measure, by name; the time of a step is always measured.
        perturbed: change HEAD's initial weights by one unit in the last place.

    Raises:
        CaseError: a side can't train it, or diverges.
        OutOfTimeError: the budget of the session ran out.
    """
    order = list(processes)
    randomness.shuffle(order)
    opened = _open(processes, order, case, perturbed=perturbed)
    for process in processes.values():
        process.move(case.config.cores)
    seconds: dict[SideName, list[float]] = {name: [] for name in processes}
    losses: dict[SideName, list[float]] = {name: [] for name in processes}
    for turn, name in in_turns(processes, randomness):
        trained = processes[name].request(slice=turn)
        losses[name].append(trained["loss"])
        if turn > 0:
            seconds[name].append(trained["seconds"])
    readings = {
        METRICS[name].readings: _readings(METRICS[name], processes, opened)
        for name in metrics
        if METRICS[name].needs_own_process
    }
    last = {name: process.request(update=None)["update"] for name, process in processes.items()}
    for name, reason in DIVERGES.items():  # BASE first: if both diverge, it is not HEAD's failure
        check_finite(name, [*opened[name]["update"], *losses[name], *last[name]], reason)
    if "evaluation" in metrics:
        readings["evaluation_seconds"] = _evaluate(processes, randomness)
    return Pair(
        cell=case.name,
        number=number,
        base_seconds=tuple(seconds["base"]),
        head_seconds=tuple(seconds["head"]),
        first_difference=update_difference(opened["base"]["update"], opened["head"]["update"]),
        losses_difference=max(map(_relative_difference, losses["base"], losses["head"])),
        last_difference=update_difference(last["base"], last["head"]),
        readings=readings,
    )


def _open(
    processes: Mapping[SideName, SideProcess],
    order: Sequence[SideName],
    case: Case,
    *,
    perturbed: bool,
) -> dict[SideName, dict[str, Any]]:
    """Let both sides build their models; return their answers."""
    first, second = (processes[name] for name in order)
    shares_cores = bool({*first.own_cores} & {*second.own_cores})
    opened = {}
    for name in order:
        processes[name].move(processes[name].own_cores)
        processes[name].send(
            **{"open_perturbed" if perturbed and name == "head" else "open": case.name}
        )
        if shares_cores:
            opened[name] = processes[name].receive()
    return opened or {name: processes[name].receive() for name in SIDES}


def _readings(
    metric: Metric, processes: Mapping[SideName, SideProcess], opened: Mapping[SideName, Any]
) -> Readings:
    """Return one reading of each side."""
    if metric.name == "memory":
        return Readings(*((processes[name].peak_memory_bytes(),) for name in SIDES))
    return Readings(*((opened[name][metric.readings],) for name in SIDES))


def _evaluate(processes: Mapping[SideName, SideProcess], randomness: random.Random) -> Readings:
    """Let both sides compute logits in turns, in random order within each turn."""
    seconds: dict[SideName, list[float]] = {name: [] for name in SIDES}
    order = list(SIDES)
    for name in SIDES:  # BASE first: if both fail, it is not HEAD's failure
        processes[name].request(evaluate=None)  # compiles
    for _ in range(N_EVALUATIONS):
        randomness.shuffle(order)
        for name in order:
            seconds[name].append(processes[name].request(evaluate=None)["seconds"])
    return Readings(tuple(seconds["base"]), tuple(seconds["head"]))


def _relative_difference(left: float, right: float) -> float:
    size = max(abs(left), abs(right))
    return abs(left - right) / size if size > 0 else 0.0
