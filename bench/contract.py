"""The nouns everything else is written in: what is trained, who trains it, what is recorded.

Standard library and NumPy only. A training framework is never imported here, so that an
implementation can depend on this module and this module on nobody.

Records have slots: msgspec, which reads them, leaves the defaults of other dataclasses unset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.int64]
Batches = npt.NDArray[np.int64]  # (n_steps, batch_size), rows of Problem.train_images


class Layer(NamedTuple):
    """One dense layer: ``outputs = inputs @ weights + bias``."""

    weights: FloatArray  # (fan_in, fan_out)
    bias: FloatArray  # (fan_out,)


Parameters = tuple[Layer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The equations of training: what is minimised, and how. g is the mean loss's gradient.

    Losses of one example, with outputs p and one-hot truth y over K = 10 classes:
    cross_entropy ``-sum_k y_k log p_k``, mean_squared_error ``sum_k (p_k - y_k)^2 / K``,
    half_squared_error ``sum_k (p_k - y_k)^2 / 2``. A batch's loss is the mean over its examples.

    Optimizers, with every state zero at first and t = 1 at the first update:
    sgd ``p -= rate g``; momentum ``v = momentum v - rate g; p += v``; adam in Kingma and Ba's
    second form (arXiv:1412.6980, end of section 2), ``m = b1 m + (1 - b1) g;
    v = b2 v + (1 - b2) g^2; p -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)``.
    """

    name: str
    activation: Literal["relu", "sigmoid", "tanh"]  # of the hidden layers
    output: Literal["softmax", "sigmoid"]
    loss: Literal["cross_entropy", "mean_squared_error", "half_squared_error"]
    optimizer: Literal["sgd", "momentum", "adam"]
    initializer: Literal["he_normal", "glorot_uniform", "notebook"]
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """All that an implementation is told about one run.

    Attributes:
        train_images: (n, 784) float32 in [0, 1].
        train_labels: (n,) int64 in 0..9.
        layer_sizes: units of each layer, input and output included, such as (784, 128, 10).
        learning_rate: positive.
        device: ``cpu`` or ``gpu``.
        threads: cores this run may keep busy; the process is already bound to that many.
        options: the implementation's own settings, from its YAML file.
    """

    train_images: FloatArray
    train_labels: LabelArray
    layer_sizes: tuple[int, ...]
    recipe: Recipe
    learning_rate: float
    device: Literal["cpu", "gpu"]
    threads: int
    options: dict[str, Any]


class UnavailableError(Exception):
    """This run can't take place on this machine; the message says how to make it possible."""


class Implementation(Protocol):
    """Trains one multilayer perceptron. Called in the order in which the methods stand here.

    The harness owns initial parameters, batch order, equations and cores;
    an implementation owns how it computes them. It may start threads, and processes of its own;
    they count as the run's, and those that are left when the run ends are ended with it.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build the model from copies of `parameters` and lay the data out as suits it.

        Raises:
            UnavailableError: `problem.device` does not exist here.
        """

    def warm_up(self, batches: Batches) -> None:
        """Compile and touch all that `train_epoch` will run on batches of this shape. Not timed as
        training. Leaves the parameters and the optimizer's state as they were."""

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches`, in order; return once the last one is finished.

        Returns:
            Mean over the rows of the batch's mean loss, each taken before its update.
        """

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return the last layer's sums, before softmax or sigmoid: (n, 784) -> (n, 10) float32."""

    def parameters(self) -> Parameters:
        """Return the current parameters as NumPy arrays that later training does not change."""


@runtime_checkable
class ReportsOnDevice(Protocol):
    """What an implementation may offer besides, for its runs with ``device=gpu``. Called last."""

    def device_name(self) -> str:
        """Return the name of the device that was trained on, such as ``NVIDIA H100 80GB HBM3``."""

    def peak_device_memory_bytes(self) -> int | None:
        """Return the most memory of the device that was in use, by the framework's own counter;
        None where it does not count."""


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
