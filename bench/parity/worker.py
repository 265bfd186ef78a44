"""The ladder's own process, started by `bench.process.fork_server`, request on standard input."""

import dataclasses
import os
import sys
import traceback

import msgspec

from bench import registry
from bench.config.schema import RunConfig
from bench.parity.gate import Examination
from bench.parity.ladder import Ladder
from bench.process.supervisor import open_channel
from bench.records import RunError, Verdict


def main() -> None:
    """Answer with a verdict for each configuration, a line each."""
    channel = open_channel()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Examination)
    for config, unjudged in zip(request.configs, request.unjudged, strict=True):
        channel.write(msgspec.json.encode(_judge(config, unjudged)) + b"\n")
        channel.flush()
    sys.stderr.flush()
    os._exit(0)  # all is said; a framework may take a second to shut down


def _judge(config: RunConfig, unjudged: Verdict) -> Verdict:
    try:
        build = registry.load(config.implementation.module)
        return dataclasses.replace(unjudged, rungs=Ladder(build, config).climb())
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a framework raises
        traceback.print_exception(error)
        failure = RunError(
            type=type(error).__name__,
            message=str(error),
            traceback="".join(traceback.format_exception(error)),
        )
        return dataclasses.replace(unjudged, error=failure)
