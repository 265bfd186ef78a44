"""Rounds: fresh processes of all candidates train in turns, one at a time.

The value of a round for two candidates is the median over turns of log(time of one / time of the
other), per example. Rounds are independent, since all processes are new; turns are not. Rounds
go on until every ratio to the reference is precise enough, or time is up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from bench.machine import facts
from bench.regression import budget
from bench.regression.cases import Case, write_data
from bench.regression.configurations.candidates import Group
from bench.regression.configurations.results import Results
from bench.regression.output.progress import progress_bar
from bench.regression.pair_record import update_difference
from bench.regression.pairs import N_TURNS, find_n_steps
from bench.regression.sides.checkout import Side
from bench.regression.sides.process import (
    CaseError,
    Conditions,
    OutOfTimeError,
    SideProcess,
    check_finite,
)

ENOUGH_ROUNDS = 10  # if time is short, a group gets so many before the next one
N_FIRST_STEPS = 10  # as in `sides.program`: the first update is made by so many steps


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
            """Go on without a candidate that fails."""
            try:
                yield
            except CaseError as error:
                results.errors[label] = error.reason
                del self.processes[_key(label, cases[label])]
                active.pop(label).close()

        for label, process in list(active.items()):
            if cases[label].name not in self.steps:
                with leaving_out(label):
                    process.move(cases[label].config.cores)
                    self.steps[cases[label].name] = find_n_steps(
                        process, cases[label], self.conditions.folder, N_FIRST_STEPS
                    )
        for label, process in active.items():  # build all models at the same time
            process.move(process.own_cores)
            process.send(open=cases[label].name)
        updates = {}
        for label, process in list(active.items()):
            with leaving_out(label):
                updates[label] = process.receive()["update"]
                check_finite(label, updates[label])
        for label, process in active.items():
            process.move(cases[label].config.cores)
            process.pause()
        seconds: dict[str, list[float]] = {label: [] for label in active}
        for turn in range(N_TURNS + 1):
            order = list(active)
            self.conditions.randomness.shuffle(order)
            for label in order:
                with leaving_out(label):
                    active[label].resume()
                    trained = active[label].request(slice=turn)
                    check_finite(label, [trained["loss"]])
                    seconds[label].append(trained["seconds"])
                    active[label].pause()
        for process in active.values():
            process.resume()
        n_examples = {
            label: self.steps[cases[label].name] * cases[label].config.batch_size
            for label in active
        }
        results.seconds.append(
            # The first turn follows a move to other cores.
            {label: [time / n_examples[label] for time in seconds[label][1:]] for label in active}
        )
        if results.group.same_problem and results.reference in active:
            results.differences.append(
                {
                    label: update_difference(updates[results.reference], updates[label])
                    for label in active
                }
            )

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


def _key(label: str, case: Case) -> tuple[object, ...]:
    """Return what the cases of one process have in common; a backend is chosen at the import."""
    config = case.config
    return label, tuple(config.cores), config.instructions, config.preload, config.backend


def _cores_to_build_on(cores: Sequence[int], place: int) -> Sequence[int]:
    """Return as many cores as a run has, others for the next candidate: all build their models."""
    usable = facts.usable_cores()
    start = place * len(cores) % len(usable)
    return [*usable, *usable][start : start + len(cores)]
