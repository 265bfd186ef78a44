"""Rungs 1 to 3 of the parity ladder: does an implementation compute what the recipe says?

1. Its gradients, told from one long step of plain descent, against central differences in float64.
2. One step of its own optimizer: the loss before, and every parameter after, against the float64
   reference.
3. Fifty steps: how far from the reference it ends, against how far it drifts by itself when its
   initial parameters are moved by one unit in the last place.

The fourth rung, whole runs, is in `bench.parity.whole_runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bench import sampling
from bench.config import RunConfig
from bench.contract import (
    Batches,
    FloatArray,
    Implementation,
    Layer,
    Parameters,
    Problem,
    Recipe,
    Rung,
)
from bench.parity.reference import Reference

Array = npt.NDArray[np.float64]

RELATIVE_BOUND = 1e-5
DRIFT_BOUND = 3.0  # times the implementation's own drift

# One layer is square, so that a transposed gradient is not found out by its shape alone.
LAYER_SIZES = (784, 24, 24, 10)
N_EXAMPLES = 256
BATCH_SIZE = 32
N_STEPS = 50
EPOCH_STEPS = 25  # two calls of train_epoch: what it keeps between them is a part of training

# Constants that float32 holds exactly, so that only the equations can differ: 1 - 0.999, in
# float32, is 1e-5 off already. And none of them is a default, so that they are seen to be obeyed.
MOMENTUM, BETA_1, BETA_2, EPSILON = 0.875, 0.875, 1 - 2**-10, 2**-10
# Long steps on the first two rungs, beside which the rounding of the parameters is small.
GRADIENT_RATE = 2.0**12
ONE_STEP_RATE = 1.0
FIFTY_STEPS_RATE = {"sgd": 2**-4, "momentum": 2**-4, "adam": 2**-10}

N_DIFFERENCES = 40  # entries of each array that are checked by central differences
DIFFERENCE_STEP = 1e-5


@dataclass(frozen=True)
class Ladder:
    """The rungs for one implementation and one recipe."""

    build: Callable[[], Implementation]
    config: RunConfig

    def climb(self) -> tuple[Rung, ...]:
        """Measure every rung, also above one that is not passed."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return (
                _rung(1, self.gradient_distance(), RELATIVE_BOUND),
                _rung(2, self.one_step_distance(), RELATIVE_BOUND),
                _rung(3, *self.fifty_steps_distance_and_bound()),
            )

    def gradient_distance(self) -> float:
        """Return the largest relative error of a gradient's entries, array by array."""
        # The first step of momentum is one of plain descent; that of Adam hides the gradient.
        recipe = self.config.recipe
        plain = replace(recipe, optimizer="sgd") if recipe.optimizer == "adam" else recipe
        problem = self._problem(plain, GRADIENT_RATE)
        start, rows = self._start(), self._batches()[:1]
        after, _ = self._train(problem, start, rows)
        images, labels = problem.train_images[rows[0]], problem.train_labels[rows[0]]
        found = [
            (before - now) / problem.learning_rate
            for before, now in zip(_arrays(start), _arrays(after), strict=True)
        ]
        reference = Reference(start, problem.recipe, problem.learning_rate)
        generator = np.random.default_rng(1)
        errors = []
        for array, gradient in zip(reference.arrays, found, strict=True):
            places = generator.choice(array.size, min(array.size, N_DIFFERENCES), replace=False)
            numeric = [
                _central_difference(reference, array, place, images, labels) for place in places
            ]
            errors.append(_relative(gradient.ravel()[places] - numeric, np.asarray(numeric)))
        return max(errors)

    def one_step_distance(self) -> float:
        """Return the larger of the loss's relative error and that of an array's update."""
        problem = self._problem(self.config.recipe, ONE_STEP_RATE)
        start, rows = self._start(), self._batches()[:1]
        after, loss = self._train(problem, start, rows)
        reference = Reference(start, problem.recipe, problem.learning_rate)
        expected = reference.step(problem.train_images[rows[0]], problem.train_labels[rows[0]])
        errors = [abs(loss - expected) / expected]
        for before, now, goal in zip(_arrays(start), _arrays(after), reference.arrays, strict=True):
            errors.append(_relative(now - goal, goal - before))
        return max(errors)

    def fifty_steps_distance_and_bound(self) -> tuple[float, float]:
        """Return how far from the reference it ends, and the bound that its own drift sets.

        One weight moved by one unit in the last place often changes nothing at all, so every
        parameter is moved by one unit, up or down at random.
        """
        recipe = self.config.recipe
        problem = self._problem(recipe, FIFTY_STEPS_RATE[recipe.optimizer])
        start, batches = self._start(), self._batches()
        reference = Reference(start, problem.recipe, problem.learning_rate)
        for rows in batches:
            reference.step(problem.train_images[rows], problem.train_labels[rows])
        after, _ = self._train(problem, start, batches)
        moved, _ = self._train(problem, _moved_by_one_unit(start), batches)
        distance = _distance(_arrays(after), reference.arrays)
        return distance, DRIFT_BOUND * _distance(_arrays(after), _arrays(moved))

    def _problem(self, recipe: Recipe, learning_rate: float) -> Problem:
        config = self.config
        generator = np.random.default_rng(0)
        images = generator.random((N_EXAMPLES, LAYER_SIZES[0]), dtype=np.float32)
        images *= generator.random(images.shape) < 0.5  # real images are half empty, too
        return Problem(
            train_images=images,
            train_labels=generator.integers(0, LAYER_SIZES[-1], N_EXAMPLES),
            layer_sizes=LAYER_SIZES,
            recipe=replace(
                recipe, momentum=MOMENTUM, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON
            ),
            learning_rate=learning_rate,
            device=config.device,
            threads=len(config.cores),
            options=config.implementation.options,
        )

    def _start(self) -> Parameters:
        return sampling.initial_parameters(0, LAYER_SIZES, self.config.recipe.initializer)

    def _batches(self) -> Batches:
        n_epochs = -(-N_STEPS * BATCH_SIZE // N_EXAMPLES)
        epochs = [sampling.batches(0, e, N_EXAMPLES, BATCH_SIZE) for e in range(n_epochs)]
        return np.concatenate(epochs)[:N_STEPS]

    def _train(
        self, problem: Problem, start: Parameters, batches: Batches
    ) -> tuple[Parameters, float]:
        """Return the parameters after all batches, and the last epoch's loss."""
        implementation = self.build()
        implementation.setup(problem, start)
        implementation.warm_up(batches[:EPOCH_STEPS])  # as in a run; it must change nothing
        for first in range(0, len(batches), EPOCH_STEPS):
            loss = implementation.train_epoch(batches[first : first + EPOCH_STEPS])
        return implementation.parameters(), loss


def _rung(number: int, distance: float, bound: float) -> Rung:
    """Put a rung together; what is not finite is far off."""
    if not np.isfinite(distance) or not np.isfinite(bound):
        return Rung(number=number, distance=None, bound=0.0)
    return Rung(number=number, distance=distance, bound=bound)


def _arrays(parameters: Parameters) -> list[Array]:
    """Return all weights and then all biases, in float64."""
    arrays = [layer.weights for layer in parameters] + [layer.bias for layer in parameters]
    return [array.astype(np.float64) for array in arrays]


def _relative(error: Array, scale: Array) -> float:
    return float(np.linalg.norm(error) / np.linalg.norm(scale))


def _distance(arrays: Sequence[Array], others: Sequence[Array]) -> float:
    squares = [np.sum((a - b) ** 2) for a, b in zip(arrays, others, strict=True)]
    return float(np.sqrt(np.sum(squares)))


def _moved_by_one_unit(parameters: Parameters) -> Parameters:
    """Return the parameters, each the next float32 up or down."""
    generator = np.random.default_rng(2)

    def moved(array: FloatArray) -> FloatArray:
        upwards = generator.random(array.shape) < 0.5
        return np.nextafter(array, np.where(upwards, np.inf, -np.inf).astype(np.float32))

    return tuple(Layer(moved(layer.weights), moved(layer.bias)) for layer in parameters)


def _central_difference(
    reference: Reference,
    array: Array,
    place: int,
    images: FloatArray,
    labels: npt.NDArray[np.int64],
) -> float:
    """Return (L(p + h) - L(p - h)) / 2h for one entry of an array of the reference."""
    flat = array.ravel()  # a view: the arrays are contiguous
    kept = flat[place]
    flat[place] = kept + DIFFERENCE_STEP
    above = reference.loss(images, labels)
    flat[place] = kept - DIFFERENCE_STEP
    below = reference.loss(images, labels)
    flat[place] = kept
    return (above - below) / (2 * DIFFERENCE_STEP)
