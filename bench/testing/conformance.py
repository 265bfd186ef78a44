"""What the contract says about an implementation, as checks. Parity checks what it computes.

Each check builds the models that it needs, and returns why the implementation fails; "" if it
passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from bench.config.schema import RunConfig
from bench.contract import (
    Batches,
    FloatArray,
    Implementation,
    Layer,
    Parameters,
    Problem,
    ReportsOnDevice,
)
from bench.parity.reference import Reference
from bench.training import sampling

SIZES = (784, 32, 16, 10)
N_EXAMPLES = 256
N_STEPS = 8
N_EPOCHS = 8
# The checks that need one recipe use this one, if it is claimed.
USUAL_RECIPE = "relu_softmax_sgd"
LEARNING_RATES = {"sgd": 0.1, "momentum": 0.1, "adam": 0.001}

LOGITS_TOLERANCE = 1e-4
REPEAT_TOLERANCE = 1e-6  # between two trainings that must be equal
MIN_DIFFERENCE = 1e-4  # between two trainings that must differ


class Subject:
    """An implementation, and the recipes to check it with."""

    def __init__(self, build: Callable[[], Implementation], configs: Sequence[RunConfig]) -> None:
        """Choose recipes.

        Args:
            build: the class `MLP`.
            configs: one for each recipe that it claims.
        """
        self._build = build
        usual = [config for config in configs if config.recipe.name == USUAL_RECIPE]
        self.config = [*usual, *configs][0]
        # One recipe for each optimizer.
        self.optimizers = {config.recipe.optimizer: config for config in reversed(configs)}
        self.images = self._problem(self.config).train_images
        self.initial = self._initial(self.config)

    def set_up(self, config: RunConfig | None = None) -> Implementation:
        """Return a new model with the parameters of seed 0."""
        config = config or self.config
        model = self._build()
        # The same arrays each time: implementations must not change them.
        initial = self.initial if config is self.config else self._initial(config)
        model.setup(self._problem(config), initial)
        return model

    def reference_logits(self) -> FloatArray:
        """Return the logits of the initial parameters for all images."""
        reference = Reference(self.initial, self.config.recipe, 0.1)
        return reference.logits(self.images).astype(np.float32)

    @staticmethod
    def _initial(config: RunConfig) -> Parameters:
        return sampling.initial_parameters(0, SIZES, config.recipe.initializer)

    @staticmethod
    def _problem(config: RunConfig) -> Problem:
        generator = np.random.default_rng(0)
        return Problem(
            train_images=generator.random((N_EXAMPLES, SIZES[0]), dtype=np.float32),
            train_labels=generator.integers(0, SIZES[-1], N_EXAMPLES),
            layer_sizes=SIZES,
            recipe=config.recipe,
            learning_rate=LEARNING_RATES[config.recipe.optimizer],
            device=config.device,
            threads=len(config.cores),
            options=config.implementation.options,
        )


def batches() -> Batches:
    """Return the batches of an epoch."""
    return sampling.batches(0, 1, N_EXAMPLES, N_EXAMPLES // N_STEPS)


def distance(parameters: Parameters, others: Parameters) -> float:
    """Return the largest difference between two sets of parameters; infinite if shapes differ."""
    arrays, other_arrays = (
        [np.asarray(array, np.float64) for layer in each for array in layer]
        for each in (parameters, others)
    )
    if [array.shape for array in arrays] != [array.shape for array in other_arrays]:
        return math.inf
    return max(
        float(np.abs(array - other).max())
        for array, other in zip(arrays, other_arrays, strict=True)
    )


def setup_uses_the_given_parameters(subject: Subject) -> str:
    """Compare the parameters of a new model with those that it was given."""
    parameters = subject.set_up().parameters()
    kinds = {
        f"{type(array).__name__} of {array.dtype}"
        for layer in parameters
        for array in layer
        if not isinstance(array, np.ndarray) or array.dtype != np.float32
    }
    if kinds:
        return f"parameters() returns {', '.join(sorted(kinds))}, not NumPy arrays of float32"
    difference = distance(parameters, subject.initial)
    return f"they differ by {difference:.1e}" if difference != 0 else ""


def setup_copies_the_given_parameters(subject: Subject) -> str:
    """Train, and check that the given arrays have not changed."""
    before = tuple(Layer(*(array.copy() for array in layer)) for layer in subject.initial)
    subject.set_up().train_epoch(batches())
    changed = distance(subject.initial, before) != 0
    return "training has changed the arrays that setup was given" if changed else ""


def predict_scores_returns_logits(subject: Subject) -> str:
    """Compare the logits of a new model with the reference."""
    logits = subject.set_up().predict_scores(subject.images)
    if not isinstance(logits, np.ndarray) or logits.shape != (N_EXAMPLES, SIZES[-1]):
        return f"it returns {type(logits).__name__} of shape {np.shape(logits)}, not (n, 10)"
    if logits.dtype != np.float32:
        return f"it returns {logits.dtype}, not float32"
    difference = float(np.abs(logits - subject.reference_logits()).max())
    if not difference < LOGITS_TOLERANCE:
        return f"they differ from the logits of the reference by {difference:.1e}"
    return ""


def warm_up_changes_nothing(subject: Subject) -> str:
    """Compare parameters and logits before and after warm_up."""
    model = subject.set_up()
    before = model.predict_scores(subject.images)
    model.warm_up(batches())
    if distance(model.parameters(), subject.initial) != 0:
        return "it changes the parameters"
    if not np.array_equal(model.predict_scores(subject.images), before):
        return "it changes the logits"
    return ""


def warm_up_keeps_the_state_of_optimizers(subject: Subject) -> str:
    """Compare an epoch after warm_up with an epoch without, for each optimizer."""
    for optimizer, config in subject.optimizers.items():
        cold, warm = subject.set_up(config), subject.set_up(config)
        warm.warm_up(batches())
        loss, expected = warm.train_epoch(batches()), cold.train_epoch(batches())
        difference = distance(warm.parameters(), cold.parameters())
        equal_losses = math.isclose(loss, expected, rel_tol=REPEAT_TOLERANCE)
        if not (equal_losses and difference <= REPEAT_TOLERANCE):
            return (
                f"with {optimizer}, an epoch after warm_up differs from one without: loss {loss} "
                f"and {expected}, parameters by {difference:.1e}"
            )
    return ""


def train_epoch_lowers_the_loss(subject: Subject) -> str:
    """Train for several epochs."""
    model = subject.set_up()
    losses = [model.train_epoch(batches()) for _ in range(N_EPOCHS)]
    if not all(isinstance(loss, float) for loss in losses):
        return f"it returns {type(losses[0]).__name__}, not float"
    if not losses[-1] < losses[0]:
        return f"the loss is {losses[0]} in the first epoch and {losses[-1]} in the last"
    return ""


def train_epoch_keeps_the_order_of_batches(subject: Subject) -> str:
    """Train on the batches in two orders: the parameters must differ."""
    forwards, backwards = subject.set_up(), subject.set_up()
    forwards.train_epoch(batches())
    backwards.train_epoch(np.ascontiguousarray(batches()[::-1]))
    difference = distance(forwards.parameters(), backwards.parameters())
    return "" if difference > MIN_DIFFERENCE else "batches in reverse order give the same result"


def parameters_returns_copies(subject: Subject) -> str:
    """Train after a call of parameters()."""
    model = subject.set_up()
    parameters = model.parameters()
    copies = tuple(Layer(*(array.copy() for array in layer)) for layer in parameters)
    model.train_epoch(batches())
    if distance(parameters, copies) != 0:
        return "training changes the arrays that it has returned"
    if distance(model.parameters(), copies) == 0:
        return "training does not change what it returns"
    return ""


def a_gpu_is_reported_on(subject: Subject) -> str:
    """Look for the optional methods, if the implementation claims to run on a GPU."""
    has_gpu = "gpu" in subject.config.implementation.devices
    if has_gpu and not isinstance(subject.set_up(), ReportsOnDevice):
        return "devices contains gpu: write device_name and peak_device_memory_bytes, too"
    return ""


CHECKS: dict[str, Callable[[Subject], str]] = {
    "setup uses the given parameters": setup_uses_the_given_parameters,
    "predict_scores returns the logits": predict_scores_returns_logits,
    "parameters returns copies": parameters_returns_copies,
    "setup copies the given parameters": setup_copies_the_given_parameters,
    "train_epoch lowers the loss": train_epoch_lowers_the_loss,
    "train_epoch keeps the order of batches": train_epoch_keeps_the_order_of_batches,
    "warm_up changes nothing": warm_up_changes_nothing,
    "warm_up keeps the state of optimizers": warm_up_keeps_the_state_of_optimizers,
    "a GPU is reported on": a_gpu_is_reported_on,
}
