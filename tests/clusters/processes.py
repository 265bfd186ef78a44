"""Processes, ports and waiting, for both engines."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

MAX_WAIT_SECONDS = 180  # for clusters on a busy machine
NODE_PROCESS = "bench.sweep.cluster.node"


def free_ports(n: int) -> list[int]:
    """Return ports of the loopback interface that nobody uses now."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def command_of(pid: int) -> str:
    """Return the command line of a process, with null characters; "" if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return ""


def pids_with(text: str) -> list[int]:
    """Return the other processes whose command line contains a text, with null characters."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if text in command_of(pid) and pid != os.getpid()]


def pids_of(node_folder: Path | str) -> list[int]:
    """Return the processes of a node, also those of its runs: TMPDIR is the node's own."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"TMPDIR={node_folder}\0".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def parents_of(pids: Iterable[int], text: str) -> list[int]:
    """Return the nearer ancestors of processes whose command line contains a text."""
    found = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            nearer = psutil.Process(pid).parents()[:4]
            found |= {each.pid for each in nearer if text in command_of(each.pid)}
    return sorted(found)


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to processes; those that have ended are ignored."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
