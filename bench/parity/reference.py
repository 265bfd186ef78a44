"""The equations of every recipe in float64, written as plainly as possible.

The parity checks compare all implementations with it. It shares no code with them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, LabelArray, Parameters, Recipe
from bench.records import N_CLASSES

Array = npt.NDArray[np.float64]


class Reference:
    """A multilayer perceptron in float64 that takes one step at a time."""

    def __init__(self, parameters: Parameters, recipe: Recipe, learning_rate: float) -> None:
        """Start from initial parameters.

        Args:
            parameters: initial weights and biases, float32; they are copied.
            recipe: the equations.
            learning_rate: positive.
        """
        self.weights = [layer.weights.astype(np.float64) for layer in parameters]
        self.biases = [layer.bias.astype(np.float64) for layer in parameters]
        self.recipe = recipe
        self.learning_rate = learning_rate
        self.first = [np.zeros_like(array) for array in self.arrays]
        self.second = [np.zeros_like(array) for array in self.arrays]
        self.n_steps = 0

    @property
    def arrays(self) -> list[Array]:
        """All weights, then all biases; updated in place."""
        return self.weights + self.biases

    def logits(self, images: FloatArray) -> Array:
        """Return the last layer's output before softmax or sigmoid: (n, 784) -> (n, 10)."""
        return self._forward(images)[0]

    def loss(self, images: FloatArray, labels: LabelArray) -> float:
        """Return the mean loss. It needs only a forward pass.

        Args:
            images: (n, 784) float32.
            labels: (n,) int64.
        """
        return self._loss_and_logit_gradient(self.logits(images), labels)[0]

    def gradients(self, images: FloatArray, labels: LabelArray) -> tuple[float, list[Array]]:
        """Return the mean loss, and its gradients in the order of `arrays`. Arguments as `loss`."""
        logits, inputs, slopes = self._forward(images)
        loss, delta = self._loss_and_logit_gradient(logits, labels)
        by_weights: list[Array] = []
        by_bias: list[Array] = []
        for index in range(len(self.weights) - 1, -1, -1):
            by_weights.insert(0, inputs[index].T @ delta)
            by_bias.insert(0, delta.sum(axis=0))
            if index > 0:
                delta = (delta @ self.weights[index].T) * slopes[index - 1]
        return loss, by_weights + by_bias

    def step(self, images: FloatArray, labels: LabelArray) -> float:
        """Make one update and return the mean loss before it. Arguments as for `loss`."""
        loss, gradients = self.gradients(images, labels)
        recipe, rate = self.recipe, self.learning_rate
        self.n_steps += 1
        t = self.n_steps
        for number, (array, g) in enumerate(zip(self.arrays, gradients, strict=True)):
            if recipe.optimizer == "sgd":
                array -= rate * g
            elif recipe.optimizer == "momentum":
                self.first[number] = recipe.momentum * self.first[number] - rate * g
                array += self.first[number]
            else:
                m = recipe.beta_1 * self.first[number] + (1 - recipe.beta_1) * g
                v = recipe.beta_2 * self.second[number] + (1 - recipe.beta_2) * g**2
                self.first[number], self.second[number] = m, v
                corrected = rate * np.sqrt(1 - recipe.beta_2**t) / (1 - recipe.beta_1**t)
                array -= corrected * m / (np.sqrt(v) + recipe.epsilon)
        return loss

    def _forward(self, images: FloatArray) -> tuple[Array, list[Array], list[Array]]:
        """Return the logits, the inputs of all layers, and the derivatives of hidden layers."""
        inputs, slopes = [images.astype(np.float64)], []
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            value, slope = self._hidden(inputs[-1] @ weights + bias)
            inputs.append(value)
            slopes.append(slope)
        return inputs[-1] @ self.weights[-1] + self.biases[-1], inputs, slopes

    def _hidden(self, z: Array) -> tuple[Array, Array]:
        """Return the outputs of a hidden layer with pre-activations z, and their derivatives."""
        if self.recipe.activation == "relu":
            return np.where(z > 0, z, 0.0), np.where(z > 0, 1.0, 0.0)
        if self.recipe.activation == "sigmoid":
            value = 1 / (1 + np.exp(-z))
            return value, value * (1 - value)
        return np.tanh(z), 1 - np.tanh(z) ** 2

    def _loss_and_logit_gradient(self, logits: Array, labels: LabelArray) -> tuple[float, Array]:
        """Return the mean loss, and its gradient with respect to the logits."""
        n = len(labels)
        truth = np.eye(logits.shape[1])[labels]
        if self.recipe.output == "sigmoid":
            outputs = 1 / (1 + np.exp(-logits))
        else:
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            outputs = powers / powers.sum(axis=1, keepdims=True)
        if self.recipe.loss == "cross_entropy":
            return float(-np.sum(truth * np.log(outputs)) / n), (outputs - truth) / n
        share = 1 / N_CLASSES if self.recipe.loss == "mean_squared_error" else 1 / 2
        loss = float(share * np.sum((outputs - truth) ** 2) / n)
        by_output = share * 2 * (outputs - truth) / n
        if self.recipe.output == "sigmoid":
            return loss, by_output * outputs * (1 - outputs)
        inner = np.sum(by_output * outputs, axis=1, keepdims=True)
        return loss, outputs * (by_output - inner)
