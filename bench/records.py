"""Records of runs, epochs, parity verdicts and datasets; and values derived from them.

Records are dataclasses with slots: without slots, msgspec does not set their defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def setting(record: RunRecord, *path: str) -> str | int | float | None:
    """Look up a plain value in a record's configuration.

    Args:
        record: its configuration may be of any shape, as it comes from a file.
        path: the keys that lead to the value, such as `"implementation", "name"`.

    Returns:
        The value, or None if it is missing, a list, a mapping or null.
    """
    value = lookup(record.config, *path)
    return value if isinstance(value, str | int | float) else None


def lookup(content: object, *path: str) -> Any:
    """Return the value that keys lead to in nested mappings; None if it is missing."""
    for key in path:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


def last_validation_accuracy(record: RunRecord) -> float | None:
    """Return the validation accuracy after the last epoch; None if the run is not done."""
    if record.status != "done" or not record.epochs:
        return None
    return record.epochs[-1].validation_accuracy


def score(record: RunRecord) -> float | None:
    """Return the number that decides which run is best; higher is better.

    It is the validation accuracy after the last epoch; without a validation set, the negative
    training loss of the last epoch, so that a run with a validation set comes first.

    Returns:
        The score, or None if the run is not done.
    """
    accuracy = last_validation_accuracy(record)
    if accuracy is not None or record.status != "done" or not record.epochs:
        return accuracy
    loss = record.epochs[-1].train_loss
    return None if loss is None else -loss


def best_runs(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the runs that share the highest score, in the order given; none if no run is done."""
    scored = [(value, record) for record in records if (value := score(record)) is not None]
    highest = max((value for value, _ in scored), default=None)
    return [record for value, record in scored if value == highest]


def has_learned(accuracies: Sequence[float | None]) -> bool:
    """Return whether any of these accuracies (0 to 1) is clearly higher than that of guessing."""
    return any(value is not None and value >= MIN_LEARNED_ACCURACY for value in accuracies)


def decisive_verdicts(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return one verdict per key: a failed one, or else a passed one, whatever their order."""

    def weight(verdict: Verdict) -> tuple[bool, bool, str]:
        return verdict.error is None, not verdict.passed, verdict.checked_at

    decisive: dict[str, Verdict] = {}
    for verdict in verdicts:
        decisive[verdict.key] = max(decisive.get(verdict.key, verdict), verdict, key=weight)
    return tuple(decisive.values())


def best_ranked_runs(records: Iterable[RunRecord], verdicts: Iterable[Verdict]) -> set[str]:
    """Return the ids of the best runs that passed the parity checks; only runs that have learned.

    Args:
        records: the runs.
        verdicts: results of the parity ladder.
    """
    passed = {verdict.key for verdict in decisive_verdicts(verdicts) if verdict.passed}
    best = best_runs(record for record in records if record.parity_key in passed)
    return {record.run_id for record in best if has_learned([last_validation_accuracy(record)])}


def flatten(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested mappings under its keys, joined by dots.

    Args:
        content: the mapping; an empty mapping yields nothing.
        prefix: the start of each key.

    Yields:
        Key and value, such as `"architecture.name", "one_hidden"`.
    """
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
