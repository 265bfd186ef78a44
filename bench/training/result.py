"""Messages of a training process: one after every epoch, and the result at the end."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.records import EpochRecord, RunError, Status


class EpochEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An epoch has been trained and evaluated; sent after every epoch."""

    epoch: EpochRecord
    examples_per_second: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The result of a run; the last message of its process.

    Attributes:
        seconds: wall-clock seconds by name of the part, as in `bench.records.Seconds`.
        imported: names of the imported top-level modules.
    """

    status: Status
    error: RunError | None = None
    seconds: dict[str, float] = {}
    environment: dict[str, Any] = {}
    imported: tuple[str, ...] = ()
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
    test_mistakes: bytes | None = None
