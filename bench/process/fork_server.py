"""A process that imports a framework once, and forks a process of its own for every run.

    python -P -m bench.process.fork_server CORES SOCKET IMPLEMENTATION MEMORY

Importing a framework takes seconds, a fork milliseconds. The server itself only imports: no runtime
is started and nothing is trained in it. (`multiprocessing` has a fork server too, but only one, so
that a small run would carry the memory of every framework.) If IMPLEMENTATION is empty, nothing is
imported before the fork, and each run imports for itself.

MEMORY limits the bytes of data of the server and of each forked process; empty for no limit.

The socket takes the name of the module to run and its three standard streams; once the forked
process has ended, its wait status goes back. When the socket is closed, the server ends.

A guardian process, which imports nothing, ends everything started here on SIGTERM and when the
parent dies. No framework can prevent that.
"""

import os
import sys

# Before anything else is imported: libraries size their thread pools by the cores that they find.
if __name__ == "__main__" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})

import contextlib
import ctypes
import gc
import importlib
import resource
import selectors
import signal
import socket
import traceback
from pathlib import Path
from typing import NoReturn

from bench import imports

ENTRIES = ("bench.process.worker", "bench.parity.worker")
MAX_NOISE_BYTES = 10**6  # of what an import prints, to begin a run's log with
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # from Linux's prctl(2)


def main() -> None:
    """Start the server, and be its guardian: nothing that it starts outlives this process."""
    _control(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Linux sends it when the parent's thread ends that started this process: the main thread.
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
    """End as another process ended, by the same signal if it was killed."""
    if exit_code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if exit_code != -signal.SIGKILL:
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    sys.exit(exit_code)


def _serve(guardian: int) -> None:
    """Import what the arguments name, then serve until the socket is closed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(guardian)
    _control(PR_SET_CHILD_SUBREAPER, 1)
    imports.record()
    if sys.argv[4]:
        limit = int(sys.argv[4])
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if sys.argv[3]:
        _preload(sys.argv[3])
    _Server(socket.socket(fileno=int(sys.argv[2]))).serve()


def _preload(implementation: str) -> None:
    """Import the implementation, and what every run needs."""
    for entry in ENTRIES:
        importlib.import_module(entry)
    from bench import provenance, registry

    try:
        registry.load(implementation)
        provenance.code_hashes(implementation)  # so that no run has to parse the sources
    except (Exception, SystemExit):  # noqa: BLE001  # the run meets it again, and reports it
        traceback.print_exc()
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy these pages


class _Server:
    """Forks processes, one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.child: int | None = None
        self.noise = _printed()
        self.woken, self.waker = socket.socketpair()
        self.waker.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Fork on request, and send each wait status back."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.woken, selectors.EVENT_READ)
            selector.register(self.connection, selectors.EVENT_READ)
            while True:
                for ready, _ in selector.select():
                    if ready.fileobj is self.woken:
                        self.woken.recv(4096)
                        self.reap()
                        continue
                    entry, streams, _, _ = socket.recv_fds(self.connection, 100, 3)
                    if not entry:
                        return
                    self.fork(entry.decode("ascii"), streams)

    def fork(self, entry: str, streams: list[int]) -> None:
        """Start a process with these standard streams."""
        parent = os.getpid()
        self.child = os.fork()
        if self.child == 0:
            self._run_entry(entry, streams, parent)
        for stream in streams:
            os.close(stream)

    def _run_entry(self, entry: str, streams: list[int], parent: int) -> NoReturn:
        """In the forked process: take the streams, call the entry's `main`, and exit."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()  # its own process group, to be ended as one
            _die_with(parent)
            for target, stream in enumerate(streams):
                os.dup2(stream, target)
                os.close(stream)
            os.write(sys.stderr.fileno(), self.noise)
            for end in (self.connection, self.woken, self.waker):
                end.close()
            importlib.import_module(entry).main()
        except BaseException:  # noqa: BLE001  # it must not return into the server
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)

    def reap(self) -> None:
        """Reap exited children; send the wait status of the forked process."""
        with contextlib.suppress(ChildProcessError):
            while True:
                process, status = os.waitpid(-1, os.WNOHANG)
                if process == 0:
                    return
                if process == self.child:
                    self.child = None
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process, signal.SIGKILL)
                    _kill_children()
                    self.connection.sendall(b"%d\n" % status)


def _kill_children() -> None:
    """Kill what the forked process left running; on Linux, its orphans are children of this one."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    while path.exists() and (children := path.read_text(encoding="ascii").split()):
        for child in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _printed() -> bytes:
    """Return what this process has printed so far. Its standard error is a file."""
    sys.stderr.flush()
    with contextlib.suppress(OSError):  # closed by what it has imported
        return os.pread(2, MAX_NOISE_BYTES, 0)
    return b""


def _die_with(parent: int) -> None:
    """Have the system kill this process when its parent dies."""
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that took effect
        os._exit(1)


def _control(option: int, value: int) -> None:
    """Call Linux's prctl for this process; do nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
