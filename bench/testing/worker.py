"""The process of the contract checks, forked by `bench.process.fork_server`."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import msgspec

from bench import imports, registry
from bench.config.schema import RunConfig
from bench.contract import UnavailableError
from bench.process.protocol import open_channel, send
from bench.testing.conformance import CHECKS, Subject


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """To the process: a configuration for each recipe that the implementation claims."""

    configs: tuple[RunConfig, ...]


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """From the process: the result of one check.

    Attributes:
        check: what was checked, in words.
        problem: why it fails; "" if it passes.
        unavailable: whether the device does not exist on this machine.
    """

    check: str
    problem: str = ""
    unavailable: bool = False


def main() -> None:
    """Check the implementation of the request on standard input; send a line for each check."""
    channel = open_channel()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    module = request.configs[0].implementation.module
    try:
        subject = Subject(registry.load(module), request.configs)
        checks = CHECKS
    except (Exception, SystemExit) as error:  # noqa: BLE001  # frameworks raise anything
        traceback.print_exception(error)
        send(channel, CheckResult(check=f"import of {module}", problem=_explain(error)))
        checks = {}
    for name, check in checks.items():
        try:
            result = CheckResult(check=name, problem=check(subject))
        except UnavailableError as error:
            send(channel, CheckResult(check=name, problem=str(error), unavailable=True))
            break
        except (Exception, SystemExit) as error:  # noqa: BLE001
            traceback.print_exception(error)
            result = CheckResult(check=name, problem=_explain(error))
        send(channel, result)
    sys.stderr.flush()
    os._exit(0)  # the shutdown of a framework may take a second


def _explain(error: BaseException) -> str:
    """Return the type and text of an error, and the line of the implementation that raised it."""
    text = f"{type(error).__name__}: {error}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if any(path.is_relative_to(folder) for folder in imports.implementation_folders()):
            return f"{text} ({path}:{frame.lineno}, in {frame.name})"
    return text
