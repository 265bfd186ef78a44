"""Rounds: fresh processes of all candidates train in turns, one at a time.

The value of a round for two candidates is the median over turns of log(time of one / time of the
other), per example. Rounds are independent, since all processes are new; turns are not. Rounds
go on until every ratio to the reference is precise enough, or time is up.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import facts
from bench.regression.candidates import Group
from bench.regression.cases import N_BATCH_SETS, Case, write_batches, write_data
from bench.regression.checkout import Side
from bench.regression.pairs import N_TURNS, median_log_ratio, update_difference
from bench.regression.session import FIRST_SLICE_FLOPS, MAX_STEPS, SLICE_SECONDS
from bench.regression.side_process import CaseError, Conditions, OutOfTimeError, SideProcess
from bench.statistics import MIN_PAIRS, Estimate, estimate

N_FIRST_STEPS = 10  # as in side_main: the first update is made by so many steps
MAX_DIFFERENCE = 0.01  # of the updates after a few steps, relative to their size


@dataclass
class Results:
    """The measurements of one group.

    Attributes:
        group: what is compared.
        seconds: seconds per example of each turn, by candidate, of each round.
        differences: difference of the first update from the reference's, by candidate, of each
            round; empty if the candidates do not solve the same problem.
        errors: why a candidate could not be measured.
    """

    group: Group
    seconds: list[dict[str, list[float]]] = field(default_factory=list)
    differences: list[dict[str, float]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The candidate that the others are compared with."""
        return next(iter(self.group.cases))

    def values(self, candidate: str, other: str | None = None) -> list[float]:
        """Return log(time of the candidate / time of another one), of each round.

        Args:
            candidate: its label.
            other: label of the other one; None for the reference.
        """
        other = self.reference if other is None else other
        return [
            median_log_ratio(times[other], times[candidate])
            for times in self.seconds
            if candidate in times and other in times
        ]

    def estimate(self, candidate: str, other: str | None = None) -> Estimate | None:
        """Estimate a candidate's time relative to another one's; None with too few rounds.

        Arguments as for `values`.
        """
        values = self.values(candidate, other)
        return estimate(values) if len(values) >= MIN_PAIRS else None

    def seconds_per_example(self, candidate: str) -> float | None:
        """Return the median over rounds of the median over turns; None without a round."""
        medians = [
            statistics.median(times[candidate]) for times in self.seconds if candidate in times
        ]
        return statistics.median(medians) if medians else None

    def learns_something_else(self, candidate: str) -> bool:
        """Return whether its first update differs from the reference's by more than rounding."""
        found = [apart[candidate] for apart in self.differences if candidate in apart]
        return bool(found) and statistics.median(found) > MAX_DIFFERENCE

    def needs_rounds(self, precision: float) -> bool:
        """Return whether an interval is wider than `precision` of its ratio, such as 0.03."""
        others = [
            label
            for label in self.group.cases
            if label != self.reference and label not in self.errors
        ]
        if self.reference in self.errors:
            return False
        estimates = [self.estimate(label) for label in others]
        return any(found is None or found.high / found.ratio - 1 > precision for found in estimates)


def measure(
    groups: Sequence[Group],
    side: Side,
    folder: Path,
    *,
    precision: float,
    until: float,
    on_round: Callable[[Sequence[Results]], None],
) -> list[Results]:
    """Measure rounds of all groups until every ratio is precise enough, or time is up.

    Args:
        groups: what to compare.
        side: the code of all candidates.
        folder: an empty folder for the files that the processes read.
        precision: relative half-width of the 95 % intervals to reach, such as 0.03.
        until: the end on the clock of `time.monotonic`. An unfinished round of a group is lost.
        on_round: called after every round of a group with all results so far.

    Raises:
        DatasetError: the data can't be found.
    """
    results = [Results(group) for group in groups]
    conditions = Conditions(
        folder=folder,
        randomness=random.Random(time.time_ns()),  # noqa: S311  # decides the order of turns only
        until=until,
    )
    write_data([case for group in groups for case in group.cases.values()], folder)
    steps: dict[str, int] = {}
    try:
        while unfinished := [found for found in results if found.needs_rounds(precision)]:
            with ExitStack() as stack:
                current = Round(side, conditions, steps, stack)
                for found in unfinished:
                    current.measure(found)
                    on_round(results)
    except OutOfTimeError:
        pass
    return results


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

    def measure(self, found: Results) -> None:
        """Measure a group once, and add the times to its results.

        Raises:
            OutOfTimeError: there was no time for it.
        """
        cases = {
            label: case for label, case in found.group.cases.items() if label not in found.errors
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
                found.errors[label] = error.reason
                del self.processes[_key(label, cases[label])]
                active.pop(label).close()

        for label, process in list(active.items()):
            if cases[label].name not in self.steps:
                with leaving_out(label):
                    self._find_steps(process, cases[label])
        for label, process in active.items():  # build all models at the same time
            process.move(process.own_cores)
            process.send(open=cases[label].name)
        updates = {}
        for label, process in list(active.items()):
            with leaving_out(label):
                updates[label] = _finite(process, process.receive()["update"])
        for label, process in active.items():
            process.move(cases[label].config.cores)
            process.pause()
        seconds: dict[str, list[float]] = {label: [] for label in active}
        for turn in range(N_TURNS + 1):
            for label in self._shuffled(active):
                with leaving_out(label):
                    active[label].resume()
                    seconds[label].append(_time_slice(active[label], turn))
                    active[label].pause()
        for process in active.values():
            process.resume()
        n_examples = {
            label: self.steps[cases[label].name] * cases[label].config.batch_size
            for label in active
        }
        found.seconds.append(
            # The first turn follows a move to other cores.
            {label: [time / n_examples[label] for time in seconds[label][1:]] for label in active}
        )
        if found.group.same_problem and found.reference in active:
            found.differences.append(
                {
                    label: update_difference(updates[found.reference], updates[label])
                    for label in active
                }
            )

    def _process(self, label: str, case: Case, place: int) -> SideProcess:
        """Return the process for a case; start it if there is none."""
        key = _key(label, case)
        if key not in self.processes:
            config = case.config
            conditions = dataclasses.replace(self.conditions, instructions=config.instructions)
            cores = _cores_to_build_on(config.cores, place)
            self.processes[key] = SideProcess(label, self.side, cores, conditions)
            self.stack.callback(self.processes[key].close)
        return self.processes[key]

    def _find_steps(self, process: SideProcess, case: Case) -> None:
        """Measure how many steps take about `SLICE_SECONDS`, and write so many batches."""
        guess = max(N_FIRST_STEPS, round(FIRST_SLICE_FLOPS / case.flops_per_step))
        write_batches(case, guess, self.conditions.folder)
        process.move(case.config.cores)
        process.request(open=case.name)
        shortest = min(_time_slice(process, number) for number in range(N_BATCH_SETS))
        n_steps = min(max(N_FIRST_STEPS, round(guess * SLICE_SECONDS / shortest)), MAX_STEPS)
        write_batches(case, n_steps, self.conditions.folder)
        self.steps[case.name] = n_steps

    def _shuffled(self, labels: Iterable[str]) -> list[str]:
        order = list(labels)
        self.conditions.randomness.shuffle(order)
        return order


def _key(label: str, case: Case) -> tuple[object, ...]:
    return label, tuple(case.config.cores), case.config.instructions


def _time_slice(process: SideProcess, number: int) -> float:
    """Train one slice; return its seconds."""
    answer = process.request(slice=number)
    _finite(process, [answer["loss"]])
    return float(answer["seconds"])


def _finite(process: SideProcess, values: Sequence[float | None]) -> list[float]:
    """Return losses or an update; JSON has no infinity or NaN, so they are None.

    Raises:
        CaseError: one of them is not finite.
    """
    finite = [value for value in values if value is not None]
    if len(finite) < len(values):
        raise CaseError(process.name, "diverges; choose a lower learning rate")
    return finite


def _cores_to_build_on(cores: Sequence[int], place: int) -> Sequence[int]:
    """Return as many cores as a run has, others for the next candidate: all build their models."""
    usable = facts.usable_cores()
    start = place * len(cores) % len(usable)
    return [*usable, *usable][start : start + len(cores)]
