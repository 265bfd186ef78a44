"""Rounds: fresh processes of all candidates train in turns, one at a time.

The value of a round for two candidates is the median over turns of log(time of one / time of the
other), per example. Rounds are independent, since all processes are new; turns are not. Rounds
go on until every ratio to the reference is precise enough, or time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from bench.machine import facts
from bench.regression import budget
from bench.regression.cases import Case, write_data
from bench.regression.configurations.candidates import Group
from bench.regression.configurations.results import Results
from bench.regression.output.progress import progress_bar
from bench.regression.pair_record import update_difference
from bench.regression.pairs import find_n_steps
from bench.regression.sides.checkout import Side
from bench.regression.sides.process import (
    CaseError,
    Conditions,
    OutOfTimeError,
    SideProcess,
    check_finite,
)
from bench.regression.turns import in_turns

ENOUGH_ROUNDS = 10  # if time is short, a group gets so many before the next one
N_FIRST_STEPS = 10  # as in `sides.program`: the first update is made by so many steps

Processes = dict[str, SideProcess]  # by candidate
LeavingOut = Callable[[str], AbstractContextManager[None]]  # removes a candidate that fails


def measure(
    groups: Sequence[Group], side: Side, conditions: Conditions, precision: float
) -> list[Results]:
    """Measure rounds of all groups until every ratio is precise enough, or time is up.

    Args:
        groups: what to compare.
        side: the code of all candidates.
        conditions: of `session.reserved`. A round of a group that is unfinished at the end is lost.
        precision: relative half-width of the 95 % intervals to reach, such as 0.03.

    Raises:
        DatasetError: the data can't be found.
    """
    results = [Results(group, precision) for group in groups]
    write_data([case for group in groups for case in group.cases.values()], conditions.folder)
    steps: dict[str, int] = {}
    one_by_one = None  # not known before the first round
    with suppress(OutOfTimeError), progress_bar("rounds", conditions) as show:
        while unfinished := [group for group in results if group.needs_rounds]:
            start = time.monotonic()
            with ExitStack() as stack:
                current = Round(side, conditions, steps, stack)
                for group in [_next(unfinished)] if one_by_one else unfinished:
                    current.measure(group)
                    show(f"{min(len(group.seconds) for group in results)} rounds of all")
            if one_by_one is None:
                one_by_one = budget.announce_rounds(
                    len(results), time.monotonic() - start, conditions.remaining_seconds
                )
    return results


def _next(unfinished: Sequence[Results]) -> Results:
    """Return the group to measure if time is short."""
    return min(unfinished, key=lambda r: len(r.seconds) if len(r.seconds) >= ENOUGH_ROUNDS else 0)


@dataclass
class Round:
    """Fresh processes, which all groups share that need the same cores and instructions.

    Attributes:
        side: the code of all candidates.
        conditions: conditions of all rounds.
        steps: training steps in a slice, by name of the case; missing ones are measured.
        stack: closes the processes.
        processes: the processes so far, by candidate, cores and instructions.
    """

    side: Side
    conditions: Conditions
    steps: dict[str, int]
    stack: ExitStack
    processes: dict[tuple[object, ...], SideProcess] = field(default_factory=dict)

    def measure(self, results: Results) -> None:
        """Measure a group once, and add the times to its results.

        Raises:
            OutOfTimeError: there was no time for it.
        """
        cases = {
            label: case
            for label, case in results.group.cases.items()
            if label not in results.errors
        }
        active = {
            label: self._process(label, case, place)
            for place, (label, case) in enumerate(cases.items())
        }

        @contextmanager
        def leaving_out(label: str) -> Iterator[None]:
            """Continue without a candidate that fails."""
            try:
                yield
            except CaseError as error:
                results.errors[label] = error.reason
                del self.processes[_key(label, cases[label])]
                active.pop(label).close()

        for label, case in cases.items():
            if case.name not in self.steps:
                with leaving_out(label):
                    active[label].move(case.config.cores)
                    folder = self.conditions.folder
                    self.steps[case.name] = find_n_steps(active[label], case, folder, N_FIRST_STEPS)
        updates = _build_models(active, cases, leaving_out)
        seconds = self._train_in_turns(active, cases, leaving_out)
        results.seconds.append({label: seconds[label] for label in active})
        if results.group.same_problem and results.reference in active:
            reference = updates[results.reference]
            results.differences.append(
                {label: update_difference(reference, updates[label]) for label in active}
            )

    def _train_in_turns(
        self, active: Processes, cases: Mapping[str, Case], leaving_out: LeavingOut
    ) -> dict[str, list[float]]:
        """Return the seconds per example of each turn, by candidate."""
        for label, process in active.items():
            process.move(cases[label].config.cores)
        seconds: dict[str, list[float]] = {label: [] for label in active}
        for turn, label in in_turns(active, self.conditions.randomness):
            with leaving_out(label):
                trained = active[label].request(slice=turn)
                check_finite(label, [trained["loss"]])
                if turn > 0:
                    n_examples = self.steps[cases[label].name] * cases[label].config.batch_size
                    seconds[label].append(trained["seconds"] / n_examples)
        return seconds

    def _process(self, label: str, case: Case, place: int) -> SideProcess:
        """Return the process for a case; start it if there is none."""
        key = _key(label, case)
        if key not in self.processes:
            config = case.config
            cores = _cores_to_build_on(config.cores, place)
            self.processes[key] = SideProcess(
                label, self.side, cores, self.conditions, config.instructions
            )
            self.stack.callback(self.processes[key].close)
        return self.processes[key]


def _build_models(
    active: Processes, cases: Mapping[str, Case], leaving_out: LeavingOut
) -> dict[str, list[float]]:
    """Let all candidates build their models at the same time; return their first updates."""
    for label, process in active.items():
        process.move(process.own_cores)
        process.send(open=cases[label].name)
    updates = {}
    for label, process in list(active.items()):
        with leaving_out(label):
            updates[label] = process.receive()["update"]
            check_finite(label, updates[label])
    return updates


def _key(label: str, case: Case) -> tuple[object, ...]:
    """Return what the cases of one process have in common; a backend is chosen at the import."""
    config = case.config
    return label, tuple(config.cores), config.instructions, config.preload, config.backend


def _cores_to_build_on(cores: Sequence[int], place: int) -> Sequence[int]:
    """Return as many cores as a run has, others for the next candidate: all build their models."""
    usable = facts.usable_cores()
    start = place * len(cores) % len(usable)
    return [*usable, *usable][start : start + len(cores)]
