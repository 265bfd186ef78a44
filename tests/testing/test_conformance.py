"""Each planted violation of the contract fails the check of that name; correct models pass."""

from __future__ import annotations

import numpy as np
import pytest

from bench.config.compose import compose_runs
from bench.testing.conformance import CHECKS, Subject
from implementations.numpy_mlp import MLP


class StartsFromZero(MLP):
    def setup(self, problem, parameters):
        super().setup(problem, tuple(type(layer)(*(0 * a for a in layer)) for layer in parameters))


class ReturnsParametersInFloat64(MLP):
    def parameters(self):
        return tuple(
            type(layer)(*(array.astype(np.float64) for array in layer))
            for layer in super().parameters()
        )


class TrainsTheGivenArrays(MLP):
    def _start(self, parameters):
        super()._start(parameters)
        self._layers = parameters
        self._weights_and_biases = [array for layer in parameters for array in layer]


class ReturnsItsOwnArrays(MLP):
    def parameters(self):
        return self._layers


class ReturnsProbabilities(MLP):
    def predict_scores(self, images):
        exp = np.exp(super().predict_scores(images))
        return exp / exp.sum(axis=1, keepdims=True)


class ReturnsLogitsInFloat64(MLP):
    def predict_scores(self, images):
        return super().predict_scores(images).astype(np.float64)


class ReturnsClasses(MLP):
    def predict_scores(self, images):
        return super().predict_scores(images).argmax(axis=1)


class TrainsInWarmUp(MLP):
    def warm_up(self, batches):
        self.train_epoch(batches)


class KeepsTheOptimizersStateOfWarmUp(MLP):
    def warm_up(self, batches):
        kept = self.parameters()
        self.train_epoch(batches)
        for array, old in zip(
            self._weights_and_biases, [array for layer in kept for array in layer], strict=True
        ):
            array[...] = old


class SortsTheExamples(MLP):
    def train_epoch(self, batches):
        return super().train_epoch(np.sort(batches.ravel()).reshape(batches.shape))


class DoesNotTrain(MLP):
    def train_epoch(self, batches):
        return 1.0


class ReturnsALossOfNumPy(MLP):
    def train_epoch(self, batches):
        return np.float32(super().train_epoch(batches))


MISTAKES = {
    StartsFromZero: "setup uses the given parameters",
    ReturnsParametersInFloat64: "setup uses the given parameters",
    TrainsTheGivenArrays: "setup copies the given parameters",
    ReturnsItsOwnArrays: "parameters returns copies",
    ReturnsProbabilities: "predict_scores returns the logits",
    ReturnsLogitsInFloat64: "predict_scores returns the logits",
    ReturnsClasses: "predict_scores returns the logits",
    TrainsInWarmUp: "warm_up changes nothing",
    KeepsTheOptimizersStateOfWarmUp: "warm_up keeps the state of optimizers",
    SortsTheExamples: "train_epoch keeps the order of batches",
    DoesNotTrain: "train_epoch lowers the loss",
    ReturnsALossOfNumPy: "train_epoch lowers the loss",
}


@pytest.fixture(scope="module")
def configs():
    words = ["recipe=relu_softmax_sgd,relu_softmax_adam", "threads=1"]
    return compose_runs(words, default_name="test", multirun=True)


@pytest.mark.parametrize(
    ("mistake", "check"), MISTAKES.items(), ids=[mistake.__name__ for mistake in MISTAKES]
)
def test_a_breach_of_the_contract_is_found(mistake, check, configs):
    assert CHECKS[check](Subject(mistake, configs))


def test_a_correct_implementation_passes_every_check(configs):
    subject = Subject(MLP, configs)
    assert {check(subject) for check in CHECKS.values()} == {""}


def test_methods_of_a_gpu_are_needed_where_a_gpu_is_claimed(configs):
    class WithoutReport(MLP):
        device_name = None  # no such method

    assert "device_name" in CHECKS["a GPU is reported on"](Subject(WithoutReport, configs))


def test_every_check_has_found_a_mistake():
    assert set(CHECKS) == {*MISTAKES.values(), "a GPU is reported on"}
