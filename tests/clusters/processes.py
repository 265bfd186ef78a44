"""Processes, ports and waiting, for both engines."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

MAX_WAIT_SECONDS = 180  # for clusters on a busy machine


def free_ports(n: int) -> list[int]:
    """Return ports of the loopback interface that nobody uses now."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def pids_with(text):
    """Return the other processes whose command line contains a text, with null characters."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (path / "cmdline").read_bytes() and int(path.name) != os.getpid():
                found.append(int(path.name))
    return found
