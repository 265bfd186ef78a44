"""The progress of a sweep on several machines: one line that is renewed, or some lines in a log."""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable

from bench.console import printable, shorten
from bench.sweep.cluster.dispatcher import Attempt, Dispatcher
from bench.sweep.progress import in_words
from bench.terminal import console

LOG_SECONDS = 60.0  # between two status lines in a file
CLEAR_LINE = "\r\x1b[2K"


class ClusterProgress:
    """Prints what happens to blocks, and the status of the sweep."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        n_blocks: int,
        durations: Iterable[float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the blocks that earlier commands have completed.

        Args:
            dispatcher: knows which blocks wait and run.
            n_blocks: blocks of the sweep, complete ones included.
            durations: seconds of the blocks that are complete.
            clock: seconds, from any start.
        """
        self._dispatcher, self._n_blocks, self._clock = dispatcher, n_blocks, clock
        self._durations = list(durations)
        self._started: dict[Attempt, float] = {}
        self._nodes: dict[Attempt, str | None] = {}
        self._n_complete: Counter[str | None] = Counter()
        self._is_terminal = sys.stdout.isatty()
        self._last_log, self._last_status = float("-inf"), ""

    def note_start(self, attempt: Attempt, node: str | None) -> None:
        """Note that a node has begun with an attempt."""
        if self._nodes.get(attempt) is None:
            self._nodes[attempt] = node
            self._started.setdefault(attempt, self._clock())

    def node_of(self, attempt: Attempt) -> str | None:
        """Return the node of an attempt; None if it is not known."""
        return self._nodes.get(attempt)

    def print_complete(self, attempt: Attempt, text: str) -> None:
        """Print that an attempt is complete."""
        node = self._nodes.get(attempt)
        self._n_complete[node] += 1
        if attempt in self._started:
            self._durations.append(self._clock() - self._started[attempt])
        self.print_end(attempt, f"complete{f' on {node}' if node else ''}: {text}")

    def print_end(self, attempt: Attempt, text: str) -> None:
        """Print why an attempt has ended."""
        self._started.pop(attempt, None)
        self.clear()
        place = f"{attempt.block}, attempt {attempt.number}"
        print(f"[{self._n_done}/{self._n_blocks}] {place}: {printable(text)}")

    def clear(self) -> None:
        """Remove the status from the terminal, so that other lines may be printed."""
        if self._is_terminal and self._last_status:
            print(CLEAR_LINE, end="", flush=True)
            self._last_status = ""

    def show(self) -> None:
        """Renew the status on a terminal; print it into a file once a minute, if it has changed."""
        status = self.status()
        if self._is_terminal:
            self._last_status = status
            line = shorten(printable(status), console().width - 1)
            print(f"{CLEAR_LINE}{line}", end="", flush=True)
        elif status != self._last_status and self._clock() - self._last_log >= LOG_SECONDS:
            self._last_log, self._last_status = self._clock(), status
            print(printable(status))

    @property
    def _n_done(self) -> int:
        return self._n_blocks - len(self._dispatcher.running) - self._dispatcher.n_waiting

    def status(self) -> str:
        """Return the numbers of blocks, the time left, and what each node does."""
        n_given_up = len(self._dispatcher.given_up)
        n_running = len(self._started)
        n_waiting = self._n_blocks - self._n_done - n_running
        words = [f"{self._n_done - n_given_up} of {self._n_blocks} blocks done"]
        words += [f"{n_running} running", f"{n_waiting} waiting"]
        words += [f"{n_given_up} given up"] if n_given_up else []
        seconds = self.seconds_left(n_waiting)
        words += [f"about {in_words(seconds)} left"] if seconds is not None else []
        return "; ".join([", ".join(words), *self._by_node()])

    def _by_node(self) -> Iterable[str]:
        """Yield what each node does."""
        since = {self._nodes[attempt]: start for attempt, start in self._started.items()}
        excluded = self._dispatcher.excluded_nodes
        names = {str(node): node for node in (*since, *self._n_complete, *excluded) if node}
        for name, node in sorted(names.items()):
            words = [f"{self._n_complete[node]} done"]
            words += [f"running {in_words(self._clock() - since[node])}"] if node in since else []
            words += ["left out"] if node in excluded else []
            yield f"{name} {', '.join(words)}"

    def seconds_left(self, n_waiting: int) -> float | None:
        """Return the estimate of the time left; None if no block is complete or none runs.

        A block takes the median of the complete blocks, and the nodes that are in use now share the
        blocks that wait.
        """
        if not self._durations or not self._started:
            return None
        block_seconds = statistics.median(self._durations)
        running = [
            max(0.0, block_seconds - (self._clock() - start)) for start in self._started.values()
        ]
        shared = (sum(running) + n_waiting * block_seconds) / len(running)
        return max(shared, *running, block_seconds if n_waiting else 0.0)
