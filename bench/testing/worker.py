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
    """Check the implementation of the configurations on stdin; send a line for each check.

    There is a configuration for each recipe that the implementation claims.
    """
    channel = open_channel()
    configs = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[RunConfig, ...])
    module = configs[0].implementation.module
    subject = None
    for name, check in CHECKS.items():
        unavailable = False
        try:
            subject = subject or Subject(registry.load(module), configs)
            problem = check(subject)
        except UnavailableError as error:
            problem, unavailable = str(error), True
        except (Exception, SystemExit) as error:  # noqa: BLE001  # frameworks raise anything
            traceback.print_exception(error)
            problem = _explain(error)
        check_name = f"import of {module}" if subject is None else name
        send(channel, CheckResult(check=check_name, problem=problem, unavailable=unavailable))
        if subject is None or unavailable:
            break
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
