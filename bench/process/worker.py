"""A run's own process, started by `bench.process.fork_server`, with the request on standard input.

Messages go out on what was standard output; all that anything prints goes to standard error, which
is the run's log.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench import registry
from bench.contract import UnavailableError
from bench.data import datasets
from bench.machine import facts, usage
from bench.process.protocol import (
    DataLoaded,
    Message,
    Request,
    Result,
    Started,
)
from bench.process.supervisor import open_channel
from bench.records import RunError, Status
from bench.training.loop import train
from bench.training.timer import Timer

# What frameworks call it, in the names of their errors or in what those say.
OUT_OF_MEMORY = ("ResourceExhausted", "OutOfMemory", "RESOURCE_EXHAUSTED", "can't allocate memory")


def main() -> None:
    """Run what is asked for on standard input."""
    channel = open_channel()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    ledger = Timer()
    result = attempt(request, ledger, lambda message: send(channel, message))
    send(
        channel,
        msgspec.structs.replace(
            result,
            seconds=dict(ledger.seconds),
            imported=tuple({name.partition(".")[0] for name in sys.modules}),
            peak_memory_bytes=result.peak_memory_bytes or usage.peak_memory_bytes(),
        ),
    )
    # All is said. A framework may take a second to shut down, which would count as the run's time.
    sys.stderr.flush()
    os._exit(0)


def attempt(request: Request, ledger: Timer, say: Callable[[Message], None]) -> Result:
    """Run, and turn every way in which that can fail into a result."""
    try:
        return run(request, ledger, say)
    except UnavailableError as error:
        return Result(
            status="skipped",
            error=RunError(type="Unavailable", message=facts.adapt_commands(str(error))),
        )
    except MemoryError as error:
        limit = request.config.memory_limit
        within = f" within memory_limit={limit}" if limit else ""
        return _failure("out_of_memory", error, f"no memory left{within}")
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a framework raises is a result
        ran_out = any(sign in f"{type(error).__name__}: {error}" for sign in OUT_OF_MEMORY)
        return _failure("out_of_memory" if ran_out else "failed", error)


def run(request: Request, ledger: Timer, say: Callable[[Message], None]) -> Result:
    """Import the implementation, load the data, train."""
    config = request.config
    implementation = registry.load(config.implementation.module)()
    say(Started())
    with ledger.part("data"):
        folder = Path(request.dataset_folder) if request.dataset_folder else None
        dataset = datasets.load(config.dataset, folder)
        split = datasets.split(dataset, config.validation_fraction)
    if dataset.fingerprint not in request.summarised:
        say(DataLoaded(summary=datasets.summarise(dataset)))
    result = train(implementation, config, split, ledger, say)
    return msgspec.structs.replace(result, dataset_fingerprint=dataset.fingerprint)


def _failure(status: Status, error: BaseException, message: str = "") -> Result:
    traceback.print_exception(error)
    return Result(
        status=status,
        error=RunError(
            type=type(error).__name__,
            message=message or str(error),
            traceback="".join(traceback.format_exception(error)),
        ),
    )


def send(channel: BinaryIO, message: Message) -> None:
    """Write one message."""
    channel.write(msgspec.json.encode(message) + b"\n")
    channel.flush()
