"""Collect pairs: one commit against itself, undisturbed and under load, and planted increases."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from bench.machine import facts
from bench.regression import pairs, session
from bench.regression.calibration import plants, rates
from bench.regression.calibration.rates import EQUAL, LOADED, QUIET, Line
from bench.regression.cases import Case
from bench.regression.outcome import Outcome
from bench.regression.pairs import measure, processes_of
from bench.regression.settings import Settings
from bench.regression.sides.checkout import (
    Side,
    SideError,
    Sides,
    both_checked_out,
    find_repository,
)
from bench.regression.sides.process import Conditions
from bench.results.history import STEP

STEPS = ("planted 1%", "planted 3%", "planted 5%", "planted 10%")
METRICS_PLANT = "planted memory 5%, warm_up 10%"
# Relative increase of HEAD over BASE, by kind of pairs and metric.
PLANTED: dict[str, dict[str, float]] = {
    **{kind: {STEP: share} for kind, share in zip(STEPS, (0.01, 0.03, 0.05, 0.10), strict=True)},
    METRICS_PLANT: {"memory": 0.05, "warm_up": 0.10},
}
# Works and sleeps in turn on one core, for random times.
LOAD = """
import os, random, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
while True:
    until = time.monotonic() + random.uniform(0.1, 1)
    while time.monotonic() < until:
        sum(range(1000))
    time.sleep(random.uniform(0.1, 1))
"""


def collect(
    cases: Sequence[Case], metrics: Sequence[str], path: Path, n_rounds: int, budget_seconds: float
) -> None:
    """Append pairs to a file, one per line, until it contains `n_rounds` rounds.

    A round measures every case, in random order, so that a drift of the machine affects all cases
    and kinds of pairs equally. An existing file is continued with the commit of its first pairs.

    Args:
        cases: cases to train.
        metrics: what to measure, by name.
        path: file of pairs.
        n_rounds: number of rounds in the file at the end.
        budget_seconds: maximum time, without waiting for the machine.

    Raises:
        SideError: this is not a git repository, or the file has other cases, metrics or another
            processor.
        CaseError: a side can't train a case.
        OutOfTimeError: the budget is used up.
    """
    heading, lines = rates.read(path) if path.exists() else ({}, {})
    if heading:
        _check_conditions(_description(cases, metrics), heading, path)
    n_measured = min((len(lines.get(case.name, {}).get(QUIET, ())) for case in cases), default=0)
    with ExitStack() as stack:
        conditions = stack.enter_context(session.reserved(Settings(budget_seconds=budget_seconds)))
        sides = stack.enter_context(_sides(cases, str(heading.get("commit", "HEAD")), conditions))
        out = stack.enter_context(path.open("ab"))
        if not heading:
            _write(out, _description(cases, metrics) | _environment(cases, sides["base"]))
        for number in range(n_measured, n_rounds):
            kinds = _kinds(number, len(cases), metrics)
            todo = [(case, kind) for case in cases for kind in kinds]
            conditions.randomness.shuffle(todo)
            for case, kind in todo:
                both: Sides = {"base": sides["base"], "head": sides[kind]}
                line = _measure_pair(case, kind, both, metrics, conditions)
                _write(out, line)
            print(f"{number + 1} of {n_rounds} rounds", flush=True)


def _kinds(number: int, n_cases: int, metrics: Sequence[str]) -> list[str]:
    """Return the kinds of pairs of a round.

    One case: an undisturbed pair of equal sides, one under load, and two with planted slowdowns.
    With other metrics than the time of a step: an undisturbed pair, and one with their plant.
    Several cases take longer: an undisturbed pair, and a plant in every fourth round.
    """
    own_plant = METRICS_PLANT if len(metrics) > 1 else STEPS[2]
    if n_cases > 1:
        return [QUIET, own_plant] if number % 4 == 3 else [QUIET]
    return [QUIET, own_plant] if len(metrics) > 1 else [QUIET, LOADED, *STEPS[number % 2 :: 2]]


def _environment(cases: Sequence[Case], base: Side) -> dict[str, object]:
    return {
        "commit": base.commit,
        "cores": [case.config.cores for case in cases],
        "block_seconds": pairs.SLICE_SECONDS,
        "environment": facts.describe(["keras", "tensorflow", "torch", "jax", "numba"]),
    }


def _check_conditions(
    description: Mapping[str, object], heading: Mapping[str, Any], path: Path
) -> None:
    """Refuse to continue a file of other cases, settings or metrics, or of another processor."""
    known = {
        "cells": [heading.get("cell")],  # a file of one case
        "metrics": [STEP],
        **heading,
        "cpu_model": heading["environment"]["cpu_model"],
    }
    for key, value in ({**description, "cpu_model": facts.cpu_model()}).items():
        if known.get(key, value) != value:  # earlier editions kept no settings
            raise SideError(
                f"{path}: begun with {key}={known[key]}, not {value}; give another --pairs"
            )


def _description(cases: Sequence[Case], metrics: Sequence[str]) -> dict[str, object]:
    return {
        "metrics": [*metrics],
        "cells": [case.name for case in cases],
        "settings": [case.settings for case in cases],
        "identities": [case.identity for case in cases],
    }


def _measure_pair(
    case: Case, kind: str, sides: Sides, metrics: Sequence[str], conditions: Conditions
) -> Line:
    start = time.monotonic()
    with (
        _load_on(facts.usable_cores()) if kind == LOADED else nullcontext(),
        processes_of(sides, case.config, conditions) as processes,
    ):
        pair = measure(processes, case, 0, conditions.randomness, metrics=metrics)
    return Line(
        cell=case.name,
        kind=kind,
        seconds=round(time.monotonic() - start, 2),
        base_us=tuple(round(seconds * 1e6) for seconds in pair.base_seconds),
        head_us=tuple(round(seconds * 1e6) for seconds in pair.head_seconds),
        readings=pair.readings,
    )


@contextmanager
def _load_on(cores: Sequence[int]) -> Iterator[None]:
    """Start a process that disturbs the pair on each core; kill them at the end of the block."""
    processes = [
        subprocess.Popen([sys.executable, "-c", LOAD, str(core)], start_new_session=True)  # noqa: S603
        for core in cores
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def _sides(cases: Sequence[Case], commit: str, conditions: Conditions) -> Iterator[dict[str, Side]]:
    """Check one commit out twice, and plant increases in copies of it; yield HEADs by kind."""
    repository = find_repository(Path.cwd())
    with (
        both_checked_out(commit, commit, repository) as equal,
        tempfile.TemporaryDirectory(prefix="bench-compare-plants-") as folder,
    ):
        outcomes = [Outcome(case) for case in cases]
        base = equal["base"]
        session.find_steps(outcomes, base, conditions)
        for outcome in outcomes:
            if outcome.error is not None:
                raise SideError(f"{outcome.case.name}: {outcome.error}")
        sides = {"base": base, **dict.fromkeys(EQUAL, equal["head"])}
        modules = {case.config.implementation.module for case in cases}
        for kind, shares in PLANTED.items():
            tree = Path(folder) / kind
            plants.plant(base.tree, tree, shares, modules)
            sides[kind] = replace(base, label=kind, tree=tree)
        yield sides


def _write(out: BinaryIO, line: object) -> None:
    out.write(msgspec.json.encode(line) + b"\n")
    out.flush()
