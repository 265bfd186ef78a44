"""A process that imports a framework once, and forks a new process for every run.

    python -P -m bench.process.fork_server CORES SOCKET IMPLEMENTATION MEMORY [FOLDER...]

Importing a framework takes seconds, a fork milliseconds. The server only imports: it starts no
runtime and trains nothing. (`multiprocessing` has only one fork server: a small run would carry the
memory of every framework.) If IMPLEMENTATION is empty, each run imports after the fork.

MEMORY limits the bytes of data of the server and of each forked process; empty for no limit. Each
FOLDER contains a plug-in: see `bench.imports.use_plugin_folders`.

The server receives the name of a module and three standard streams from the socket, runs the
module's `main` in a forked process, and sends the wait status back. It ends when the socket closes.

The process that this command starts is the guardian: it imports nothing, forks the server, and
kills the server and all its forks on SIGTERM and when its parent dies. No framework can prevent it.
"""

import os
import sys

# Before all other imports: libraries size their thread pools by the cores they may use.
if __name__ == "__main__" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})

import contextlib
import ctypes
import gc
import importlib
import resource
import signal
import socket
import traceback
from pathlib import Path
from typing import NoReturn

from bench import imports

ENTRIES = ("bench.process.worker", "bench.parity.ladder_worker")
MAX_IMPORT_OUTPUT_BYTES = 10**6  # each run's log begins with the output of the import
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # from Linux's prctl(2)


def main() -> None:
    """Fork the server and guard it: nothing that it starts outlives this process."""
    _control(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Linux sends SIGTERM when the parent's main thread ends, which started this process.
    _control(PR_SET_PDEATHSIG, signal.SIGTERM)
    guardian = os.getpid()
    server = os.fork()
    if server == 0:
        _serve(guardian)
        return
    os.close(int(sys.argv[2]))
    try:
        status = os.waitpid(server, 0)[1]
    except KeyboardInterrupt:
        status = os.waitpid(server, os.WNOHANG)[1]  # 0 while it is running
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _kill_children()
    _exit_like(os.waitstatus_to_exitcode(status))


def _exit_like(exit_code: int) -> NoReturn:
    """Exit with the status of another process, or by the signal that killed it."""
    if exit_code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if exit_code != -signal.SIGKILL:
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    sys.exit(exit_code)


def _serve(guardian: int) -> None:
    """Import the implementation, then serve until the socket is closed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(guardian)
    _control(PR_SET_CHILD_SUBREAPER, 1)
    imports.record()
    imports.use_plugin_folders([Path(folder) for folder in sys.argv[5:]])
    if sys.argv[4]:
        limit = int(sys.argv[4])
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if sys.argv[3]:
        _preload(sys.argv[3])
    _serve_requests(socket.socket(fileno=int(sys.argv[2])))


def _preload(implementation: str) -> None:
    """Import the implementation and the modules that every run needs."""
    for entry in ENTRIES:
        importlib.import_module(entry)
    from bench import provenance, registry

    try:
        registry.load(implementation)
        provenance.code_hashes(implementation)  # so that no run has to parse the sources
    except (Exception, SystemExit):  # noqa: BLE001  # the run raises it again and reports it
        traceback.print_exc()
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy these pages


def _serve_requests(connection: socket.socket) -> None:
    """Fork on request, one process at a time, and send each wait status back."""
    import_output = _read_own_output()
    while True:
        entry, streams, _, _ = socket.recv_fds(connection, 100, 3)
        if not entry:
            return
        parent, child = os.getpid(), os.fork()
        if child == 0:
            connection.close()
            _run_entry(entry.decode("ascii"), streams, parent, import_output)
        for stream in streams:
            os.close(stream)
        status = os.waitpid(child, 0)[1]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _kill_children()
        connection.sendall(b"%d\n" % status)


def _run_entry(entry: str, streams: list[int], parent: int, import_output: bytes) -> NoReturn:
    """In the forked process: use the streams, call `main` of the entry module, and exit."""
    try:
        os.setsid()  # a new process group, so that it can be killed as a whole
        _die_with(parent)
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)
        os.write(sys.stderr.fileno(), import_output)
        importlib.import_module(entry).main()
    except BaseException:  # noqa: BLE001  # it must not return into the server
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _kill_children() -> None:
    """Kill processes that the fork left running; on Linux, orphans become children of this one."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    while path.exists() and (children := path.read_text(encoding="ascii").split()):
        for child in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _read_own_output() -> bytes:
    """Return the output of this process so far. Its standard error is a file."""
    sys.stderr.flush()
    with contextlib.suppress(OSError):  # an import has closed it
        return os.pread(2, MAX_IMPORT_OUTPUT_BYTES, 0)
    return b""


def _die_with(parent: int) -> None:
    """Ask the system to kill this process when its parent dies."""
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before that took effect
        os._exit(1)


def _control(option: int, value: int) -> None:
    """Call Linux's prctl for this process; do nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
