"""Seconds of each part of a run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Timer:
    """Adds up wall-clock seconds, by the names of the parts of `bench.records.Seconds`.

    Attributes:
        seconds: wall-clock seconds of each part so far.
        train_cpu_seconds: processor seconds of training, of all threads and descendants; they show
            how many cores were used.
    """

    def __init__(self) -> None:
        """Start with no seconds in any part."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.train_cpu_seconds = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the wall-clock seconds of a `with` block to the part `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start
