"""Starts processes from fork servers, passes on what they print, and ends them.

The parent sleeps until the process prints a line, ends, or is late; it never polls in a loop.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from bench.process.environment import WORKING_FOLDER, child_environment
from bench.process.protocol import CODE_CHANGED_STATUS

GRACE_SECONDS = 5.0
MAX_WAIT_SECONDS = 10**6  # of one system call; poll takes milliseconds in a C int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a process may take up. Every process has an end, also one that hangs.

    Attributes:
        memory_bytes: for its data, imported libraries included; None for no limit.
        total_seconds: from the request to the end of the process; None for no limit.
        start_up_seconds: until the first line. Importing a framework takes seconds, from a cold
            network disk a minute or two.
        silence_seconds: between two lines. A run prints one after each epoch.
    """

    memory_bytes: int | None = None
    total_seconds: float | None = None
    start_up_seconds: float = 600.0
    silence_seconds: float = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended, and when, seen from outside.

    Attributes:
        late: which limit of time it exceeded, such as "not finished after 3 s"; "" for none.
    """

    returncode: int
    late: str
    total_seconds: float

    @property
    def cause(self) -> str:
        """Say how it ended without a result."""
        if self.returncode == CODE_CHANGED_STATUS:
            return "source files or libraries changed while the process started; run it again"
        if self.returncode >= 0:
            return f"the process ended with exit status {self.returncode} and no result"
        try:
            name = signal.Signals(-self.returncode).name
        except ValueError:  # a real-time signal, which has no name
            name = f"signal {-self.returncode}"
        hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{hint}"


class LateError(Exception):
    """A process has exceeded a limit of time; the message says which."""


class Supervisor:
    """Starts processes, each forked from one that has imported the same implementation.

    These fork servers are kept until the end of the `with` block, one for each implementation, set
    of cores and memory limit. One that has imported older code is replaced.
    """

    def __init__(self) -> None:
        """Start with no server."""
        self._servers: dict[tuple[str, tuple[int, ...], int | None], _ForkServer] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the fork servers."""
        self.close()

    def close(self) -> None:
        """End the fork servers."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def run_request(
        self,
        entry: str,
        request: bytes,
        log_path: Path | None,
        on_line: Callable[[bytes], None],
        *,
        cores: Sequence[int],
        preload: str,
        limits: Limits = Limits(),  # immutable
    ) -> Ended:
        """Send the request, pass each stdout line to `on_line`, return when the process exits.

        Args:
            entry: the module whose `main` the process calls.
            request: what `main` reads from standard input.
            log_path: a new file for all that the process prints to standard error, after what
                importing the implementation has printed; None to discard it.
            on_line: called with each whole line, without its end, as it is printed.
            cores: the process is bound to these.
            preload: module of the implementation to import before forking; "" imports nothing.
            limits: of time and memory; a process that exceeds one is ended.
        """
        key = (preload, tuple(cores), limits.memory_bytes)
        start = time.perf_counter()
        with _new_log(log_path) as log:
            arguments = (entry, request, log, on_line, limits)
            reused = key in self._servers
            returncode, late = self._run_once(key, *arguments)
            if reused and returncode == CODE_CHANGED_STATUS:
                os.ftruncate(log.fileno(), 0)
                os.lseek(log.fileno(), 0, os.SEEK_SET)
                returncode, late = self._run_once(key, *arguments)
        return Ended(returncode=returncode, late=late, total_seconds=time.perf_counter() - start)

    def _run_once(
        self,
        key: tuple[str, tuple[int, ...], int | None],
        entry: str,
        request: bytes,
        log: BinaryIO,
        on_line: Callable[[bytes], None],
        limits: Limits,
    ) -> tuple[int, str]:
        """Return the exit status and which limit of time was exceeded. Keep a server that works."""
        server = self._servers.pop(key, None) or _ForkServer(*key)
        returncode, late = None, ""
        try:
            returncode = server.run(entry, request, log, on_line, limits)
            if returncode is None:  # the guardian is about to end as the server did
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.process.wait(timeout=GRACE_SECONDS)
        except LateError as error:
            late = str(error)
        finally:
            if returncode is None or returncode == CODE_CHANGED_STATUS:
                server.copy_noise(log)
                exit_status = server.close()
            else:
                self._servers[key] = server
        return (exit_status if returncode is None else returncode), late


class _ForkServer:
    """The parent's side of a `bench.process.fork_server`."""

    def __init__(self, preload: str, cores: Sequence[int], memory_bytes: int | None) -> None:
        self.connection, theirs = socket.socketpair()
        self.noise = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        listed = ",".join(map(str, cores))
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-P", "-m", "bench.process.fork_server"),
                    *(listed, str(theirs.fileno()), preload, str(memory_bytes or "")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self.noise,
                stderr=self.noise,
                env=child_environment(len(cores)),
                cwd=WORKING_FOLDER,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # the terminal's Ctrl-C is for the parent alone
            )

    def run(
        self,
        entry: str,
        request: bytes,
        log: BinaryIO,
        on_line: Callable[[bytes], None],
        limits: Limits,
    ) -> int | None:
        """Have a process forked and pass its lines on; None if the server died meanwhile.

        Raises:
            LateError: a limit of time was exceeded.
        """
        watch = _Watch(limits)
        with tempfile.TemporaryFile() as stdin:
            stdin.write(request)
            stdin.seek(0)
            reader, writer = os.pipe()
            with os.fdopen(reader, "rb", buffering=0) as stdout:
                with os.fdopen(writer, "wb") as theirs:
                    streams = [stdin.fileno(), theirs.fileno(), log.fileno()]
                    try:
                        socket.send_fds(self.connection, [entry.encode("ascii")], streams)
                    except ConnectionError:
                        return None
                for line in watch.lines(stdout.fileno()):
                    on_line(line)
        try:
            status = next(watch.lines(self.connection.fileno()), None)
        except ConnectionError:
            return None
        return None if status is None else os.waitstatus_to_exitcode(int(status))

    def copy_noise(self, log: BinaryIO) -> None:
        """Write what the import has printed into a log that no run has written to."""
        if os.fstat(log.fileno()).st_size == 0:
            self.noise.seek(0)
            shutil.copyfileobj(self.noise, log)
            log.flush()

    def end(self) -> None:
        """End the server and all that it has forked."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # the guardian has not ended them all
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> int:
        """End the server; return its exit status."""
        self.connection.close()
        self.noise.close()
        self.end()
        return self.process.wait()


class _Watch:
    """Reads lines and sees that they come in time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.start = self.last_line = time.perf_counter()
        self.silence_seconds = limits.start_up_seconds

    def lines(self, stream: int) -> Iterator[bytes]:
        """Yield each whole line of a file descriptor as it comes, without its end.

        Raises:
            LateError: a limit of time was exceeded.
        """
        rest = b""
        while chunk := self._read(stream):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines  # a last line without an end was cut short, and is dropped
            if lines:
                self.last_line, self.silence_seconds = (
                    time.perf_counter(),
                    self.limits.silence_seconds,
                )

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
                raise LateError(self._reason(now))

    def _reason(self, now: float) -> str:
        total = self.limits.total_seconds
        if total is not None and now - self.start >= total:
            return f"not finished after {total:g} s"
        if self.last_line == self.start:
            return f"not started after {self.silence_seconds:g} s: the import hangs"
        return f"no progress for {self.silence_seconds:g} s; timeout_seconds allows for more"


def _new_log(path: Path | None) -> BinaryIO:
    if path is None:
        return tempfile.TemporaryFile()  # nameless, so that nothing is left of it
    path.unlink(missing_ok=True)
    return path.open("xb")  # never through a link that somebody has put there
