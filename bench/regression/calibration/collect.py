"""Collect real pairs: of one commit with itself, undisturbed and under load, and with plants."""

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

from bench.machine import facts, lock
from bench.regression import session
from bench.regression.calibration import load, plants, rates
from bench.regression.calibration.rates import LOADED, PLANTED, QUIET, planted
from bench.regression.cases import Case, write_problems
from bench.regression.outcome import Outcome
from bench.regression.pairs import measure, processes_of
from bench.regression.side_process import Conditions, SideName
from bench.regression.sides import Side, SideError, checked_out, find_repository


def collect(
    case: Case, path: Path, n_rounds: int, budget_seconds: float, on_round: Callable[[int], None]
) -> None:
    """Write pairs to a file, one per line, until it holds enough rounds or time is up.

    A round is a pair of equal sides undisturbed, one under load, and two plants, so that a drift of
    the machine affects all kinds alike. A file that exists is continued with its own commit.

    Args:
        case: what to train.
        path: the file.
        n_rounds: rounds in the file at the end.
        budget_seconds: counted from when the machine is free.
        on_round: called after each round with the number of rounds in the file.

    Raises:
        SideError: this is not a git repository, or the file has another case or processor.
        CaseError: a side can't train the case.
        OutOfTimeError: time is up.
    """
    heading, lines = rates.read(path) if path.exists() else ({}, {})
    conditions_here = {"cell": case.name, "cpu_model": facts.cpu_model()}
    if heading and conditions_here != _conditions_of(heading):
        raise SideError(
            f"{path}: begun with {_conditions_of(heading)}, not {conditions_here}; give another "
            "--pairs"
        )
    with ExitStack() as stack:
        stack.enter_context(lock.reserved(lambda: print("waiting for another run to end")))
        until = time.monotonic() + budget_seconds
        randomness = random.Random(time.time_ns())  # noqa: S311
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-problems-"))
        conditions = Conditions(folder=Path(folder), randomness=randomness, until=until)
        sides = stack.enter_context(_sides(case, str(heading.get("commit", "HEAD")), conditions))
        switch_load = stack.enter_context(load.on_cores(facts.usable_cores()))
        out = stack.enter_context(path.open("ab"))
        if not heading:
            _write(out, _heading(case, sides["base"]))
        for number in range(sum(map(len, lines.values())) // 4, n_rounds):
            kinds = [QUIET, LOADED, *map(planted, PLANTED[number % 2 :: 2])]
            randomness.shuffle(kinds)
            for kind in kinds:
                head = sides["head"] if kind in (QUIET, LOADED) else sides[kind]
                switch_load(kind == LOADED)
                try:
                    pair = _measure_pair(case, sides["base"], head, conditions)
                finally:
                    switch_load(False)
                _write(out, {"kind": kind, **pair})
            on_round(number + 1)


def _conditions_of(heading: Mapping[str, Any]) -> dict[str, str]:
    return {"cell": heading["cell"], "cpu_model": heading["environment"]["cpu_model"]}


def _measure_pair(case: Case, base: Side, head: Side, conditions: Conditions) -> dict[str, object]:
    start = time.monotonic()
    sides: dict[SideName, Side] = {"base": base, "head": head}
    with processes_of(sides, case.config.cores, conditions) as processes:
        pair = measure(processes, case, 0, conditions.randomness)
    return {
        "seconds": round(time.monotonic() - start, 2),
        "base_us": [round(seconds * 1e6) for seconds in pair.base_seconds],
        "head_us": [round(seconds * 1e6) for seconds in pair.head_seconds],
    }


@contextmanager
def _sides(case: Case, commit: str, conditions: Conditions) -> Iterator[dict[str, Side]]:
    """Write one commit out twice, and plant slowdowns into copies of it."""
    repository = find_repository(Path.cwd())
    with (
        checked_out(commit, None, repository, "BASE") as base,
        checked_out(commit, None, repository, "HEAD") as head,
        tempfile.TemporaryDirectory(prefix="bench-compare-plants-") as folder,
    ):
        outcome = Outcome(case)
        steps = session.find_steps([outcome], base, conditions)
        if outcome.error is not None:
            raise SideError(outcome.error)
        write_problems([case], steps, conditions.folder)
        step_seconds = session.BLOCK_SECONDS / steps[case.name]
        sides = {"base": base, "head": head}
        for share in PLANTED:
            tree = Path(folder) / f"{share:.2f}"
            plants.plant(base.tree, tree, plants.rows_that_take(share * step_seconds))
            sides[planted(share)] = replace(base, label=planted(share), tree=tree)
        yield sides


def _heading(case: Case, base: Side) -> dict[str, object]:
    return {
        "cell": case.name,
        "commit": base.commit,
        "cores": case.config.cores,
        "block_seconds": session.BLOCK_SECONDS,
        "environment": facts.describe([]),
    }


def _write(out: BinaryIO, line: dict[str, object]) -> None:
    out.write(msgspec.json.encode(line) + b"\n")
    out.flush()
