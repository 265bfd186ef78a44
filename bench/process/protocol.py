"""What a run's process is told, and what it says: one line of JSON each."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.config.schema import RunConfig
from bench.records import DatasetSummary, EpochRecord, RunError, Status


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """To the process: what to run."""

    config: RunConfig
    dataset_folder: str | None
    summarised: tuple[str, ...] = ()  # fingerprints of data of which no summary is wanted


class Started(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process: everything is imported, work begins."""


class DataLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process, unless it is known already: what a report shows of the data."""

    summary: DatasetSummary


class EpochEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process: one more epoch is trained and judged."""

    epoch: EpochRecord
    examples_per_second: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the process, last: all it knows of its run. Seconds by the names of the ledger."""

    status: Status
    error: RunError | None = None
    seconds: dict[str, float] = {}
    environment: dict[str, Any] = {}
    imported: tuple[str, ...] = ()  # top-level modules
    epochs: tuple[EpochRecord, ...] = ()
    test_loss: float | None = None
    test_accuracy: float | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] | None = None
    examples_per_epoch: int | None = None
    examples_per_second: float | None = None
    flops_utilisation: float | None = None
    peak_memory_bytes: int | None = None
    dataset_fingerprint: str | None = None
    sample_predictions: tuple[int, ...] = ()


Message = Started | DataLoaded | EpochEnded | Result
