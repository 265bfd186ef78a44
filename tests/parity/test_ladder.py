"""A correct implementation passes every rung; each planted mistake fails a named rung first.

The mistakes are planted in the notebook's loop, which computes in float64 and is plain to read.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.config.compose import compose_runs
from bench.parity import ladder
from bench.parity.ladder import BATCH_SIZE, LAYER_SIZES, Ladder
from implementations.notebook_mlp import MLP


@pytest.fixture
def small_batches(monkeypatch):
    """Take the fifty steps in batches of 8: a plain loop over 128 examples takes long."""
    monkeypatch.setattr(ladder, "FIFTY_STEPS_SIZES", (8, 1))


def configuration(recipe, implementation="notebook"):
    words = [f"implementation={implementation}", f"recipe={recipe}", "threads=1"]
    (config,) = compose_runs(words, default_name="test")
    return config


class SummedLoss(MLP):
    def train_epoch(self, batches):
        return BATCH_SIZE * super().train_epoch(batches)

    def _update(self, gradients):
        super()._update([BATCH_SIZE * gradient for gradient in gradients])


class NoDivisionByTheBatch(MLP):
    def _update(self, gradients):
        super()._update([BATCH_SIZE * gradient for gradient in gradients])


class BiasNotUpdated(MLP):
    def _update(self, gradients):
        kept = [bias.copy() for bias in self._biases]
        super()._update(gradients)
        self._biases = kept


class TransposedGradient(MLP):
    def _backpropagate(self, image, label):
        loss, gradients = super()._backpropagate(image, label)
        square = LAYER_SIZES[1:].index(LAYER_SIZES[1])
        gradients[square + 1] = gradients[square + 1].T
        return loss, gradients


class UnshuffledBatches(MLP):
    def train_epoch(self, batches):
        return super().train_epoch(np.sort(batches.ravel()).reshape(batches.shape))


class EpsilonInTheOtherPlace(MLP):
    """Adam's first form: epsilon is added to the corrected root."""

    def _update(self, gradients):
        recipe = self._recipe
        correction = np.sqrt(1 - recipe.beta_2 ** (self._n_steps + 1))
        self._recipe = replace(recipe, epsilon=recipe.epsilon * correction)
        super()._update(gradients)
        self._recipe = recipe


class MomentumAfterTheStep(MLP):
    def _update(self, gradients):
        rate, momentum = self._problem.learning_rate, self._recipe.momentum
        for array, velocity, gradient in zip(
            self._weights + self._biases, self._first_moments, gradients, strict=True
        ):
            array += velocity
            velocity *= momentum
            velocity -= rate * gradient


class NesterovMomentum(MLP):
    def _update(self, gradients):
        super()._update(gradients)
        rate, momentum = self._problem.learning_rate, self._recipe.momentum
        for array, velocity, gradient in zip(
            self._weights + self._biases, self._first_moments, gradients, strict=True
        ):
            array -= velocity
            array += momentum * velocity - rate * gradient


class StepsNotCounted(MLP):
    def _update(self, gradients):
        super()._update(gradients)
        self._n_steps = 0


class ConstantNotObeyed(MLP):
    def setup(self, problem, parameters):
        recipe = replace(problem.recipe, beta_1=0.9, momentum=0.9)
        super().setup(replace(problem, recipe=recipe), parameters)


class VelocityForgottenBetweenEpochs(MLP):
    def train_epoch(self, batches):
        self._first_moments = [np.zeros_like(array) for array in self._first_moments]
        return super().train_epoch(batches)


class WarmUpThatTrains(MLP):
    def warm_up(self, batches):
        self.train_epoch(batches[:1])


class LossAfterTheUpdate(MLP):
    def train_epoch(self, batches):
        super().train_epoch(batches)
        rows = batches[-1]
        pairs = zip(self._problem.train_images[rows], self._problem.train_labels[rows], strict=True)
        return float(np.mean([self._backpropagate(image, int(label))[0] for image, label in pairs]))


class WeightDecay(MLP):
    def _update(self, gradients):
        arrays = self._weights + self._biases
        super()._update([g + 1e-4 * array for g, array in zip(gradients, arrays, strict=True)])


class HalfPrecision(MLP):
    def setup(self, problem, parameters):
        images = problem.train_images.astype(np.float16).astype(np.float32)
        super().setup(replace(problem, train_images=images), parameters)


class NotANumber(MLP):
    def train_epoch(self, batches):
        self._weights[0][0, 0] = np.nan
        return super().train_epoch(batches)


class NotANumberInTheLastBias(MLP):
    """NaN only in the last array that is compared; all earlier distances are within bounds."""

    def parameters(self):
        parameters = super().parameters()
        parameters[-1].bias[0] = np.nan
        return parameters


class LossOfTheLastBatch(MLP):
    def train_epoch(self, batches):
        return [super(LossOfTheLastBatch, self).train_epoch(batch[None]) for batch in batches][-1]


class BiasNotUpdatedOneExampleAtATime(MLP):
    def train_epoch(self, batches):
        kept = [bias.copy() for bias in self._biases]
        loss = super().train_epoch(batches)
        if batches.shape[1] == 1:
            self._biases = kept
        return loss


MISTAKES = [
    (SummedLoss, "relu_softmax_sgd", 1),
    (NoDivisionByTheBatch, "relu_softmax_sgd", 1),
    (BiasNotUpdated, "tanh_softmax_sgd", 1),
    (TransposedGradient, "relu_softmax_sgd", 1),
    (MomentumAfterTheStep, "relu_softmax_momentum", 1),
    (NesterovMomentum, "relu_softmax_momentum", 1),
    (WarmUpThatTrains, "relu_softmax_sgd", 1),
    (WeightDecay, "relu_softmax_sgd", 1),
    (HalfPrecision, "relu_softmax_sgd", 1),
    (NotANumber, "relu_softmax_sgd", 1),
    (NotANumberInTheLastBias, "relu_softmax_sgd", 1),
    (EpsilonInTheOtherPlace, "relu_softmax_adam", 2),
    (LossAfterTheUpdate, "sigmoid_sigmoid_half_squared_sgd", 2),
    (UnshuffledBatches, "relu_softmax_sgd", 3),
    (StepsNotCounted, "relu_softmax_adam", 3),
    (ConstantNotObeyed, "relu_softmax_adam", 3),
    (ConstantNotObeyed, "relu_softmax_momentum", 3),
    (VelocityForgottenBetweenEpochs, "relu_softmax_momentum", 3),
    (LossOfTheLastBatch, "relu_softmax_sgd", 3),
    (BiasNotUpdatedOneExampleAtATime, "relu_softmax_sgd", 3),
]


@pytest.mark.parametrize(("mistake", "recipe", "rung"), MISTAKES)
def test_a_planted_mistake_fails_this_rung_first(mistake, recipe, rung, small_batches):
    rungs = Ladder(mistake, configuration(recipe)).measure_rungs()
    assert [measured.number for measured in rungs] == [1, 2, 3]
    failed = [measured.number for measured in rungs if not measured.passed]
    assert failed[:1] == [rung]


@pytest.mark.parametrize("recipe", sorted({recipe for _, recipe, _ in MISTAKES}))
def test_without_a_mistake_no_rung_is_near_its_bound(recipe, small_batches):
    for rung in Ladder(MLP, configuration(recipe)).measure_rungs():
        assert rung.passed
        assert rung.distance < rung.bound / 2


def test_a_distance_that_is_not_finite_is_none(small_batches):
    with np.errstate(invalid="ignore"):
        rungs = Ladder(NotANumber, configuration("relu_softmax_sgd")).measure_rungs()
    assert [rung.distance for rung in rungs] == [None, None, None]
