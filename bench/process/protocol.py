"""Messages between `bench` and the process of a run: one line of JSON for each message."""

from __future__ import annotations

import os
import sys
import traceback
from typing import BinaryIO

import msgspec

from bench.config.schema import RunConfig
from bench.records import DatasetSummary, RunError
from bench.training.result import EpochEnded, Result

CODE_CHANGED_STATUS = 114  # exit status of a process that has imported other code than requested


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """To the process: the run.

    Attributes:
        config: the configuration of the run.
        dataset_folder: folder of the dataset's files; None for synthetic data.
        summarised: fingerprints of datasets; the process sends no summary of these.
        made_with: fingerprints of the code, from `bench.provenance.run_fingerprint`; a process that
            has imported other code refuses to run. If empty, the code is not checked.
    """

    config: RunConfig
    dataset_folder: str | None
    summarised: tuple[str, ...] = ()
    made_with: dict[str, str] = {}


class Started(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process: all imports are finished."""


class DataLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process: a summary of the dataset, unless `Request.summarised` contains it."""

    summary: DatasetSummary


Message = Started | DataLoaded | EpochEnded | Result


def open_channel() -> BinaryIO:
    """Return the original standard output; from now on, prints go to standard error."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel


def send(channel: BinaryIO, message: object) -> None:
    """Write one message as a line of JSON."""
    channel.write(msgspec.json.encode(message) + b"\n")
    channel.flush()


def describe_error(error: BaseException, message: str | None = None) -> RunError:
    """Print the traceback of an exception, and return the exception for a record.

    Args:
        error: the exception.
        message: replaces the message of the exception.
    """
    text = "".join(traceback.format_exception(error))
    print(text, end="", file=sys.stderr)
    return RunError(type=type(error).__name__, message=message or str(error), traceback=text)
