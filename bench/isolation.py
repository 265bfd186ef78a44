"""One fresh process per run: its own cores, memory and death.

The parent sleeps until the process says something or ends; it never polls.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.contract import RunError, Seconds, Status
from bench.messages import EpochEnded, Message, Request, Result, Started

# For platforms without affinity, and for libraries that size their pools by these alone.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a process: its result, or one made up from how it ended, and its time."""

    result: Result
    seconds: Seconds


@dataclass
class _Heard:
    """What a process has said so far."""

    start_up_seconds: float | None = None
    epochs: list[EpochEnded] = field(default_factory=list)
    result: Result | None = None


def run_isolated(
    request: Request, log_path: Path, on_epoch: Callable[[EpochEnded], None]
) -> Outcome:
    """Run one request in a process of its own and wait for its end.

    Args:
        log_path: gets all that the process prints.
        on_epoch: called as each epoch ends.
    """
    heard = _Heard()
    limit = request.config.timeout_seconds
    start = time.perf_counter()
    with log_path.open("wb") as log:
        process = _start(request, log.fileno())
        timed_out = threading.Event()

        def end_late_process() -> None:
            timed_out.set()
            _end_group(process)

        # Ends what the process leaves running, which would hold its pipe open.
        reaper = threading.Thread(target=_reap, args=(process,), daemon=True)
        reaper.start()
        timer = threading.Timer(limit, end_late_process) if limit is not None else None
        if timer is not None:
            timer.start()
        try:
            _tell(process, request)
            _listen(process, heard, start, on_epoch)
            process.wait()
        finally:
            if timer is not None:
                timer.cancel()
            _end_group(process)
            process.wait()
            reaper.join()
    total_seconds = time.perf_counter() - start
    result = heard.result
    if timed_out.is_set() and result is None:
        result = _cut_short(heard, "timeout", "Timeout", f"not finished after {limit:g} s")
    elif result is None:
        result = _cut_short(heard, "failed", "ProcessEnded", _cause(process.returncode))
    return Outcome(result=result, seconds=_ledger(heard, result, total_seconds))


def _start(request: Request, log: int) -> subprocess.Popen[bytes]:
    cores = request.config.cores
    limits = dict.fromkeys(THREAD_VARIABLES, str(len(cores)))
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", "bench.worker", ",".join(map(str, cores))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=os.environ | limits | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # its own process group, to be ended as one
    )


def _tell(process: subprocess.Popen[bytes], request: Request) -> None:
    assert process.stdin is not None  # noqa: S101
    try:
        with process.stdin as pipe:
            pipe.write(msgspec.json.encode(request))
    except BrokenPipeError:
        return  # it died before it could listen; how, its exit status tells


def _listen(
    process: subprocess.Popen[bytes],
    heard: _Heard,
    start: float,
    on_epoch: Callable[[EpochEnded], None],
) -> None:
    assert process.stdout is not None  # noqa: S101
    with process.stdout as pipe:
        for line in pipe:
            message = msgspec.json.decode(line, type=Message)
            if isinstance(message, Started):
                heard.start_up_seconds = time.perf_counter() - start
            elif isinstance(message, EpochEnded):
                heard.epochs.append(message)
                on_epoch(message)
            else:
                heard.result = message


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process group, which has the number of its first process."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # all of it has ended


def _cut_short(heard: _Heard, status: Status, kind: str, message: str) -> Result:
    """Make up the result that the process did not live to send."""
    return Result(
        status=status,
        error=RunError(type=kind, message=message),
        epochs=tuple(ended.epoch for ended in heard.epochs),
    )


def _cause(returncode: int) -> str:
    """Say how a process ended."""
    if returncode >= 0:
        return f"the process ended with exit status {returncode} and no result"
    name = signal.Signals(-returncode).name
    hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"the process was killed by {name}{hint}"


def _ledger(heard: _Heard, result: Result, total_seconds: float) -> Seconds:
    """Make the parts sum to the total that was seen from outside."""
    parts = dict(result.seconds)
    if heard.start_up_seconds is not None:
        parts["start_up"] = heard.start_up_seconds
    if not result.seconds:  # it could not say; what it trained is known from its epochs
        parts["train"] = sum(ended.epoch.train_seconds for ended in heard.epochs)
        parts["evaluate"] = sum(ended.epoch.evaluate_seconds for ended in heard.epochs)
    other = total_seconds - sum(parts.values())
    return Seconds(**parts, other=other, total=total_seconds)
