"""The process of the parity checks, forked by `bench.process.fork_server`."""

import dataclasses
import os
import sys
import traceback

import msgspec

from bench import provenance, registry
from bench.config.schema import RunConfig
from bench.parity.ladder import Ladder
from bench.parity.protocol import ParityRequest
from bench.process.protocol import CODE_CHANGED_STATUS, open_channel
from bench.records import RunError, Verdict


def main() -> None:
    """Answer the request on standard input with a verdict for each configuration, a line each."""
    channel = open_channel()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=ParityRequest)
    status = 0
    try:
        for config, pending in zip(request.configs, request.pending, strict=True):
            channel.write(msgspec.json.encode(_check(config, pending)) + b"\n")
            channel.flush()
    except provenance.CodeChangedError as error:
        traceback.print_exception(error)
        status = CODE_CHANGED_STATUS
    sys.stderr.flush()
    os._exit(status)  # a framework may take a second to shut down


def _check(config: RunConfig, pending: Verdict) -> Verdict:
    module = config.implementation.module
    try:
        build = registry.load(module)
        provenance.verify_imports(
            module,
            {provenance.IMPLEMENTATION: pending.source, provenance.LADDER: pending.ladder},
        )
        return dataclasses.replace(pending, rungs=Ladder(build, config).climb())
    except provenance.CodeChangedError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a framework raises
        traceback.print_exception(error)
        failure = RunError(
            type=type(error).__name__,
            message=str(error),
            traceback="".join(traceback.format_exception(error)),
        )
        return dataclasses.replace(pending, error=failure)
