"""Let processes take turns, so that a change of the machine's speed affects all of them equally."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import TypeVar

from bench.regression.sides.process import SideProcess

N_TURNS = 16  # many short slices: a disturbance affects few of them, which the median ignores

Name = TypeVar("Name", bound=str)


def in_turns(
    processes: Mapping[Name, SideProcess], randomness: random.Random
) -> Iterator[tuple[int, Name]]:
    """Run processes one at a time, while all others are stopped.

    Some libraries let their threads spin for milliseconds after their work.

    Args:
        processes: by name. The caller may remove a process during its turn.
        randomness: decides the order within each turn.

    Yields:
        The number of the turn, 0 to `N_TURNS`, and the name of the running process. Turn 0 follows
        a move to other cores, so that its time does not count.
    """
    for process in processes.values():
        process.pause()
    for turn in range(N_TURNS + 1):
        order = list(processes)
        randomness.shuffle(order)
        for name in order:
            process = processes[name]
            process.resume()
            yield turn, name
            process.pause()
    for process in processes.values():
        process.resume()
