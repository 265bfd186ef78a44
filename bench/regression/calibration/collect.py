"""Real pairs to judge: of one commit with itself, in quiet and under load, and with plants."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from bench import provenance
from bench.machine import facts, lock
from bench.regression import session
from bench.regression.calibration import load, plants, rates
from bench.regression.pairs import Case, measure, pair_of_processes, write_problems
from bench.regression.side_process import Conditions, SideName
from bench.regression.sides import SideError, SideOfPair, checked_out, repository_here

PLANTED = (0.01, 0.03, 0.05, 0.10)
QUIET, LOADED = "quiet", "loaded"

Told = dict[str, object]


def planted(share: float) -> str:
    """Return the name of the pairs with a plant of this share of a step."""
    return f"planted {share:.0%}"


def collect(
    cell: Case, path: Path, n_rounds: int, budget_seconds: float, on_round: Callable[[int], None]
) -> None:
    """Write pairs to a file, a line each, until there are those of so many rounds, or time is up.

    A round is a pair of equal sides in quiet, one under load, and two plants, so that whatever
    drifts on the machine drifts for all alike. A file that is there already is gone on with, at
    the commit that it was begun with.

    Raises:
        SideError: this is no git repository, or the file was begun elsewhere.
        CaseError: a side can't train the cell.
    """
    heading, lines = rates.read(path) if path.exists() else ({}, {})
    mine = {"cell": cell.name, "cpu_model": facts.cpu_model()}
    if heading and mine != _begun(heading):
        raise SideError(f"{path}: begun with {_begun(heading)}, not {mine}; give another --pairs")
    with ExitStack() as stack:
        stack.enter_context(lock.reserved(lambda: print("waiting for another run to end")))
        until = time.monotonic() + budget_seconds
        randomness = random.Random(time.time_ns())  # noqa: S311
        told = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-told-")))
        conditions = Conditions(folder=told, randomness=randomness, until=until)
        sides = stack.enter_context(_sides(cell, str(heading.get("commit", "HEAD")), conditions))
        disturb = stack.enter_context(load.on_cores(facts.usable_cores()))
        out = stack.enter_context(path.open("ab"))
        if not heading:
            _write(out, _heading(cell, sides["base"]))
        for number in range(sum(map(len, lines.values())) // 4, n_rounds):
            kinds = [QUIET, LOADED, *map(planted, PLANTED[number % 2 :: 2])]
            randomness.shuffle(kinds)
            for kind in kinds:
                head = sides["head"] if kind in (QUIET, LOADED) else sides[kind]
                disturb.set(kind == LOADED)
                try:
                    pair = _one_pair(cell, sides["base"], head, conditions)
                finally:
                    disturb.set(False)
                _write(out, {"kind": kind, **pair})
            on_round(number + 1)


def _begun(heading: Mapping[str, Any]) -> Told:
    return {"cell": heading["cell"], "cpu_model": heading["environment"]["cpu_model"]}


def _one_pair(cell: Case, base: SideOfPair, head: SideOfPair, conditions: Conditions) -> Told:
    start = time.monotonic()
    sides: dict[SideName, SideOfPair] = {"base": base, "head": head}
    with pair_of_processes(sides, cell.config.cores, conditions) as talks:
        pair = measure(talks, cell, 0, conditions.randomness)
    return {
        "seconds": round(time.monotonic() - start, 2),
        "base_us": [round(seconds * 1e6) for seconds in pair.base_seconds],
        "head_us": [round(seconds * 1e6) for seconds in pair.head_seconds],
    }


@contextmanager
def _sides(cell: Case, commit: str, conditions: Conditions) -> Iterator[dict[str, SideOfPair]]:
    """Write one commit out twice, and plant slowdowns into copies of it."""
    with ExitStack() as stack:
        repository = repository_here()
        base = stack.enter_context(checked_out(commit, None, repository, "BASE"))
        head = stack.enter_context(checked_out(commit, None, repository, "HEAD"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-prove-")))
        outcome = session.Outcome(cell)
        steps = session.steps_of_blocks([outcome], base, conditions)
        if outcome.error is not None:
            raise SideError(outcome.error)
        write_problems([cell], steps, conditions.folder)
        seconds_a_step = session.BLOCK_SECONDS / steps[cell.name]
        sides = {"base": base, "head": head}
        for share in PLANTED:
            tree = folder / f"{share:.2f}"
            plants.plant(base.tree, tree, plants.rows_that_take(share * seconds_a_step))
            sides[planted(share)] = replace(base, label=planted(share), tree=tree)
        yield sides


def _heading(cell: Case, base: SideOfPair) -> Told:
    return {
        "cell": cell.name,
        "commit": base.commit,
        "cores": cell.config.cores,
        "block_seconds": session.BLOCK_SECONDS,
        "environment": facts.describe([]) | provenance.code_version(),
    }


def _write(out: BinaryIO, told: Told) -> None:
    out.write(msgspec.json.encode(told) + b"\n")
    out.flush()
