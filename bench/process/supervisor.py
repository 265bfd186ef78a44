"""Run requests in processes forked from fork servers, within limits of time and memory.

The parent sleeps until the process prints a line, exits or exceeds a time limit.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from bench.config.schema import Instructions
from bench.process.fork_client import ForkServer
from bench.process.limits import Limits, TimeLimitError
from bench.process.protocol import CODE_CHANGED_STATUS

# Module to import, backend, cores, limit of memory in bytes, instructions.
_ServerKey = tuple[str, str, tuple[int, ...], int | None, Instructions]


@dataclass(frozen=True, kw_only=True)
class ProcessEnd:
    """How and when a process ended, as its parent saw it.

    Attributes:
        returncode: exit status; negative for the number of the signal that killed the process.
        exceeded_limit: the time limit that was exceeded, such as "not finished after 3 s", or "".
        total_seconds: from the request to the end of the process.
    """

    returncode: int
    exceeded_limit: str
    total_seconds: float

    @property
    def cause(self) -> str:
        """Why there is no result."""
        if self.returncode == CODE_CHANGED_STATUS:
            return "source files or libraries changed while the process started; run it again"
        if self.returncode >= 0:
            return f"the process ended with exit status {self.returncode} and no result"
        try:
            name = signal.Signals(-self.returncode).name
        except ValueError:  # a real-time signal, which has no name
            name = f"signal {-self.returncode}"
        hint = " (sent by a user, or because memory ran out)" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{hint}"


class Supervisor:
    """Runs each request in a process forked from a server that has imported the implementation.

    The fork servers are kept until the end of the `with` block, one for each module, backend, set
    of cores, memory limit and choice of instructions. A server that has imported older code is
    replaced.
    """

    def __init__(self) -> None:
        """Start without a server."""
        self._servers: dict[_ServerKey, ForkServer] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the fork servers."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def run_in_process(
        self,
        entry: str,
        request: bytes,
        log_path: Path | None,
        on_line: Callable[[bytes], None],
        *,
        cores: Sequence[int],
        preload: str,
        backend: str = "",
        limits: Limits,
        instructions: Instructions = "auto",
    ) -> ProcessEnd:
        """Send the request, pass each stdout line to `on_line`, return when the process exits.

        Args:
            entry: the module whose `main` the process calls.
            request: `main` reads this from standard input.
            log_path: a new file for the standard error of the import and of the process; None to
                discard it.
            on_line: called with each complete line, without the newline.
            cores: the process is bound to these cores.
            preload: module of the implementation to import before the fork; "" imports nothing.
            backend: the option `backend` of the implementation; a process that has imported a
                module for one backend is never used for another.
            limits: the process is killed if it exceeds a time limit.
            instructions: instructions that libraries may use in the process.
        """
        key = (preload, backend, tuple(cores), limits.memory_bytes, instructions)
        start = time.perf_counter()
        with _new_log(log_path) as log:
            while True:
                server = self._servers.pop(key, None)
                reused = server is not None
                server = server or ForkServer(*key)
                returncode, exceeded_limit = None, ""
                try:
                    returncode = server.run_fork(entry, request, log, on_line, limits)
                except TimeLimitError as error:
                    exceeded_limit = str(error)
                finally:
                    if returncode is None or returncode == CODE_CHANGED_STATUS:
                        server.copy_import_output(log)
                        server_status = server.close()
                    else:
                        self._servers[key] = server
                if not reused or returncode != CODE_CHANGED_STATUS:
                    break
                os.ftruncate(log.fileno(), 0)  # a new server imports the new code
                os.lseek(log.fileno(), 0, os.SEEK_SET)
        return ProcessEnd(
            returncode=server_status if returncode is None else returncode,
            exceeded_limit=exceeded_limit,
            total_seconds=time.perf_counter() - start,
        )


def _new_log(path: Path | None) -> BinaryIO:
    if path is None:
        return tempfile.TemporaryFile()  # without a name, so that a killed process leaves no file
    path.unlink(missing_ok=True)
    return path.open("xb")  # never through a link at that path
