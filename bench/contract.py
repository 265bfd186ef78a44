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

# Before a module is imported, this environment variable is set to the implementation's option
# `backend`, for libraries that read their backend when they are imported; "" without this option.
BACKEND_VARIABLE = "MLP_BENCH_BACKEND"


class Layer(NamedTuple):
    """One dense layer: ``outputs = inputs @ weights + bias``."""

    weights: FloatArray  # (fan_in, fan_out)
    bias: FloatArray  # (fan_out,)


Parameters = tuple[Layer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The equations of training: the loss, and how the optimizer minimises it.

    Loss of one example with outputs p and one-hot truth y over K = 10 classes:

    - cross_entropy: ``-sum_k y_k log p_k``
    - mean_squared_error: ``sum_k (p_k - y_k)^2 / K``
    - half_squared_error: ``sum_k (p_k - y_k)^2 / 2``

    The loss of a batch is the mean over its examples; g is its gradient.

    Optimizers, with all state zero at first and t = 1 at the first update:

    - sgd: ``p -= rate g``
    - momentum: ``v = momentum v - rate g; p += v``
    - adam, the second form of Kingma and Ba (arXiv:1412.6980, end of section 2):
      ``m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
      p -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)``

    Attributes:
        name: the name of its file in conf/recipe.
        activation: the activation of the hidden layers.
        output: the activation of the last layer.
        loss: see above.
        optimizer: see above.
        initializer: how initial parameters are drawn; see `bench.training.sampling`.
        momentum: the constant of the momentum optimizer, 0 to 1.
        beta_1: b1 of adam, 0 to 1.
        beta_2: b2 of adam, 0 to 1.
        epsilon: the constant in adam's denominator, above 0.
    """

    name: str
    activation: Literal["relu", "sigmoid", "tanh"]
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
    """The input of an implementation for one run.

    Attributes:
        train_images: (n, 784) float32 in [0, 1].
        train_labels: (n,) int64 in 0..9.
        layer_sizes: units of each layer, including input and output, such as (784, 128, 10).
        recipe: the equations.
        learning_rate: above 0.
        device: ``cpu`` or ``gpu``.
        threads: number of cores that the run may use; the process is already bound to them.
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
    """The run is impossible on this machine; the message says what would make it possible."""


class Implementation(Protocol):
    """Trains one multilayer perceptron. The methods are called in the order below.

    The harness provides what must be equal: initial parameters, batch order, equations and cores.
    An implementation decides how to compute. It may start threads and processes. Their time and
    memory count for the run, and remaining processes are killed at the end.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build the model and move the data to the device.

        Args:
            problem: the input of the run.
            parameters: initial parameters, float32, to be copied.

        Raises:
            UnavailableError: `problem.device` does not exist on this machine.
        """

    def warm_up(self, batches: Batches) -> None:
        """Compile and run everything that `train_epoch` needs; leave the state unchanged.

        Not counted as training time. Parameters and optimizer state are the same afterwards.

        Args:
            batches: (n_steps, batch_size) int64, of the shape that `train_epoch` will get.
        """

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches`, in order; return after the last one is finished.

        Args:
            batches: (n_steps, batch_size) int64, rows of `Problem.train_images`.

        Returns:
            The mean over all steps of the batch's mean loss before its update.
        """

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return the logits: the output of the last layer before softmax or sigmoid.

        Args:
            images: (n, 784) float32 in [0, 1].

        Returns:
            (n, 10) float32.
        """

    def parameters(self) -> Parameters:
        """Return copies of the current parameters as float32 NumPy arrays."""


@runtime_checkable
class ReportsOnDevice(Protocol):
    """Optional methods of an implementation that runs on a GPU. They are called last."""

    def device_name(self) -> str:
        """Return the name of the GPU, such as ``NVIDIA H100 80GB HBM3``."""

    def peak_device_memory_bytes(self) -> int | None:
        """Return the peak memory use of the GPU by the framework's counter, or None."""
