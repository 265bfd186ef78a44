"""One round: fresh processes of all candidates train in turns, one at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.machine import facts
from bench.regression.cases import N_BATCH_SETS, Case, write_batches
from bench.regression.checkout import Side
from bench.regression.group_results import Results
from bench.regression.pair_record import update_difference
from bench.regression.pairs import N_TURNS
from bench.regression.session import FIRST_SLICE_FLOPS, MAX_STEPS, SLICE_SECONDS
from bench.regression.side_process import CaseError, Conditions, SideProcess

N_FIRST_STEPS = 10  # as in side_main: the first update is made by so many steps


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
    """Return what the cases of one process have in common; a backend is chosen at the import."""
    config = case.config
    return label, tuple(config.cores), config.instructions, config.preload, config.backend


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
