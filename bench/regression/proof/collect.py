"""Real pairs to judge: of one commit with itself, in quiet and under load, and with plants."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench import environment, machine
from bench.regression import campaign
from bench.regression.pairs import Cell, Which, measure, pair_of_processes, write_problems
from bench.regression.proof import load, plants
from bench.regression.sides import SideOfPair, checked_out, repository_here

PLANTED = (0.01, 0.03, 0.05, 0.10)
QUIET, LOADED = "quiet", "loaded"

Told = dict[str, object]


def planted(share: float) -> str:
    """Return the name of the pairs with a plant of this share of a step."""
    return f"planted {share:.0%}"


def collect(cell: Cell, path: Path, n_rounds: int, on_round: Callable[[int], None]) -> None:
    """Write pairs to a file, a line each; what is there already stays, and counts.

    A round is a pair of equal sides in quiet, one under load, and two plants, so that whatever
    drifts on the machine drifts for all alike.

    Raises:
        SideError: this is no git repository.
        CellError: a side can't train the cell.
    """
    with ExitStack() as stack:
        sides, steps_folder = stack.enter_context(_sides(cell))
        stack.enter_context(machine.reserved(lambda: print("waiting for another run to end")))
        disturb = stack.enter_context(load.on_cores(environment.usable_cores()))
        out = stack.enter_context(path.open("ab"))
        if out.tell() == 0:
            _write(out, _heading(cell, sides["base"]))
        randomness = random.Random(time.time_ns())  # noqa: S311
        for number in range(n_rounds):
            first = PLANTED[number % 2 :: 2]
            kinds = [QUIET, LOADED, *map(planted, first)]
            randomness.shuffle(kinds)
            for kind in kinds:
                head = sides["head"] if kind in (QUIET, LOADED) else sides[kind]
                disturb.set(kind == LOADED)
                try:
                    told = _one_pair(cell, sides["base"], head, steps_folder, randomness)
                finally:
                    disturb.set(False)
                _write(out, {"kind": kind, **told})
            on_round(number + 1)


def _one_pair(
    cell: Cell, base: SideOfPair, head: SideOfPair, folder: Path, randomness: random.Random
) -> Told:
    start = time.monotonic()
    sides: dict[Which, SideOfPair] = {"base": base, "head": head}
    with pair_of_processes(sides, cell.config.cores, folder, randomness) as talks:
        pair = measure(talks, cell, 0, randomness)
    return {
        "seconds": round(time.monotonic() - start, 2),
        "base_us": [round(seconds * 1e6) for seconds in pair.base_seconds],
        "head_us": [round(seconds * 1e6) for seconds in pair.head_seconds],
    }


@contextmanager
def _sides(cell: Cell) -> Iterator[tuple[dict[str, SideOfPair], Path]]:
    """Check one commit out twice, and plant slowdowns into copies of it."""
    with ExitStack() as stack:
        repository = repository_here()
        base = stack.enter_context(checked_out("HEAD", None, repository, "BASE"))
        head = stack.enter_context(checked_out("HEAD", None, repository, "HEAD"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-prove-")))
        told = folder / "told"
        told.mkdir()
        outcomes = [campaign.Outcome(cell)]
        sides = {"base": base, "head": head}
        steps = campaign.steps_of_blocks(
            [cell], {"base": base}, told, outcomes, random.Random(0)  # noqa: S311
        )  # fmt: skip
        write_problems([cell], steps, told)
        seconds_a_step = campaign.BLOCK_SECONDS / steps[cell.name]
        for share in PLANTED:
            tree = folder / f"{share:.2f}"
            plants.plant(base.tree, tree, plants.rows_that_take(share * seconds_a_step))
            sides[planted(share)] = replace(base, label=planted(share), tree=tree)
        yield sides, told


def _heading(cell: Cell, base: SideOfPair) -> Told:
    return {
        "cell": cell.name,
        "commit": base.commit,
        "cores": cell.config.cores,
        "block_seconds": campaign.BLOCK_SECONDS,
        "environment": environment.describe([]),
    }


def _write(out: BinaryIO, told: Told) -> None:
    out.write(msgspec.json.encode(told) + b"\n")
    out.flush()
