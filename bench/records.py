"""Records of runs, epochs, parity verdicts and datasets.

Records are dataclasses with slots: without slots, msgspec does not set their defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from msgspec import Meta

IMAGE_SIDE = 28  # pixels
N_PIXELS = IMAGE_SIDE**2
N_CLASSES = 10
PARITY_POINTS = 0.3  # percentage points of test accuracy that implementations may differ by
RELATIVE_BOUND = 1e-5  # on the relative errors that the parity ladder measures
# The largest bound of each rung. That of rung 3 is relative to the implementation's own drift, and
# was 2e-5 at most in practice.
MAX_RUNG_BOUNDS = {1: RELATIVE_BOUND, 2: RELATIVE_BOUND, 3: 1e-3}
MIN_LEARNED_ACCURACY = 1.5 / N_CLASSES  # below this, a model has learned no more than guessing

# Limits that are checked when a file is read: no run exceeds them, and sums of them are finite.
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0, le=1e18)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
_Size = Meta(min_length=N_CLASSES, max_length=N_CLASSES)
Matrix = Annotated[tuple[Annotated[tuple[Count, ...], _Size], ...], _Size]

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
    """Where a run's wall-clock time went; the parts sum to `total`, measured by the parent."""

    start_up: Amount = 0.0  # process and imports
    data: Amount = 0.0
    setup: Amount = 0.0
    warm_up: Amount = 0.0
    train: Amount = 0.0
    evaluate: Amount = 0.0
    ceiling: Amount = 0.0  # measuring the matrix multiplication that utilisation is a share of
    other: float = 0.0  # the rest, so rounding may make it negative
    total: Amount = 0.0


SECONDS_PARTS = tuple(part.name for part in fields(Seconds) if part.name != "total")


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRecord:
    """One epoch; epoch 0 is the model before training. None where not finite or not measured."""

    epoch: Count
    train_loss: float | None  # epoch 0: over the training set; later: mean over the batches
    validation_loss: float | None
    validation_accuracy: Share | None
    train_seconds: Amount
    evaluate_seconds: Amount
    training_set_loss: float | None = None  # after the epoch; with evaluate_training_set=true
    training_sample_loss: float | None = None  # after the epoch; decides whether a run diverged


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """One run: its configuration, environment and results; stored as record.json."""

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
    parameter_count: Count
    flops_per_example: Count
    epochs: tuple[EpochRecord, ...] = ()
    test_loss: float | None = None
    test_accuracy: Share | None = None
    confusion_matrix: Matrix | None = None  # 10 x 10, rows = truth
    examples_per_epoch: Count | None = None
    examples_per_second: Amount | None = None  # median over epochs
    flops_utilisation: Amount | None = None  # share of the measured ceiling, 0 to 1; on a CPU
    peak_memory_bytes: Count | None = None  # the run's processes; on a GPU, its own memory
    dataset_fingerprint: str | None = None  # the DatasetSummary's, in the sweep's folder
    sample_predictions: tuple[int, ...] = ()  # predicted classes of DatasetSummary.test_images
    # One bit per test image, the first image in the highest bit; set if the prediction was wrong.
    test_mistakes: bytes | None = None
    parity_key: str | None = None  # the Verdict's, for this run's code and versions
    made_with: dict[str, str] = field(default_factory=dict)  # hashes of code, versions of libraries
    config_dir: str | None = None  # absolute path of the folder given with --config-dir
    node: str | None = None  # identifies the machine, without its name
    block: str | None = None  # runs of one block were executed one after the other on one machine
    position: Count | None = None  # in its block, from 1
    attempt: Count | None = None  # number of the attempt at its block, from 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One step of the parity ladder: the distance of an implementation from the reference."""

    number: int
    distance: float | None  # None: not a finite number
    bound: float

    @property
    def passed(self) -> bool:
        """Whether the distance is within the bound, and the bound is one that the ladder uses."""
        return (
            self.distance is not None
            and 0 <= self.distance <= self.bound <= MAX_RUNG_BOUNDS.get(self.number, 0.0)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether an implementation computes its recipe's equations, and the conditions of the check.

    Stored in the sweep's folder as parity-*.json.
    """

    schema_version: int
    key: str  # SHA-256 of everything the verdict depends on, from `source` to `processor`
    implementation: str
    source: str  # SHA-256 of the implementation's module
    ladder: str  # SHA-256 of the code of the parity ladder
    options: dict[str, Any]
    equations: dict[str, str]  # activation, output, loss, optimizer, initializer
    device: str
    threads: int
    libraries: dict[str, str | None]
    processor: str
    checked_at: str  # ISO 8601, UTC
    rungs: tuple[Rung, ...] = ()
    error: RunError | None = None
    instructions: str = "auto"  # instructions that libraries could use; part of `key`

    @property
    def passed(self) -> bool:
        """Whether the ladder ran without an error, and all of its rungs passed."""
        return (
            self.error is None
            and not self.missing_rungs
            and all(rung.passed for rung in self.rungs)
        )

    @property
    def missing_rungs(self) -> tuple[int, ...]:
        """The numbers of the rungs that were not measured."""
        present = {rung.number for rung in self.rungs}
        return tuple(number for number in MAX_RUNG_BOUNDS if number not in present)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSummary:
    """The part of a dataset that a report shows; stored once per sweep, in its folder."""

    name: str
    fingerprint: str  # 8 hexadecimal digits
    class_names: tuple[str, ...]
    train_class_counts: tuple[int, ...]
    test_class_counts: tuple[int, ...]
    train_images: bytes  # the first 20 images, 784 grey levels each, 0 to 255
    train_labels: tuple[int, ...]
    test_images: bytes  # the first 20 images of the test set
    test_labels: tuple[int, ...]

    def class_name(self, label: int) -> str:
        """Return the name of a class."""
        return self.class_names[label] if 0 <= label < len(self.class_names) else f"class {label}"
