"""The process of one run, forked by `bench.process.fork_server`. It reads a `Request`.

Messages use the original standard output, saved by `open_channel`. Everything that is printed goes
to standard error, which is the log of the run.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from bench import provenance, registry
from bench.console import adapt_commands
from bench.contract import UnavailableError
from bench.data import datasets, splits
from bench.machine import usage
from bench.process.protocol import (
    CODE_CHANGED_STATUS,
    DataLoaded,
    Message,
    Request,
    Started,
    describe_error,
    open_channel,
    send,
)
from bench.records import RunError
from bench.training.loop import train
from bench.training.result import Result
from bench.training.timer import Timer

# How frameworks report that memory ran out: parts of error names or messages.
OUT_OF_MEMORY = (
    "ResourceExhausted", "OutOfMemory", "RESOURCE_EXHAUSTED", "can't allocate memory",
    "annot allocate memory", "cannot map zero-fill pages", "failed to map segment",
)  # fmt: skip


def main() -> None:
    """Execute the request on standard input, and send the result."""
    channel = open_channel()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    timer = Timer()
    try:
        result = _train_or_report(request, timer, lambda message: send(channel, message))
    except provenance.CodeChangedError as error:
        traceback.print_exception(error)
        _exit(CODE_CHANGED_STATUS)
    result = msgspec.structs.replace(
        result,
        seconds=dict(timer.seconds),
        imported=tuple({name.partition(".")[0] for name in sys.modules}),
        peak_memory_bytes=result.peak_memory_bytes or usage.peak_memory_bytes(),
    )
    send(channel, result)
    _exit(0)


def _exit(status: int) -> NoReturn:
    """Exit at once: a second for the shutdown of a framework would count as a part of the run."""
    sys.stderr.flush()
    os._exit(status)


def _train_or_report(
    request: Request, timer: Timer, send_message: Callable[[Message], None]
) -> Result:
    """Return the result without its seconds; an exception becomes a result with an error.

    Args:
        request: the run.
        timer: counts the seconds of the run.
        send_message: called with each message before the result.

    Raises:
        CodeChangedError: this process has imported other code than the request names.
    """
    try:
        return _load_and_train(request, timer, send_message)
    except provenance.CodeChangedError:
        raise
    except UnavailableError as error:
        message = adapt_commands(str(error))
        return Result(status="skipped", error=RunError(type="Unavailable", message=message))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # frameworks raise anything
        description = f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError) and request.config.memory_limit:
            # Python's parser raises it, too, if it can't allocate memory.
            message = f"memory_limit={request.config.memory_limit} may be too little to import it"
            described = describe_error(error, f"{message}: {description}")
            return Result(status="out_of_memory", error=described)
        if isinstance(error, MemoryError) or any(sign in description for sign in OUT_OF_MEMORY):
            limit = request.config.memory_limit
            message = (str(error) or "no memory left") + (
                f" (memory_limit={limit})" if limit else ""
            )
            return Result(status="out_of_memory", error=describe_error(error, message))
        return Result(status="failed", error=describe_error(error))


def _load_and_train(
    request: Request, timer: Timer, send_message: Callable[[Message], None]
) -> Result:
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
        split = splits.split(dataset, config.validation_fraction)
    if dataset.fingerprint not in request.summarised:
        send_message(DataLoaded(summary=datasets.summarise(dataset)))
    result = train(implementation, config, split, timer, send_message)
    return msgspec.structs.replace(result, dataset_fingerprint=dataset.fingerprint)
