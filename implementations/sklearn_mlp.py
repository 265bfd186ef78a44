"""The same multilayer perceptron in scikit-learn: `MLPClassifier`, an epoch a `partial_fit`.

The harness decides parameters and order, so the classifier's own are overwritten and an epoch's
images are laid out in that order; the copy is timed. scikit-learn ties the loss to the output:
softmax with cross-entropy is all that it offers for classes. Its weights stay float32 because the
images are.

Source: https://scikit-learn.org/stable/modules/neural_networks_supervised.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from bench.contract import (
    Batches,
    FloatArray,
    Layer,
    Parameters,
    Problem,
)

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}  # its names for them


class MLP:
    """`partial_fit` for one epoch at a time."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        self._problem = problem
        self._classifier = _classifier(problem, parameters)

    def warm_up(self, batches: Batches) -> None:
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        self._classifier.batch_size = batches.shape[1]
        order = batches.ravel()
        images, labels = self._problem.train_images[order], self._problem.train_labels[order]
        try:
            self._classifier.partial_fit(images, labels)
        except ValueError:
            # It refuses to go on once a weight is not finite. That is a result, not an error.
            if all(np.isfinite(weights).all() for weights in self._classifier.coefs_):
                raise
            return math.nan
        return float(self._classifier.loss_)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        # Its own forward pass ends in a softmax.
        *hidden, last = self.parameters()
        values = images
        for layer in hidden:
            values = self._activate(values @ layer.weights + layer.bias)
        scores: FloatArray = values @ last.weights + last.bias
        return scores

    def _activate(self, sums: FloatArray) -> FloatArray:
        if self._problem.recipe.activation == "relu":
            return np.maximum(sums, 0)
        if self._problem.recipe.activation == "tanh":
            return np.tanh(sums)
        half = np.float32(0.5)
        values: FloatArray = half + half * np.tanh(half * sums)  # which does not overflow
        return values

    def parameters(self) -> Parameters:
        pairs = zip(self._classifier.coefs_, self._classifier.intercepts_, strict=True)
        return tuple(Layer(weights.copy(), bias.copy()) for weights, bias in pairs)


def _classifier(problem: Problem, parameters: Parameters) -> Any:
    """Return a classifier that is about to make its first step from `parameters`."""
    recipe = problem.recipe
    classifier = MLPClassifier(
        hidden_layer_sizes=problem.layer_sizes[1:-1],
        activation=ACTIVATIONS[recipe.activation],
        solver="adam" if recipe.optimizer == "adam" else "sgd",
        alpha=0.0,
        batch_size=1,
        shuffle=False,
        momentum=recipe.momentum if recipe.optimizer == "momentum" else 0.0,
        nesterovs_momentum=False,
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
        epsilon=recipe.epsilon,
    )
    # It has no way to be given parameters before it has seen an example: let it see one, put the
    # parameters in place, and let it begin anew with the optimizer, which is not public.
    classes = np.arange(problem.layer_sizes[-1])
    classifier.partial_fit(problem.train_images[:1], problem.train_labels[:1], classes=classes)
    for number, layer in enumerate(parameters):
        classifier.coefs_[number] = layer.weights.copy()
        classifier.intercepts_[number] = layer.bias.copy()
    del classifier._optimizer
    classifier.learning_rate_init = problem.learning_rate
    return classifier
