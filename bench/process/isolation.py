"""Runs one request in a process of its own; however that ends, there is a result."""

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
from bench.process.protocol import CODE_CHANGED_STATUS, DataLoaded, Message, Request, Started
from bench.process.supervisor import Ended, Limits, Supervisor
from bench.records import DatasetSummary, RunError, Seconds, Status
from bench.training.result import EpochEnded, Result

MAX_LOG_BYTES = 20 * 10**6
LOG_TAIL_BYTES = 10_000
BAD_ALLOC = b"std::bad_alloc"
# What a process writes that meets its own limit.
MEMORY_LIMIT_SIGNS = (BAD_ALLOC, b"MemoryError", b"emory alloc", b"allocate memory", b"of memory")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a process, its own or one built from how it ended, and where its time went."""

    result: Result
    seconds: Seconds


@dataclass
class _Progress:
    """The messages of a process so far."""

    start_up_seconds: float | None = None
    epochs: list[EpochEnded] = field(default_factory=list)
    result: Result | None = None


def limits_of(config: RunConfig) -> Limits:
    """Return the limits of a run. A `timeout_seconds` replaces the limit on each epoch."""
    limits = Limits(memory_bytes=config.memory_limit_bytes)
    if config.timeout_seconds is None:
        return limits
    return Limits(
        memory_bytes=config.memory_limit_bytes,
        total_seconds=config.timeout_seconds,
        silence_seconds=math.inf,
    )


def run_isolated(
    request: Request,
    log_path: Path,
    on_epoch: Callable[[EpochEnded], None],
    supervisor: Supervisor,
    on_data: Callable[[DatasetSummary], None] = lambda _: None,
) -> Outcome:
    """Run one request in a process of its own and wait for its end.

    Args:
        request: what to run.
        log_path: a new file for all that the process prints.
        on_epoch: called as each epoch ends.
        supervisor: starts the process.
        on_data: called with the summary of the dataset, unless `request.summarised` names it.

    Returns:
        The result and its seconds, whatever happens to the process.
    """
    progress = _Progress()
    config = request.config
    start = time.perf_counter()
    kills_before = cgroups.out_of_memory_kills()

    def receive(line: bytes) -> None:
        message = msgspec.json.decode(line, type=Message)
        if isinstance(message, Started):
            progress.start_up_seconds = time.perf_counter() - start
        elif isinstance(message, DataLoaded):
            on_data(message.summary)
        elif isinstance(message, EpochEnded):
            progress.epochs.append(message)
            on_epoch(message)
        else:
            progress.result = message

    ended = supervisor.run_request(
        "bench.process.worker",
        msgspec.json.encode(request),
        log_path,
        receive,
        cores=config.cores,
        preload=config.preload,
        limits=limits_of(config),
    )
    result = progress.result
    if result is None:
        log_end = _tail(log_path)
        killed = (
            ended.returncode == -signal.SIGKILL and cgroups.out_of_memory_kills() > kills_before
        )
        result = _result_without_answer(progress, config, ended, log_end, killed_for_memory=killed)
    _shorten(log_path)
    return Outcome(result=result, seconds=_seconds(progress, result, ended.total_seconds))


def _result_without_answer(
    progress: _Progress, config: RunConfig, ended: Ended, log_end: bytes, *, killed_for_memory: bool
) -> Result:
    """Build a Result for a process that exited without sending one."""
    limit = config.memory_limit
    status: Status = "failed"
    kind, message = "ProcessEnded", ended.cause
    if ended.late:
        status, kind, message = "timeout", "Timeout", ended.late
        if limit and progress.start_up_seconds is None:
            message += f"; memory_limit={limit} may be too little to import it"
    elif killed_for_memory:
        message = "the system ran out of memory and killed the process"
        status, kind = "out_of_memory", "OutOfMemory"
    elif ended.returncode == CODE_CHANGED_STATUS:
        kind = "CodeChanged"
    elif limit and (
        progress.start_up_seconds is None or any(sign in log_end for sign in MEMORY_LIMIT_SIGNS)
    ):
        # Libraries die in many ways when they can't allocate memory during their import.
        message = f"memory_limit={limit} is too little: {ended.cause}"
        status, kind = "out_of_memory", "OutOfMemory"
    elif ended.returncode != 0 and BAD_ALLOC in log_end:
        message = f"no memory left (std::bad_alloc), and {ended.cause}"
        status, kind = "out_of_memory", "OutOfMemory"
    return Result(
        status=status,
        error=RunError(type=kind, message=message),
        epochs=tuple(ended.epoch for ended in progress.epochs),
    )


def _tail(log_path: Path) -> bytes:
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - LOG_TAIL_BYTES))
        return log.read()


def _shorten(log_path: Path) -> None:
    """Keep the beginning and the end of a log that has become too long."""
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


def _seconds(progress: _Progress, result: Result, total_seconds: float) -> Seconds:
    """Make the parts sum to the total that was seen from outside."""
    parts = dict(result.seconds)
    if progress.start_up_seconds is not None:
        parts["start_up"] = progress.start_up_seconds
    if not result.seconds:  # without an answer; what was trained is known from the epochs
        parts["train"] = sum(ended.epoch.train_seconds for ended in progress.epochs)
        parts["evaluate"] = sum(ended.epoch.evaluate_seconds for ended in progress.epochs)
    other = total_seconds - sum(parts.values())
    return Seconds(**parts, other=other, total=total_seconds)
