"""Processes that are told one thing and answer line by line: their own cores, memory and death.

The parent sleeps until the process says something or ends; it never polls.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from bench.process.environment import WORKING_FOLDER, child_environment

GRACE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended, and when, seen from outside."""

    returncode: int
    timed_out: bool
    total_seconds: float

    @property
    def cause(self) -> str:
        """Say how it ended without an answer."""
        if self.returncode >= 0:
            return f"the process ended with exit status {self.returncode} and no result"
        try:
            name = signal.Signals(-self.returncode).name
        except ValueError:  # a real-time signal, which has no name
            name = f"signal {-self.returncode}"
        hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{hint}"


class Supervisor:
    """Starts processes, each forked from one that has imported the same implementation.

    Those are kept until the end of the `with` block, one for each implementation, set of cores and
    limit of memory.
    """

    def __init__(self) -> None:
        self._servers: dict[tuple[str, tuple[int, ...], int | None], _ForkServer] = {}
        self._code: dict[str, Mapping[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that are kept."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def renew(self, preload: str, code: Mapping[str, str]) -> None:
        """End the processes that have imported an implementation which is no longer the same.

        Args:
            code: all that a process imports, as hashes and versions.
        """
        if self._code.get(preload, code) != code:
            for key in [key for key in self._servers if key[0] == preload]:
                self._servers.pop(key).close()
        self._code[preload] = code

    def run_request(
        self,
        entry: str,
        request: bytes,
        log_path: Path | None,
        on_line: Callable[[bytes], None],
        *,
        cores: Sequence[int],
        preload: str,
        timeout_seconds: float | None = None,
        memory_limit_bytes: int | None = None,
    ) -> Ended:
        """Run the `main` of the module `entry` in a process, tell it `request`, and hear it out.

        Args:
            log_path: a new file, gets all that the process prints to standard error, and before it
                what importing the implementation has printed; None where nobody will read it.
            on_line: called with each whole line that it prints to standard output, as it comes.
            cores: the process is bound to these.
            preload: the implementation that is imported before forking; "" imports nothing.
            memory_limit_bytes: what the process may have for data, what is imported included.
        """
        start = time.perf_counter()
        key = (preload, tuple(cores), memory_limit_bytes)
        with _new_log(log_path) as log:
            server = self._servers.pop(key, None) or _ForkServer(*key)
            timed_out = threading.Event()

            def end_late_process() -> None:
                timed_out.set()
                server.end()

            timer = None
            if timeout_seconds is not None:
                timer = threading.Timer(timeout_seconds, end_late_process)
                timer.start()
            returncode = None
            try:
                returncode = server.run(entry, request, log, on_line)
            finally:
                if timer is not None:
                    timer.cancel()
                    timer.join()
                if returncode is None or timed_out.is_set():
                    server.copy_noise(log)
                    exit_status = server.close()
                else:
                    self._servers[key] = server
        return Ended(
            returncode=exit_status if returncode is None else returncode,
            timed_out=timed_out.is_set(),
            total_seconds=time.perf_counter() - start,
        )


class _ForkServer:
    """This side of a `bench.process.fork_server`."""

    def __init__(self, preload: str, cores: Sequence[int], memory_limit_bytes: int | None) -> None:
        self.connection, theirs = socket.socketpair()
        self.noise = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        listed = ",".join(map(str, cores))
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-P", "-m", "bench.process.fork_server"),
                    *(listed, str(theirs.fileno()), preload, str(memory_limit_bytes or "")),
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
        self, entry: str, request: bytes, log: BinaryIO, on_line: Callable[[bytes], None]
    ) -> int | None:
        """Have a process forked and hear it out; None where the server has died over it."""
        with tempfile.TemporaryFile() as told:
            told.write(request)
            told.seek(0)
            reader, writer = os.pipe()
            with os.fdopen(reader, "rb") as answers:
                with os.fdopen(writer, "wb") as theirs:
                    streams = [told.fileno(), theirs.fileno(), log.fileno()]
                    try:
                        socket.send_fds(self.connection, [entry.encode("ascii")], streams)
                    except ConnectionError:
                        return None
                for line in answers:
                    if line.endswith(b"\n"):  # otherwise it was ended in the middle of it
                        on_line(line)
        try:
            with self.connection.makefile("rb") as statuses:
                status = statuses.readline()
        except ConnectionError:
            return None
        return os.waitstatus_to_exitcode(int(status)) if status else None

    def copy_noise(self, log: BinaryIO) -> None:
        """Write what the import has printed into a log that no run has written to."""
        if os.fstat(log.fileno()).st_size == 0:
            self.noise.seek(0)
            shutil.copyfileobj(self.noise, log)
            log.flush()

    def end(self) -> None:
        """End it and all that it has forked."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # where nothing guards it, or that is stopped
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> int:
        """End it; return its exit status."""
        self.connection.close()
        self.noise.close()
        self.end()
        return self.process.wait()


def _new_log(path: Path | None) -> BinaryIO:
    if path is None:
        return tempfile.TemporaryFile()  # nameless, so that nothing is left of it
    path.unlink(missing_ok=True)
    return path.open("xb")  # never through a link that somebody has put there


def open_channel() -> BinaryIO:
    """In the process: return what was standard output; all that is printed goes to the log."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel
