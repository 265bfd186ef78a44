"""What is recorded: one run, one epoch, a parity verdict, a dataset's summary.

Records have slots: msgspec, which reads them, does not set the defaults of dataclasses without.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "diverged", "failed", "timeout", "out_of_memory", "skipped"]
FINISHED: frozenset[Status] = frozenset({"done", "diverged"})
BROKEN: frozenset[Status] = frozenset({"failed", "timeout", "out_of_memory"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RunError:
    """Why a run has no result."""

    type: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """Where a run's wall-clock time went; the parts sum to `total`, seen from outside."""

    start_up: float = 0.0  # process and imports
    data: float = 0.0
    setup: float = 0.0
    warm_up: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0
    ceiling: float = 0.0  # measuring what this machine can do at best
    other: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRecord:
    """One epoch; epoch 0 is the model before training. None where not finite or not measured."""

    epoch: int
    train_loss: float | None  # epoch 0: over the training set; later: mean over the batches
    validation_loss: float | None
    validation_accuracy: float | None
    train_seconds: float
    evaluate_seconds: float
    training_set_loss: float | None = None  # after the epoch; where it was asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """All that is known of one run; stored as record.json."""

    schema_version: int
    run_id: str
    sweep_name: str
    status: Status
    error: RunError | None
    started_at: str  # ISO 8601, UTC
    finished_at: str
    config: dict[str, Any]
    config_hash: str
    environment: dict[str, Any]
    seconds: Seconds
    parameter_count: int
    flops_per_example: int
    epochs: tuple[EpochRecord, ...] = ()
    test_loss: float | None = None
    test_accuracy: float | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] | None = None  # 10 x 10, rows = truth
    examples_per_epoch: int | None = None
    examples_per_second: float | None = None  # median over epochs
    flops_utilisation: float | None = None  # share of the measured ceiling, 0 to 1; on a CPU
    peak_memory_bytes: int | None = None  # of the run's processes; on a GPU, of its own memory
    dataset_fingerprint: str | None = None  # names the DatasetSummary beside the record
    sample_predictions: tuple[int, ...] = ()  # classes given to DatasetSummary.test_images
    parity_key: str | None = None  # of the Verdict that this run's code and versions need
    made_with: dict[str, str] = field(default_factory=dict)  # hashes of code, versions of libraries


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One step of the parity ladder: how far an implementation was from where it should be."""

    number: int
    distance: float | None  # None: not a finite number
    bound: float

    @property
    def passed(self) -> bool:
        """Whether the distance is within the bound."""
        return self.distance is not None and self.distance <= self.bound


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether an implementation computes what it should, and of which code and versions that is
    known; stored beside the runs as parity-*.json."""

    schema_version: int
    key: str  # SHA-256 of all that the verdict holds for, from `source` to `processor`
    implementation: str
    source: str  # SHA-256 of the implementation's module
    ladder: str  # SHA-256 of the code that judges
    options: dict[str, Any]
    equations: dict[str, str]  # activation, output, loss, optimizer, initializer
    device: str
    threads: int
    libraries: dict[str, str | None]
    processor: str
    checked_at: str  # ISO 8601, UTC
    rungs: tuple[Rung, ...] = ()
    error: RunError | None = None

    @property
    def passed(self) -> bool:
        """Whether every rung was reached and passed."""
        return self.error is None and bool(self.rungs) and all(rung.passed for rung in self.rungs)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSummary:
    """What a report shows of the data; stored once a sweep, beside the runs."""

    name: str
    fingerprint: str  # 8 hexadecimal digits
    class_names: tuple[str, ...]
    train_class_counts: tuple[int, ...]
    test_class_counts: tuple[int, ...]
    train_images: bytes  # the first 20 images, 784 grey levels each, 0 to 255
    train_labels: tuple[int, ...]
    test_images: bytes  # the first 20 images of the test set
    test_labels: tuple[int, ...]
