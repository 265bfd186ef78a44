"""A multilayer perceptron in scikit-learn: `MLPClassifier`, with one `partial_fit` per epoch.

The harness decides the initial parameters and the order of the examples: the classifier's own
parameters are overwritten, and before every epoch the images are copied into that order. The copy
is timed. For classes scikit-learn offers softmax with cross-entropy only. Its weights are float32
because the images are. The loss that it reports is clipped, so it does not show divergence.

Source: https://scikit-learn.org/stable/modules/neural_networks_supervised.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}  # scikit-learn's names


class MLP:
    """Calls `partial_fit` once per epoch."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build a classifier with the given initial parameters."""
        self._problem = problem
        self._classifier = _classifier(problem, parameters)

    def warm_up(self, batches: Batches) -> None:
        """Train a copy on up to 20 batches; the classifier itself does not change."""
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        """Copy the examples into the order of `batches`, then call `partial_fit`."""
        self._classifier.batch_size = batches.shape[1]
        order = batches.ravel()
        images, labels = self._problem.train_images[order], self._problem.train_labels[order]
        try:
            self._classifier.partial_fit(images, labels)
        except ValueError:
            # It raises if a weight is not finite: the run has diverged, but not failed.
            if all(np.isfinite(weights).all() for weights in self._classifier.coefs_):
                raise
            return math.nan
        return float(self._classifier.loss_)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32, in NumPy: scikit-learn's forward pass ends in softmax."""
        *hidden, last = self.parameters()
        activations = images
        for layer in hidden:
            activations = self._activate(activations @ layer.weights + layer.bias)
        logits: FloatArray = activations @ last.weights + last.bias
        return logits

    def _activate(self, pre_activations: FloatArray) -> FloatArray:
        if self._problem.recipe.activation == "relu":
            return np.maximum(pre_activations, 0)
        if self._problem.recipe.activation == "tanh":
            return np.tanh(pre_activations)
        half = np.float32(0.5)
        sigmoid: FloatArray = half + half * np.tanh(half * pre_activations)  # does not overflow
        return sigmoid

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        pairs = zip(self._classifier.coefs_, self._classifier.intercepts_, strict=True)
        return tuple(Layer(weights.copy(), bias.copy()) for weights, bias in pairs)


def _classifier(problem: Problem, parameters: Parameters) -> Any:
    """Return a classifier with these parameters, before its first training step."""
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
    # Parameters exist only after a first `partial_fit`: fit one example, overwrite the parameters,
    # and delete the optimizer (not public), which the next `partial_fit` creates again.
    classes = np.arange(problem.layer_sizes[-1])
    classifier.partial_fit(problem.train_images[:1], problem.train_labels[:1], classes=classes)
    for number, layer in enumerate(parameters):
        classifier.coefs_[number] = layer.weights.copy()
        classifier.intercepts_[number] = layer.bias.copy()
    del classifier._optimizer
    classifier.learning_rate_init = problem.learning_rate
    return classifier
