"""The unit of a comparison: a pair of fresh processes, one of each side, that take turns."""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from bench import datasets, environment, sampling
from bench.config import RunConfig
from bench.process import THREAD_VARIABLES
from bench.regression.sides import SideOfPair

PROGRAM = Path(__file__).with_name("side.py")
N_TURNS = 16  # short and many: a disturbance spoils one of them, and the median does not mind
N_SLICES = 4  # of the batches, which blocks go through in turn
LEARNT_BOUND = 0.01  # of the distance between both sides' updates after a block, relative to them

Which = Literal["base", "head"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What is timed: an implementation, an architecture, a batch size."""

    name: str
    config: RunConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What one pair of processes took, block by block, and how far apart they learnt."""

    cell: str
    number: int
    base_seconds: tuple[float, ...]
    head_seconds: tuple[float, ...]
    learnt_apart: float

    @property
    def value(self) -> float:
        """The median over turns of log(time of HEAD / time of BASE)."""
        return statistics.median(
            math.log(head / base)
            for base, head in zip(self.base_seconds, self.head_seconds, strict=True)
        )


class CellError(Exception):
    """A side can't train a cell; the message says which side, and what it says."""


class Talk:
    """One side's process."""

    def __init__(self, side: SideOfPair, name: str, cores: Sequence[int], folder: Path) -> None:
        limits = dict.fromkeys(THREAD_VARIABLES, str(len(cores)))
        self.name = name
        self.own_cores = cores
        self.process = subprocess.Popen(  # noqa: S603
            [side.python, "-P", PROGRAM, ",".join(map(str, cores)), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | limits | {"PYTHONPATH": str(side.tree)},
            start_new_session=True,
        )

    def move(self, cores: Sequence[int]) -> None:
        """Move all its threads to these cores, where the system knows how."""
        if hasattr(os, "sched_setaffinity"):
            with suppress(FileNotFoundError, ProcessLookupError):  # ended; `answer` tells how
                for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
                    os.sched_setaffinity(int(thread.name), cores)

    def ask(self, **question: Any) -> None:
        """Send a question."""
        assert self.process.stdin is not None  # noqa: S101
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return  # how it ended, `answer` tells

    def answer(self) -> dict[str, Any]:
        """Wait for the answer.

        Raises:
            CellError: it is that something is wrong, or there is none.
        """
        assert self.process.stdout is not None  # noqa: S101
        line = self.process.stdout.readline()
        if not line:
            raise CellError(f"{self.name}: its process ended with {self.process.wait()}")
        answer: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if "error" in answer:
            raise CellError(f"{self.name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def pair_of_processes(
    sides: Mapping[Which, SideOfPair],
    cores: Sequence[int],
    folder: Path,
    randomness: random.Random,
) -> Iterator[dict[Which, Talk]]:
    """Start a fresh process of each side; they end with the block.

    They get ready at the same time, on cores of their own if there are enough; which of them
    where is drawn.
    """
    others = [core for core in environment.usable_cores() if core not in cores]
    places = [cores, others[: len(cores)] if len(others) >= len(cores) else cores]
    randomness.shuffle(places)
    with ExitStack() as stack:
        talks: dict[Which, Talk] = {}
        for place, (which, side) in zip(places, sides.items(), strict=False):
            talks[which] = Talk(side, which.upper(), place, folder)
            stack.callback(talks[which].close)
        yield talks


def measure(
    talks: Mapping[Which, Talk], cell: Cell, number: int, randomness: random.Random
) -> Pair:
    """Have both sides train a cell, block by block, in random order within each turn.

    They get ready where they started, and are timed one at a time on the cell's cores.

    Raises:
        CellError: a side can't.
    """
    order = list(talks)
    for talk in talks.values():
        talk.move(talk.own_cores)
        talk.ask(open=cell.name)
    moved = {which: talk.answer()["moved"] for which, talk in talks.items()}
    for talk in talks.values():
        talk.move(cell.config.cores)
    seconds: dict[Which, list[float]] = {which: [] for which in talks}
    for turn in range(N_TURNS + 1):
        randomness.shuffle(order)
        for which in order:
            talks[which].ask(block=turn)
            taken = talks[which].answer()["seconds"]
            if turn > 0:  # the first is not counted: both have just moved
                seconds[which].append(taken)
    return Pair(
        cell=cell.name,
        number=number,
        base_seconds=tuple(seconds["base"]),
        head_seconds=tuple(seconds["head"]),
        learnt_apart=_apart(moved["base"], moved["head"]),
    )


def _apart(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the distance between two updates, known by projections, relative to their size.

    The square of a projection on a random direction is on average that of the vector's length.
    """
    squares = [(one - other) ** 2 for one, other in zip(base[1:], head[1:], strict=True)]
    distance = max(math.sqrt(statistics.fmean(squares)), abs(base[0] - head[0]))
    size = max(base[0], head[0])
    return distance / size if size > 0 else 0.0


def write_problems(cells: Sequence[Cell], steps: Mapping[str, int], folder: Path) -> None:
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
