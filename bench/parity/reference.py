"""The equations of every recipe in float64, as plainly as they can be written.

The oracle for all implementations. It shares no code with any of them, and nobody trains with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.contract import FloatArray, LabelArray, Parameters, Recipe

Array = npt.NDArray[np.float64]


class Reference:
    """A multilayer perceptron in float64 that takes one step at a time.

    Attributes:
        arrays: all weights, then all biases.
    """

    def __init__(self, parameters: Parameters, recipe: Recipe, learning_rate: float) -> None:
        self.weights = [layer.weights.astype(np.float64) for layer in parameters]
        self.biases = [layer.bias.astype(np.float64) for layer in parameters]
        self.recipe = recipe
        self.learning_rate = learning_rate
        self.first = [np.zeros_like(array) for array in self.arrays]
        self.second = [np.zeros_like(array) for array in self.arrays]
        self.n_steps = 0

    @property
    def arrays(self) -> list[Array]:
        return self.weights + self.biases

    def scores(self, images: FloatArray) -> Array:
        """Return the last layer's sums, (n, 10)."""
        values = images.astype(np.float64)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values, _ = self._hidden(values @ weights + bias)
        scores: Array = values @ self.weights[-1] + self.biases[-1]
        return scores

    def loss(self, images: FloatArray, labels: LabelArray) -> float:
        """Return the mean loss, from a forward pass alone."""
        return self._loss_and_score_gradient(self.scores(images), labels)[0]

    def gradients(self, images: FloatArray, labels: LabelArray) -> tuple[float, list[Array]]:
        """Return the mean loss, and its gradients in the order of `arrays`."""
        inputs, slopes = [images.astype(np.float64)], []
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            value, slope = self._hidden(inputs[-1] @ weights + bias)
            inputs.append(value)
            slopes.append(slope)
        sums = inputs[-1] @ self.weights[-1] + self.biases[-1]
        loss, delta = self._loss_and_score_gradient(sums, labels)
        by_weights: list[Array] = []
        by_bias: list[Array] = []
        for index in range(len(self.weights) - 1, -1, -1):
            by_weights.insert(0, inputs[index].T @ delta)
            by_bias.insert(0, delta.sum(axis=0))
            if index > 0:
                delta = (delta @ self.weights[index].T) * slopes[index - 1]
        return loss, by_weights + by_bias

    def step(self, images: FloatArray, labels: LabelArray) -> float:
        """Make one update and return the mean loss before it."""
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

    def _hidden(self, sums: Array) -> tuple[Array, Array]:
        """Return a hidden layer's outputs and the slope there."""
        if self.recipe.activation == "relu":
            return np.where(sums > 0, sums, 0.0), np.where(sums > 0, 1.0, 0.0)
        if self.recipe.activation == "sigmoid":
            value = 1 / (1 + np.exp(-sums))
            return value, value * (1 - value)
        return np.tanh(sums), 1 - np.tanh(sums) ** 2

    def _loss_and_score_gradient(self, sums: Array, labels: LabelArray) -> tuple[float, Array]:
        """Return the mean loss, and its gradient with respect to the last layer's sums."""
        n = len(labels)
        truth = np.eye(sums.shape[1])[labels]
        if self.recipe.output == "sigmoid":
            outputs = 1 / (1 + np.exp(-sums))
        else:
            powers = np.exp(sums - sums.max(axis=1, keepdims=True))
            outputs = powers / powers.sum(axis=1, keepdims=True)
        if self.recipe.loss == "cross_entropy":
            return float(-np.sum(truth * np.log(outputs)) / n), (outputs - truth) / n
        share = 1 / 10 if self.recipe.loss == "mean_squared_error" else 1 / 2
        loss = float(share * np.sum((outputs - truth) ** 2) / n)
        by_output = share * 2 * (outputs - truth) / n
        if self.recipe.output == "sigmoid":
            return loss, by_output * outputs * (1 - outputs)
        inner = np.sum(by_output * outputs, axis=1, keepdims=True)
        return loss, outputs * (by_output - inner)
