"""What the process of a run reads and writes: one line of JSON for each message."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

import msgspec

from bench.config.schema import RunConfig
from bench.records import DatasetSummary
from bench.training.result import EpochEnded, Result

CODE_CHANGED_STATUS = 114  # exit status of a process that has imported other code than it should


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """To the process: the run.

    Attributes:
        config: what to run.
        dataset_folder: where the dataset's files are; None for synthetic data.
        summarised: fingerprints of datasets of which no summary is needed any more.
        made_with: fingerprints of the code, as from `bench.provenance.run_fingerprint`; a process
            that has imported other code refuses to run. Empty: any code is accepted.
    """

    config: RunConfig
    dataset_folder: str | None
    summarised: tuple[str, ...] = ()
    made_with: dict[str, str] = {}


class Started(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process: everything is imported, work begins."""


class DataLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process, unless `Request.summarised` names the data: what a report shows of it."""

    summary: DatasetSummary


Message = Started | DataLoaded | EpochEnded | Result


def open_channel() -> BinaryIO:
    """Return what was standard output; from now on, all that is printed goes to standard error."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel
