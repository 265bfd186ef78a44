"""Memory and time limits of a process, and the watchdog that enforces the time limits."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass

MAX_WAIT_SECONDS = 10**6  # of one system call; poll takes milliseconds in a C int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Memory and time limits of a process. A process that hangs is killed.

    Attributes:
        memory_bytes: limit of the process's data, including imported libraries; None for no limit.
        total_seconds: from the request to the end of the process; None for no limit.
        start_up_seconds: until the first line. The import of a framework takes seconds, from a
            network disk a minute or two.
        silence_seconds: between two lines. A run prints a line after each epoch.
    """

    memory_bytes: int | None = None
    total_seconds: float | None = None
    start_up_seconds: float = 600.0
    silence_seconds: float = 6 * 3600.0


class TimeLimitError(Exception):
    """A process has exceeded a time limit; the message names the limit."""


class Watchdog:
    """Reads lines from a process and enforces its time limits."""

    def __init__(self, limits: Limits) -> None:
        """Start the clock."""
        self.limits = limits
        self.start = self.last_line = time.perf_counter()
        self.silence_seconds = limits.start_up_seconds

    def lines(self, stream: int) -> Iterator[bytes]:
        """Yield each complete line of a file descriptor when it arrives, without the newline.

        Raises:
            TimeLimitError: a time limit was exceeded.
        """
        rest = b""
        while chunk := self._read(stream):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines  # an incomplete last line is dropped
            if lines:
                self.last_line = time.perf_counter()
                self.silence_seconds = self.limits.silence_seconds

    def _read(self, stream: int) -> bytes:
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        total = self.limits.total_seconds
        while True:
            now = time.perf_counter()
            left = self.last_line + self.silence_seconds - now
            if total is not None:
                left = min(left, self.start + total - now)
            if poll.poll(1000 * min(max(left, 0), MAX_WAIT_SECONDS)):
                return os.read(stream, 2**16)
            if left <= 0:
                raise TimeLimitError(self._reason(now))

    def _reason(self, now: float) -> str:
        total = self.limits.total_seconds
        if total is not None and now - self.start >= total:
            return f"not finished after {total:g} s"
        if self.last_line == self.start:
            return f"not started after {self.silence_seconds:g} s: the import hangs"
        return f"no progress for {self.silence_seconds:g} s; raise timeout_seconds"
