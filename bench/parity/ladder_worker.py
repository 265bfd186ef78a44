"""The process of the parity checks, forked by `bench.process.fork_server`."""

import dataclasses
import os
import sys
import traceback

import msgspec

from bench import provenance, registry
from bench.config.schema import RunConfig
from bench.parity.ladder import Ladder
from bench.process.protocol import CODE_CHANGED_STATUS, describe_error, open_channel, send
from bench.records import Verdict

Request = list[tuple[RunConfig, Verdict]]  # runs with the same implementation; pending verdicts


def main() -> None:
    """Send a verdict for each run of the request on standard input, one line per verdict."""
    channel = open_channel()
    status = 0
    try:
        for config, pending in msgspec.json.decode(sys.stdin.buffer.read(), type=Request):
            send(channel, _check(config, pending))
    except provenance.CodeChangedError as error:
        traceback.print_exception(error)
        status = CODE_CHANGED_STATUS
    sys.stderr.flush()
    os._exit(status)  # the shutdown of a framework may take a second


def _check(config: RunConfig, pending: Verdict) -> Verdict:
    module = config.implementation.module
    try:
        build = registry.load(module)
        provenance.verify_imports(
            module,
            {provenance.IMPLEMENTATION: pending.source, provenance.LADDER: pending.ladder},
        )
        return dataclasses.replace(pending, rungs=Ladder(build, config).measure_rungs())
    except provenance.CodeChangedError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # frameworks raise anything
        return dataclasses.replace(pending, error=describe_error(error))
