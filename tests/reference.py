"""The equations of every recipe in float64, as plainly as they can be written.

The oracle for all implementations; it shares no code with any of them.
"""

from __future__ import annotations

import numpy as np


class Reference:
    """A multilayer perceptron in float64 that takes one step at a time."""

    def __init__(self, parameters, recipe, learning_rate):
        self.weights = [layer.weights.astype(np.float64) for layer in parameters]
        self.biases = [layer.bias.astype(np.float64) for layer in parameters]
        self.recipe = recipe
        self.learning_rate = learning_rate
        arrays = self.weights + self.biases
        self.first = [np.zeros_like(array) for array in arrays]
        self.second = [np.zeros_like(array) for array in arrays]
        self.n_steps = 0

    def hidden(self, sums):
        name = self.recipe.activation
        if name == "relu":
            return np.where(sums > 0, sums, 0), np.where(sums > 0, 1.0, 0.0)
        if name == "sigmoid":
            value = 1 / (1 + np.exp(-sums))
            return value, value * (1 - value)
        return np.tanh(sums), 1 - np.tanh(sums) ** 2

    def output(self, sums):
        if self.recipe.output == "sigmoid":
            return 1 / (1 + np.exp(-sums))
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def loss_and_score_gradient(self, sums, labels):
        """Return the mean loss, and its gradient with respect to the last layer's sums."""
        n = len(labels)
        truth = np.eye(sums.shape[1])[labels]
        outputs = self.output(sums)
        if self.recipe.loss == "cross_entropy":
            return -np.sum(truth * np.log(outputs)) / n, (outputs - truth) / n
        share = 1 / 10 if self.recipe.loss == "mean_squared_error" else 1 / 2
        loss = share * np.sum((outputs - truth) ** 2) / n
        by_output = share * 2 * (outputs - truth) / n
        if self.recipe.output == "sigmoid":
            return loss, by_output * outputs * (1 - outputs)
        inner = np.sum(by_output * outputs, axis=1, keepdims=True)
        return loss, outputs * (by_output - inner)

    def scores(self, images):
        values = images.astype(np.float64)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values, _ = self.hidden(values @ weights + bias)
        return values @ self.weights[-1] + self.biases[-1]

    def gradients(self, images, labels):
        """Return the mean loss, and gradients for all weights and then all biases."""
        inputs, slopes = [images.astype(np.float64)], []
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            value, slope = self.hidden(inputs[-1] @ weights + bias)
            inputs.append(value)
            slopes.append(slope)
        sums = inputs[-1] @ self.weights[-1] + self.biases[-1]
        loss, delta = self.loss_and_score_gradient(sums, labels)
        by_weights, by_bias = [], []
        for index in range(len(self.weights) - 1, -1, -1):
            by_weights.insert(0, inputs[index].T @ delta)
            by_bias.insert(0, delta.sum(axis=0))
            if index > 0:
                delta = (delta @ self.weights[index].T) * slopes[index - 1]
        return loss, by_weights + by_bias

    def step(self, images, labels):
        """Make one update and return the mean loss before it."""
        loss, gradients = self.gradients(images, labels)
        recipe, rate = self.recipe, self.learning_rate
        self.n_steps += 1
        t = self.n_steps
        for number, (array, g) in enumerate(
            zip(self.weights + self.biases, gradients, strict=True)
        ):
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
