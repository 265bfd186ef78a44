"""Rungs 1 to 3 of the parity ladder: does an implementation compute the equations of its recipe?

1. Gradients: computed from one long step of plain gradient descent, and compared with central
   differences in float64.
2. One step of the recipe's optimizer: the loss before it and all parameters after it, compared with
   the float64 reference.
3. Fifty steps: the distance from the reference, compared with the implementation's own drift after
   its initial parameters are moved by one unit in the last place; and the returned losses. In
   batches, and one example at a time, which may use another code path.

The fourth rung, whole runs, is in `bench.parity.whole_runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bench.config.schema import RunConfig
from bench.contract import (
    Batches,
    FloatArray,
    Implementation,
    LabelArray,
    Parameters,
    Problem,
    Recipe,
)
from bench.parity.distances import (
    arrays_of,
    central_difference,
    distance_between,
    largest,
    moved_by_one_unit,
    relative,
)
from bench.parity.reference import Reference
from bench.records import N_CLASSES, N_PIXELS, RELATIVE_BOUND, Rung
from bench.training import sampling

DRIFT_BOUND = 3.0  # times the implementation's own drift

# One layer is square: there, a transposed gradient has the right shape but the wrong values.
LAYER_SIZES = (N_PIXELS, 24, 24, N_CLASSES)
N_EXAMPLES = 256
BATCH_SIZE = 128  # enough for an implementation to divide it among threads
FIFTY_STEPS_SIZES = (BATCH_SIZE, 1)  # examples per step
N_STEPS = 50
EPOCH_STEPS = 25  # so that two calls of train_epoch must share the optimizer state

# float32 represents these exactly, so that only the equations can differ: the error of 1 - 0.999 in
# float32 is 1e-5. None of them is a default, so that an implementation that ignores them fails.
MOMENTUM, BETA_1, BETA_2, EPSILON = 0.875, 0.875, 1 - 2**-10, 2**-10
# One step is long, so that the rounding of the parameters is small relative to it.
ONE_STEP_RATE = {"sgd": 2.0**12, "momentum": 2.0**12, "adam": 1.0}
FIFTY_STEPS_RATE = {"sgd": 2**-4, "momentum": 2**-4, "adam": 2**-10}

N_DIFFERENCES = 40  # entries of each array that are compared with central differences


@dataclass(frozen=True, kw_only=True)
class OneStep:
    """One step that an implementation has taken."""

    problem: Problem
    start: Parameters
    rows: npt.NDArray[np.int64]  # of the batch
    after: Parameters
    loss: float

    def gradient_distance(self) -> float:
        """Return the largest relative error of the gradient of an array.

        The gradient is the step of plain gradient descent divided by the learning rate. It is
        compared with differences of the reference's loss, which need only a forward pass.
        """
        images, labels = self._batch()
        reference = Reference(self.start, self.problem.recipe, self.problem.learning_rate)
        generator = np.random.default_rng(1)
        errors = []
        for array, before, now in zip(
            reference.arrays, arrays_of(self.start), arrays_of(self.after), strict=True
        ):
            indices = generator.choice(array.size, min(array.size, N_DIFFERENCES), replace=False)
            actual = (before - now).ravel()[indices] / self.problem.learning_rate
            numeric = np.array(
                [central_difference(reference, array, index, images, labels) for index in indices]
            )
            errors.append(relative(actual - numeric, numeric))
        return largest(errors)

    def distance(self) -> float:
        """Return the largest relative error of the loss and of the update of each array."""
        reference = Reference(self.start, self.problem.recipe, self.problem.learning_rate)
        expected = reference.step(*self._batch())
        errors = [relative(self.loss - expected, expected)]
        for before, now, goal in zip(
            arrays_of(self.start), arrays_of(self.after), reference.arrays, strict=True
        ):
            errors.append(relative(now - goal, goal - before))
        return largest(errors)

    def _batch(self) -> tuple[FloatArray, LabelArray]:
        return self.problem.train_images[self.rows], self.problem.train_labels[self.rows]


@dataclass(frozen=True)
class Ladder:
    """The rungs for one implementation and one recipe."""

    build: Callable[[], Implementation]
    config: RunConfig

    def measure_rungs(self) -> tuple[Rung, ...]:
        """Measure all rungs, also after a rung that fails."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            one_step = self._take_one_step(self.config.recipe)
            # The first step of momentum is plain gradient descent; the step of Adam is not.
            plain = one_step
            if self.config.recipe.optimizer == "adam":
                plain = self._take_one_step(replace(self.config.recipe, optimizer="sgd"))
            return (
                _rung(1, plain.gradient_distance(), RELATIVE_BOUND),
                _rung(2, one_step.distance(), RELATIVE_BOUND),
                _worst([rung for size in FIFTY_STEPS_SIZES for rung in self.fifty_steps(size)]),
            )

    def fifty_steps(self, batch_size: int) -> tuple[Rung, Rung]:
        """Train twice, from parameters that differ by one unit, and compare with the reference.

        All parameters are moved by one unit in the last place, up or down at random, because
        moving only one often changes nothing.

        Args:
            batch_size: examples per step.

        Returns:
            The distance from the reference after fifty steps, with a bound relative to the distance
            between the two trainings; and the largest relative error of a returned loss.
        """
        recipe = self.config.recipe
        problem = self._problem(recipe, FIFTY_STEPS_RATE[recipe.optimizer])
        start, batches = self._start(), self._batches(batch_size)
        reference = Reference(start, problem.recipe, problem.learning_rate)
        expected = [
            reference.step(problem.train_images[rows], problem.train_labels[rows])
            for rows in batches
        ]
        expected_means = np.reshape(expected, (-1, EPOCH_STEPS)).mean(axis=1)
        after, losses = self._train(problem, start, batches)
        moved, _ = self._train(problem, moved_by_one_unit(start), batches)
        distance = distance_between(arrays_of(after), reference.arrays)
        drift = distance_between(arrays_of(after), arrays_of(moved))
        loss_distance = largest(map(relative, np.subtract(losses, expected_means), expected_means))
        return _rung(3, distance, DRIFT_BOUND * drift), _rung(3, loss_distance, RELATIVE_BOUND)

    def _take_one_step(self, recipe: Recipe) -> OneStep:
        problem = self._problem(recipe, ONE_STEP_RATE[recipe.optimizer])
        start, batches = self._start(), self._batches(BATCH_SIZE)[:1]
        after, (loss,) = self._train(problem, start, batches)
        return OneStep(problem=problem, start=start, rows=batches[0], after=after, loss=loss)

    def _problem(self, recipe: Recipe, learning_rate: float) -> Problem:
        config = self.config
        generator = np.random.default_rng(0)
        # As in real images, half of the pixels are empty.
        levels = generator.integers(0, 256, (N_EXAMPLES, LAYER_SIZES[0]))
        levels[generator.random(levels.shape) < 0.5] = 0
        return Problem(
            train_images=levels.astype(np.float32) / np.float32(255),
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

    def _batches(self, batch_size: int) -> Batches:
        n_epochs = -(-N_STEPS * batch_size // N_EXAMPLES)
        epochs = [sampling.batches(0, e, N_EXAMPLES, batch_size) for e in range(n_epochs)]
        return np.concatenate(epochs)[:N_STEPS]

    def _train(
        self, problem: Problem, start: Parameters, batches: Batches
    ) -> tuple[Parameters, list[float]]:
        """Return the parameters after all batches, and every epoch's loss."""
        implementation = self.build()
        implementation.setup(problem, start)
        implementation.warm_up(batches[:EPOCH_STEPS])  # as in a run; must not change the state
        losses = [
            implementation.train_epoch(batches[first : first + EPOCH_STEPS])
            for first in range(0, len(batches), EPOCH_STEPS)
        ]
        return implementation.parameters(), losses


def _rung(number: int, distance: float, bound: float) -> Rung:
    """Build a rung; its distance is None if the distance or the bound is not finite."""
    if not np.isfinite(distance) or not np.isfinite(bound):
        return Rung(number=number, distance=None, bound=0.0)
    return Rung(number=number, distance=distance, bound=bound)


def _worst(rungs: Sequence[Rung]) -> Rung:
    """Return the rung whose distance exceeds its bound most, or is closest to it."""

    def excess(rung: Rung) -> float:
        return np.inf if rung.distance is None else rung.distance - rung.bound

    return max(rungs, key=excess)
