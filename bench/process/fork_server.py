"""A process that imports a framework once, and forks a process of its own for every run.

    python -P -m bench.process.fork_server CORES SOCKET IMPLEMENTATION MEMORY

Importing a framework takes seconds, a fork milliseconds. What is forked has only been imported:
no runtime has started, nothing is trained in this process. (`multiprocessing` has a fork server
too, but only one, so that a small run would carry the memory of every framework.) Where
IMPLEMENTATION is empty nothing is imported before the fork, and each run does that by itself.

MEMORY is how many bytes it and what it forks may each have for data; empty for no limit.

Through the socket comes the name of what to run and the three standard streams for it; back goes
`waitpid`'s status once it has ended. At the end of the socket all ends.

It is guarded by a process that imports nothing, so that no framework can keep it from ending all
that was started here: on SIGTERM, and when the parent dies, however that comes about.
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

ENTRIES = ("bench.process.worker", "bench.parity.worker")
MAX_NOISE_BYTES = 10**6  # of what an import prints, to begin a run's log with
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # from Linux's prctl(2)


def main() -> None:
    """Have a process serve, and see to it that nothing outlives it."""
    _control(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Sent when the thread ends that has started this: the main one, which waits for the runs.
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
        status = 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _kill_children()
    _end_likewise(os.waitstatus_to_exitcode(status))


def _end_likewise(exit_code: int) -> NoReturn:
    """End as another process has ended, by the same signal if it was one."""
    if exit_code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if exit_code != -signal.SIGKILL:
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    sys.exit(exit_code)


def _serve(guardian: int) -> None:
    """Import what the arguments name, then serve until the socket ends."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(guardian)
    _control(PR_SET_CHILD_SUBREAPER, 1)
    if sys.argv[4]:
        limit = int(sys.argv[4])
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if sys.argv[3]:
        _preload(sys.argv[3])
    _Server(socket.socket(fileno=int(sys.argv[2]))).serve()


def _preload(implementation: str) -> None:
    from bench import registry

    for entry in ENTRIES:
        importlib.import_module(entry)
    try:
        registry.load(implementation)
    except (Exception, SystemExit):  # noqa: BLE001  # the run itself meets it again, and reports it
        traceback.print_exc()
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy these pages


class _Server:
    """At most one forked process at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.child: int | None = None
        self.noise = _printed()
        self.woken, self.waker = socket.socketpair()
        self.waker.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Fork when asked to, and say how it ended."""
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
            self._become(entry, streams, parent)
        for stream in streams:
            os.close(stream)

    def _become(self, entry: str, streams: list[int], parent: int) -> NoReturn:
        """In the forked process: be what was asked for, and never come back."""
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
        except BaseException:  # noqa: BLE001  # whatever it is, this must not go on as a server
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)

    def reap(self) -> None:
        """Take leave of processes that have ended, and say how the forked one did."""
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG):
                number, status = ended
                if number == 0:
                    return
                if number == self.child:
                    self.child = None
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(number, signal.SIGKILL)
                    _kill_children()
                    self.connection.sendall(b"%d\n" % status)


def _kill_children() -> None:
    """Kill what the forked process has left; on Linux its orphans are children of this one."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    while listed.exists() and (numbers := listed.read_text(encoding="ascii").split()):
        for number in map(int, numbers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)


def _printed() -> bytes:
    """Return what this process has printed so far; its standard error is a file."""
    sys.stderr.flush()
    with contextlib.suppress(OSError):  # closed by what it has imported
        return os.pread(2, MAX_NOISE_BYTES, 0)
    return b""


def _die_with(parent: int) -> None:
    """Be killed when the parent dies."""
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that took effect
        os._exit(1)


def _control(option: int, value: int) -> None:
    """Tell Linux something about this process; elsewhere there is no such call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
