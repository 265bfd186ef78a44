"""The contract between the harness and an implementation: what is trained, and by which methods.

Standard library and NumPy only: an implementation depends on this module, and this module on
nothing else of the project. It stays at this path: `bench-compare` imports it from old revisions.
"""

from __future__ import annotations

from dataclasses import dataclass
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
