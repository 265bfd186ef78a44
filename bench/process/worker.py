"""The process of one run, forked by `bench.process.fork_server`. It reads a `Request`.

Messages go to what was standard output; all that is printed goes to standard error, the run's log.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

import msgspec

from bench import provenance, registry
from bench.console import adapt_commands
from bench.contract import UnavailableError
from bench.data import datasets
from bench.machine import usage
from bench.process.protocol import (
    CODE_CHANGED_STATUS,
    DataLoaded,
    Message,
    Request,
    Started,
    open_channel,
)
from bench.records import RunError, Status
from bench.training.loop import train
from bench.training.result import Result
from bench.training.timer import Timer

# How frameworks report it, in the names of their errors or in their messages.
OUT_OF_MEMORY = (
    "ResourceExhausted", "OutOfMemory", "RESOURCE_EXHAUSTED", "can't allocate memory",
    "annot allocate memory", "cannot map zero-fill pages", "failed to map segment",
)  # fmt: skip


def main() -> None:
    """Run the request on standard input, and send its result."""
    channel = open_channel()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    timer = Timer()
    try:
        result = attempt(request, timer, lambda message: send(channel, message))
    except provenance.CodeChangedError as error:
        traceback.print_exception(error)
        _exit(CODE_CHANGED_STATUS)
    send(
        channel,
        msgspec.structs.replace(
            result,
            seconds=dict(timer.seconds),
            imported=tuple({name.partition(".")[0] for name in sys.modules}),
            peak_memory_bytes=result.peak_memory_bytes or usage.peak_memory_bytes(),
        ),
    )
    _exit(0)


def _exit(status: int) -> NoReturn:
    """Exit at once: a framework may take a second to shut down, which would count as the run's."""
    sys.stderr.flush()
    os._exit(status)


def attempt(request: Request, timer: Timer, send_message: Callable[[Message], None]) -> Result:
    """Run, and turn every way in which that can fail into a result.

    Args:
        request: what to run.
        timer: counts the seconds of the run.
        send_message: called with each message before the result.

    Returns:
        The result, without its seconds.

    Raises:
        CodeChangedError: this process has imported other code than the request names.
    """
    try:
        return run(request, timer, send_message)
    except provenance.CodeChangedError:
        raise
    except UnavailableError as error:
        return Result(
            status="skipped",
            error=RunError(type="Unavailable", message=adapt_commands(str(error))),
        )
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a framework raises
        description = f"{type(error).__name__}: {error}"
        if not isinstance(error, MemoryError) and not any(
            sign in description for sign in OUT_OF_MEMORY
        ):
            return _failure("failed", error, str(error))
        limit = request.config.memory_limit
        reason = str(error) or "no memory left"
        return _failure(
            "out_of_memory", error, f"{reason} (memory_limit={limit})" if limit else reason
        )


def run(request: Request, timer: Timer, send_message: Callable[[Message], None]) -> Result:
    """Import the implementation, load the data, train. Arguments as for `attempt`."""
    config = request.config
    module = config.implementation.module
    implementation = registry.load(module)()
    if request.made_with:
        names = (provenance.IMPLEMENTATION, provenance.HARNESS)
        provenance.verify_imports(module, {name: request.made_with[name] for name in names})
    send_message(Started())
    with timer.part("data"):
        folder = Path(request.dataset_folder) if request.dataset_folder else None
        dataset = datasets.load(config.dataset, folder)
        split = datasets.split(dataset, config.validation_fraction)
    if dataset.fingerprint not in request.summarised:
        send_message(DataLoaded(summary=datasets.summarise(dataset)))
    result = train(implementation, config, split, timer, send_message)
    return msgspec.structs.replace(result, dataset_fingerprint=dataset.fingerprint)


def _failure(status: Status, error: BaseException, message: str) -> Result:
    traceback.print_exception(error)
    text = "".join(traceback.format_exception(error))
    return Result(
        status=status,
        error=RunError(type=type(error).__name__, message=message, traceback=text),
    )


def send(channel: BinaryIO, message: Message) -> None:
    """Write one message as a line."""
    channel.write(msgspec.json.encode(message) + b"\n")
    channel.flush()
