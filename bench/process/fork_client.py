"""The parent's side of a fork server: start it, send it requests, end it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import BinaryIO

from bench import imports
from bench.config.schema import Instructions
from bench.process.environment import WORKING_FOLDER, child_environment
from bench.process.limits import Limits, Watchdog

GRACE_SECONDS = 5.0


class ForkServer:
    """A running `bench.process.fork_server`."""

    def __init__(
        self,
        preload: str,
        backend: str,
        cores: Sequence[int],
        memory_bytes: int | None,
        instructions: Instructions,
    ) -> None:
        """Start the server.

        Args:
            preload: module of the implementation to import; "" imports nothing.
            backend: the option `backend` of the implementation; "" without this option.
            cores: the server and its forks are bound to these cores.
            memory_bytes: memory limit of the server and of each fork; None for no limit.
            instructions: instructions that libraries may use in the server and in each fork.
        """
        self.connection, server_connection = socket.socketpair()
        self.import_output = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        with server_connection:
            self.process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-P", "-m", "bench.process.fork_server"),
                    *(",".join(map(str, cores)), str(server_connection.fileno())),
                    *(preload, str(memory_bytes or "")),
                    *map(str, imports.plugin_folders()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self.import_output,
                stderr=self.import_output,
                env=child_environment(len(cores), backend=backend, instructions=instructions),
                cwd=WORKING_FOLDER,
                pass_fds=[server_connection.fileno()],
                start_new_session=True,  # the terminal's Ctrl-C is for the parent only
            )

    def run_fork(
        self,
        entry: str,
        request: bytes,
        log: BinaryIO,
        on_line: Callable[[bytes], None],
        limits: Limits,
    ) -> int | None:
        """Fork a process, pass its lines to `on_line`, and wait until it exits.

        Returns:
            The exit status; None if the server died.

        Raises:
            TimeLimitError: a time limit was exceeded.
        """
        watchdog = Watchdog(limits)
        with tempfile.TemporaryFile() as stdin:
            stdin.write(request)
            stdin.seek(0)
            reader, writer = os.pipe()
            with os.fdopen(reader, "rb", buffering=0) as stdout:
                with os.fdopen(writer, "wb") as child_stdout:
                    streams = [stdin.fileno(), child_stdout.fileno(), log.fileno()]
                    with contextlib.suppress(ConnectionError):  # then both loops end at once
                        socket.send_fds(self.connection, [entry.encode("ascii")], streams)
                for line in watchdog.lines(stdout.fileno()):
                    on_line(line)
        with contextlib.suppress(ConnectionError):
            for status in watchdog.lines(self.connection.fileno()):
                return os.waitstatus_to_exitcode(int(status))
        with contextlib.suppress(subprocess.TimeoutExpired):  # the guardian is about to exit too
            self.process.wait(timeout=GRACE_SECONDS)
        return None

    def copy_import_output(self, log: BinaryIO) -> None:
        """Write the output of the import into a log that is still empty."""
        if os.fstat(log.fileno()).st_size == 0:
            self.import_output.seek(0)
            shutil.copyfileobj(self.import_output, log)
            log.flush()

    def close(self) -> int:
        """End the server and all its forks; return the server's exit status."""
        self.connection.close()
        self.import_output.close()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # raised if the guardian has ended them all
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()
