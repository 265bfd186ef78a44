"""Processes, ports and waiting, for both engines."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

MAX_WAIT_SECONDS = 180


def free_ports(n: int) -> list[int]:
    """Return ports of the loopback interface that nobody uses now."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(condition) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {MAX_WAIT_SECONDS} s"
        time.sleep(0.1)


def pids_with(text):
    """Return the other processes whose command line contains a text, with null characters."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (path / "cmdline").read_bytes() and int(path.name) != os.getpid():
                found.append(int(path.name))
    return found
