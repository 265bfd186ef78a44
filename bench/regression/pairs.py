"""The unit of a comparison: a pair of fresh processes, one of each side, that take turns."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bench.config.schema import RunConfig
from bench.data import datasets
from bench.machine import facts
from bench.regression.side_process import Conditions, SideName, SideProcess
from bench.regression.sides import SideOfPair
from bench.training import sampling

N_TURNS = 16  # short and many: a disturbance spoils one of them, and the median does not mind
N_SLICES = 4  # of the batches, which blocks go through in turn
# How far apart, relative to its size, what both sides learn may be at least.
BOUNDS = {"first_apart": 0.01, "losses_apart": 0.02, "last_apart": 0.05}
MAX_DRIFT = 5  # and at most: times as far as BASE gets from itself, a unit in the last place apart


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What is timed: an implementation, an architecture, a batch size."""

    name: str
    config: RunConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What one pair of processes took, block by block, and how far apart what they learnt is.

    The latter are shares: of the update after a few steps, of a block's loss, where these are
    furthest apart, and of the update after the last block.
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
        """What the pair says of the speed."""
        return value_of(self.base_seconds, self.head_seconds)


def value_of(base_times: Sequence[float], head_times: Sequence[float]) -> float:
    """Return the median over turns of log(time of HEAD / time of BASE)."""
    return statistics.median(
        math.log(head / base) for base, head in zip(base_times, head_times, strict=True)
    )


@contextmanager
def pair_of_processes(
    sides: Mapping[SideName, SideOfPair], cores: Sequence[int], conditions: Conditions
) -> Iterator[dict[SideName, SideProcess]]:
    """Start a fresh process of each side; they end with the block.

    They get ready at the same time, on cores of their own if there are enough; which of them
    where is drawn.
    """
    others = [core for core in facts.usable_cores() if core not in cores]
    places = [cores, others[: len(cores)] if len(others) >= len(cores) else cores]
    conditions.randomness.shuffle(places)
    with ExitStack() as stack:
        talks: dict[SideName, SideProcess] = {}
        for place, (which, side) in zip(places, sides.items(), strict=False):
            talks[which] = SideProcess(which, side, place, conditions)
            stack.callback(talks[which].close)
        yield talks


def measure(
    talks: Mapping[SideName, SideProcess],
    cell: Case,
    number: int,
    randomness: random.Random,
    *,
    nudged: bool = False,
) -> Pair:
    """Have both sides train a cell, block by block, in random order within each turn.

    They get ready where they started, and are timed one at a time on the cell's cores.

    Args:
        nudged: whether HEAD's initial weights are a unit in the last place away from BASE's.

    Raises:
        CaseError: a side can't.
        OutOfTimeError: the time of the campaign is up.
    """
    order = list(talks)
    for which, talk in talks.items():
        talk.move(talk.own_cores)
        talk.ask(**{"open_nudged" if nudged and which == "head" else "open": cell.name})
    first = {which: talk.answer() for which, talk in talks.items()}
    for talk in talks.values():
        talk.move(cell.config.cores)
    seconds: dict[SideName, list[float]] = {which: [] for which in talks}
    losses: dict[SideName, list[float]] = {which: [] for which in talks}
    for turn in range(N_TURNS + 1):
        randomness.shuffle(order)
        for which in order:
            talks[which].ask(block=turn)
            told = talks[which].answer()
            losses[which].append(told["loss"])
            if turn > 0:  # the first is not counted: both have just moved
                seconds[which].append(told["seconds"])
    for talk in talks.values():
        talk.ask(learnt=cell.name)
    last = {which: talk.answer() for which, talk in talks.items()}
    return Pair(
        cell=cell.name,
        number=number,
        base_seconds=tuple(seconds["base"]),
        head_seconds=tuple(seconds["head"]),
        first_apart=_apart(first["base"]["moved"], first["head"]["moved"]),
        losses_apart=max(map(_share_apart, losses["base"], losses["head"])),
        last_apart=_apart(last["base"]["moved"], last["head"]["moved"]),
    )


def _share_apart(one: float, other: float) -> float:
    size = max(abs(one), abs(other))
    return abs(one - other) / size if size > 0 else 0.0


def _apart(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the distance between two updates, known by projections, relative to their size.

    The square of a projection on a random direction is on average that of the vector's length.
    """
    squares = [(one - other) ** 2 for one, other in zip(base[1:], head[1:], strict=True)]
    distance = max(math.sqrt(statistics.fmean(squares)), abs(base[0] - head[0]))
    size = max(base[0], head[0])
    return distance / size if size > 0 else 0.0


def write_problems(cells: Sequence[Case], steps: Mapping[str, int], folder: Path) -> None:
    """Write what both sides are told; the same files for both.

    Args:
        steps: in a block, by cell.

    Raises:
        DatasetError: the data can't be had.
    """
    config = cells[0].config
    dataset = datasets.load(config.dataset, datasets.locate(config.dataset))
    data = datasets.split(dataset, config.validation_fraction)
    np.save(folder / "images.npy", data.train_images)
    np.save(folder / "labels.npy", data.train_labels)
    for cell in cells:
        config = cell.config
        own = folder / cell.name
        own.mkdir(exist_ok=True)
        problem = {
            "module": config.implementation.module,
            "layer_sizes": config.layer_sizes,
            "recipe": msgspec.to_builtins(config.recipe),
            "learning_rate": config.learning_rate,
            "device": config.device,
            "threads": len(config.cores),
            "options": config.implementation.options,
        }
        (own / "problem.json").write_bytes(msgspec.json.encode(problem))
        initial = sampling.initial_parameters(
            config.seed, config.layer_sizes, config.recipe.initializer
        )
        for number, layer in enumerate(initial):
            np.save(own / f"weights-{number}.npy", layer.weights)
            np.save(own / f"bias-{number}.npy", layer.bias)
        shape = (N_SLICES, steps[cell.name], config.batch_size)
        drawn = np.random.default_rng(config.seed).integers(len(data.train_labels), size=shape)
        np.save(own / "batches.npy", drawn)
