"""Decide which attempt of which block comes next. No files, processes or clocks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

MAX_LOSSES_PER_NODE = 2  # a node that loses this many blocks gets no more

Loss = Literal["lost", "refused"]


@dataclass(frozen=True, order=True)
class Attempt:
    """One try to execute a block on one node."""

    block: str
    number: int  # from 1

    @property
    def name(self) -> str:
        """The name of the attempt's folder."""
        return f"{self.block}-{self.number}"


class Dispatcher:
    """Keeps track of the blocks of a sweep: waiting, running, complete or given up.

    Every block has at most one running attempt. A block whose attempt is lost is the next one to be
    placed, until it has had `max_attempts`.
    """

    def __init__(
        self, blocks: Iterable[str], max_attempts: int, earlier: Mapping[str, int] | None = None
    ) -> None:
        """Start with all blocks waiting.

        Args:
            blocks: ids, in the order of execution.
            max_attempts: attempts per block, at least 1.
            earlier: number of the last attempt of earlier commands, by block; new attempts have
                larger numbers.
        """
        self._waiting = deque(blocks)
        self._max_attempts = max_attempts
        self._last_number = Counter(earlier or {})
        self._n_attempts: Counter[str] = Counter()
        self._losses_of_node: Counter[str] = Counter()
        self._incompatible: set[str] = set()
        self.running: dict[str, Attempt] = {}
        self.complete: set[str] = set()
        self.given_up: dict[str, str] = {}  # reason, by block

    @property
    def n_waiting(self) -> int:
        """The number of blocks to be placed."""
        return len(self._waiting)

    @property
    def finished(self) -> bool:
        """Whether no block is waiting or running."""
        return not self._waiting and not self.running

    @property
    def excluded_nodes(self) -> frozenset[str]:
        """Nodes that get no more blocks."""
        unreliable = {
            n for n, count in self._losses_of_node.items() if count >= MAX_LOSSES_PER_NODE
        }
        return frozenset(unreliable | self._incompatible)

    def resume(self, attempt: Attempt) -> None:
        """Note that an attempt of an earlier command is still running."""
        self._waiting.remove(attempt.block)
        self._start(attempt)

    def place(self) -> Attempt | None:
        """Return the next attempt, which is then running; None if no block is waiting."""
        if not self._waiting:
            return None
        block = self._waiting.popleft()
        attempt = Attempt(block, self._last_number[block] + 1)
        self._start(attempt)
        return attempt

    def withdraw(self, attempt: Attempt) -> None:
        """Let the block of an attempt wait again, because the attempt could not be started."""
        del self.running[attempt.block]
        self._n_attempts[attempt.block] -= 1
        self._waiting.appendleft(attempt.block)

    def _start(self, attempt: Attempt) -> None:
        self._last_number[attempt.block] = attempt.number
        self._n_attempts[attempt.block] += 1
        self.running[attempt.block] = attempt

    def accept(self, attempt: Attempt) -> bool:
        """Note that an attempt is complete; return whether its results are to be used.

        They are not if the attempt was given up before, because another one has replaced it.
        """
        if self.running.get(attempt.block) != attempt:
            return False
        del self.running[attempt.block]
        self.complete.add(attempt.block)
        return True

    def lose(self, attempt: Attempt, node: str | None, reason: str, kind: Loss = "lost") -> bool:
        """Note that an attempt has ended without complete results.

        Args:
            attempt: a running attempt; others are ignored.
            node: where it ran; None if it was not started.
            reason: in words, for the user.
            kind: "lost" if the node or the process ended; "refused" if the node does not fit, for
                example because of other versions: it gets no more blocks, and the attempt does not
                count.

        Returns:
            Whether the block will be tried again.
        """
        if self.running.get(attempt.block) != attempt:
            return attempt.block not in self.given_up
        del self.running[attempt.block]
        if kind == "refused":
            self._n_attempts[attempt.block] -= 1
            if node is not None:
                self._incompatible.add(node)
        elif node is not None:
            self._losses_of_node[node] += 1
        if self._n_attempts[attempt.block] >= self._max_attempts:
            self.given_up[attempt.block] = reason
            return False
        self._waiting.appendleft(attempt.block)
        return True

    def give_up_waiting(self, reason: str) -> None:
        """Give up all blocks that are waiting, because no node is left for them."""
        while self._waiting:
            self.given_up[self._waiting.popleft()] = reason
