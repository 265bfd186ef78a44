"""A process of its own for every run, and what came of it: its result, or one made up."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.machine import cgroups
from bench.process.protocol import (
    DataLoaded,
    EpochEnded,
    Message,
    Request,
    Result,
    Started,
)
from bench.process.supervisor import Ended, Supervisor
from bench.records import DatasetSummary, RunError, Seconds, Status

MAX_LOG_BYTES = 20 * 10**6
LAST_WORDS_BYTES = 10_000


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
    request: Request,
    log_path: Path,
    on_epoch: Callable[[EpochEnded], None],
    launcher: Supervisor,
    on_data: Callable[[DatasetSummary], None] = lambda _: None,
) -> Outcome:
    """Run one request in a process of its own and wait for its end.

    Args:
        log_path: gets all that the process prints.
        on_epoch: called as each epoch ends.
        on_data: called with what a report shows of the data, unless that is known already.
    """
    heard = _Heard()
    config = request.config
    limit = config.timeout_seconds
    start = time.perf_counter()
    kills_before = cgroups.out_of_memory_kills()

    def hear(line: bytes) -> None:
        message = msgspec.json.decode(line, type=Message)
        if isinstance(message, Started):
            heard.start_up_seconds = time.perf_counter() - start
        elif isinstance(message, DataLoaded):
            on_data(message.summary)
        elif isinstance(message, EpochEnded):
            heard.epochs.append(message)
            on_epoch(message)
        else:
            heard.result = message

    ended = launcher.run_request(
        "bench.process.worker",
        msgspec.json.encode(request),
        log_path,
        hear,
        cores=config.cores,
        preload=config.preload,
        timeout_seconds=limit,
        memory_limit_bytes=config.memory_limit_bytes,
    )
    result = heard.result
    if ended.timed_out and result is None:
        result = _cut_short(heard, "timeout", "Timeout", f"not finished after {limit:g} s")
    elif result is None and (cause := _memory_that_ran_out(ended, log_path, kills_before)):
        result = _cut_short(heard, "out_of_memory", "OutOfMemory", cause)
    elif result is None:
        result = _cut_short(heard, "failed", "ProcessEnded", ended.cause)
    _shorten(log_path)
    return Outcome(result=result, seconds=_ledger(heard, result, ended.total_seconds))


def _memory_that_ran_out(ended: Ended, log_path: Path, kills_before: int) -> str | None:
    """Say how memory ran out, where that is what ended a process; None where it is not."""
    if ended.returncode == -signal.SIGKILL and cgroups.out_of_memory_kills() > kills_before:
        return "the system ran out of memory and killed the process"
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - LAST_WORDS_BYTES))
        last_words = log.read()
    if ended.returncode != 0 and b"std::bad_alloc" in last_words:
        return f"no memory could be had (std::bad_alloc), and {ended.cause}"
    return None


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


def _cut_short(heard: _Heard, status: Status, kind: str, message: str) -> Result:
    """Make up the result that the process did not live to send."""
    return Result(
        status=status,
        error=RunError(type=kind, message=message),
        epochs=tuple(ended.epoch for ended in heard.epochs),
    )


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
