"""Run one request in a child process and always return a result."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.config.schema import RunConfig
from bench.machine import cgroups
from bench.process.limits import Limits
from bench.process.protocol import CODE_CHANGED_STATUS, DataLoaded, Message, Request, Started
from bench.process.supervisor import ProcessEnd, Supervisor
from bench.records import DatasetSummary, RunError, Seconds, Status
from bench.training.result import EpochEnded, Result

MAX_LOG_BYTES = 20 * 10**6
LOG_TAIL_BYTES = 10_000
BAD_ALLOC = b"std::bad_alloc"
# Texts in the log of a process that reached its memory limit.
MEMORY_LIMIT_SIGNS = (BAD_ALLOC, b"MemoryError", b"emory alloc", b"allocate memory", b"of memory")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a run, sent by its process or built from the way it ended, and its times."""

    result: Result
    seconds: Seconds


@dataclass
class _Received:
    """The messages of a process so far."""

    start_up_seconds: float | None = None
    epochs: list[EpochEnded] = field(default_factory=list)
    result: Result | None = None


def limits_of(config: RunConfig) -> Limits:
    """Return the limits of a run. A `timeout_seconds` replaces the limit on each epoch."""
    if config.timeout_seconds is None:
        return Limits(memory_bytes=config.memory_limit_bytes)
    return Limits(
        memory_bytes=config.memory_limit_bytes,
        total_seconds=config.timeout_seconds,
        silence_seconds=math.inf,
    )


def train_in_child(
    request: Request,
    log_path: Path,
    on_epoch: Callable[[EpochEnded], None],
    supervisor: Supervisor,
    on_data: Callable[[DatasetSummary], None] = lambda _: None,
) -> Outcome:
    """Execute one request in a child process and wait until the process ends.

    Args:
        request: the run.
        log_path: a new file for the output of the process.
        on_epoch: called at the end of each epoch.
        supervisor: starts the process.
        on_data: called with the summary of the dataset, unless `request.summarised` contains it.

    Returns:
        The result and its times, also if the process crashes, hangs or is killed.
    """
    received = _Received()
    config = request.config
    start = time.perf_counter()
    kills_before = cgroups.out_of_memory_kills()

    def receive(line: bytes) -> None:
        message = msgspec.json.decode(line, type=Message)
        if isinstance(message, Started):
            received.start_up_seconds = time.perf_counter() - start
        elif isinstance(message, DataLoaded):
            on_data(message.summary)
        elif isinstance(message, EpochEnded):
            received.epochs.append(message)
            on_epoch(message)
        else:
            received.result = message

    process_end = supervisor.run_in_process(
        "bench.process.worker",
        msgspec.json.encode(request),
        log_path,
        receive,
        cores=config.cores,
        preload=config.preload,
        backend=config.backend,
        limits=limits_of(config),
        instructions=config.instructions,
    )
    result = received.result
    if result is None:
        killed_for_memory = (
            process_end.returncode == -signal.SIGKILL
            and cgroups.out_of_memory_kills() > kills_before
        )
        status, error = _explain(
            process_end,
            config.memory_limit,
            _tail(log_path),
            started=received.start_up_seconds is not None,
            killed_for_memory=killed_for_memory,
        )
        epochs = tuple(message.epoch for message in received.epochs)
        result = Result(status=status, error=error, epochs=epochs)
    _shorten(log_path)
    return Outcome(result=result, seconds=_seconds(received, result, process_end.total_seconds))


def _explain(
    process_end: ProcessEnd,
    limit: str | None,
    log_end: bytes,
    *,
    started: bool,
    killed_for_memory: bool,
) -> tuple[Status, RunError]:
    """Explain why a process exited without sending a result."""
    if process_end.exceeded_limit:
        message = process_end.exceeded_limit
        if limit and not started:
            message += f"; memory_limit={limit} may be too little to import it"
        return "timeout", RunError(type="Timeout", message=message)
    if process_end.returncode == CODE_CHANGED_STATUS:
        return "failed", RunError(type="CodeChanged", message=process_end.cause)
    # An import that can't allocate memory may end in any way, often without a message.
    if limit and any(sign in log_end for sign in MEMORY_LIMIT_SIGNS):
        message = f"memory_limit={limit} is too little: {process_end.cause}"
    elif limit and not started and process_end.returncode != -signal.SIGKILL:
        message = f"memory_limit={limit} may be too little to import it: {process_end.cause}"
    elif process_end.returncode != 0 and BAD_ALLOC in log_end:
        message = f"no memory left (std::bad_alloc), and {process_end.cause}"
    else:
        message = ""
    if killed_for_memory:
        message = "the system ran out of memory and killed the process"
    if message:
        return "out_of_memory", RunError(type="OutOfMemory", message=message)
    return "failed", RunError(type="ProcessEnded", message=process_end.cause)


def _tail(log_path: Path) -> bytes:
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - LOG_TAIL_BYTES))
        return log.read()


def _shorten(log_path: Path) -> None:
    """Keep the beginning and the end of a log that is too long."""
    size = log_path.stat().st_size
    if size <= MAX_LOG_BYTES:
        return
    half = MAX_LOG_BYTES // 2
    with log_path.open("r+b") as log:
        log.seek(size - half)
        end = log.read()
        log.seek(half)
        log.write(f"\n\n... {size - 2 * half} bytes are left out here ...\n\n".encode("ascii"))
        log.write(end)
        log.truncate()


def _seconds(received: _Received, result: Result, total_seconds: float) -> Seconds:
    """Add `other`, so that the parts sum to the total that the parent measured."""
    parts = dict(result.seconds)
    if received.start_up_seconds is not None:
        parts["start_up"] = received.start_up_seconds
    if not result.seconds:  # the process sent no result: use the times of its epochs
        parts["train"] = sum(message.epoch.train_seconds for message in received.epochs)
        parts["evaluate"] = sum(message.epoch.evaluate_seconds for message in received.epochs)
    return Seconds(**parts, other=total_seconds - sum(parts.values()), total=total_seconds)
