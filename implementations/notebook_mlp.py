"""The from-scratch loop as a first notebook writes it: float64, one example at a time.

It is the baseline that shows what vectorising buys, so nothing here is clever. At batch size 1 it
is the notebook's algorithm; for a larger batch the examples' gradients are added up one by one and
divided by the batch's size before the update.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.contract import (
    Batches,
    FloatArray,
    Layer,
    Parameters,
    Problem,
)

Vector = npt.NDArray[np.float64]  # (units,)
Matrix = npt.NDArray[np.float64]  # (fan_in, fan_out)


class MLP:
    """Plain lists of weights and biases, and loops over them."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        self._problem = problem
        self._recipe = problem.recipe
        self._weights = [layer.weights.astype(np.float64) for layer in parameters]
        self._biases = [layer.bias.astype(np.float64) for layer in parameters]
        self._n_steps = 0
        self._first = [np.zeros_like(array) for array in self._weights + self._biases]
        self._second = [np.zeros_like(array) for array in self._weights + self._biases]

    def warm_up(self, batches: Batches) -> None:
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:1])

    def train_epoch(self, batches: Batches) -> float:
        total_loss = 0.0
        for batch in batches:
            batch_loss = 0.0
            sums = [np.zeros_like(array) for array in self._weights + self._biases]
            for row in batch:
                image = self._problem.train_images[row].astype(np.float64)
                loss, gradients = self._backpropagate(image, int(self._problem.train_labels[row]))
                batch_loss += loss
                for total, gradient in zip(sums, gradients, strict=True):
                    total += gradient
            self._update([total / len(batch) for total in sums])
            total_loss += batch_loss / len(batch)
        return total_loss / len(batches)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        values = images.astype(np.float64)
        for weights, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            values = self._activate(values @ weights + bias)
        return (values @ self._weights[-1] + self._biases[-1]).astype(np.float32)

    def parameters(self) -> Parameters:
        return tuple(
            Layer(weights.astype(np.float32), bias.astype(np.float32))
            for weights, bias in zip(self._weights, self._biases, strict=True)
        )

    def _backpropagate(self, image: Vector, label: int) -> tuple[float, list[Matrix]]:
        """Return one example's loss, and its gradients for all weights and then all biases."""
        values = [image]
        for weights, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            values.append(self._activate(values[-1] @ weights + bias))
        scores = values[-1] @ self._weights[-1] + self._biases[-1]
        loss, delta = self._loss_and_delta(scores, label)
        for_weights: list[Matrix] = []
        for_biases: list[Vector] = []
        for index in reversed(range(len(self._weights))):
            for_weights.insert(0, np.outer(values[index], delta))
            for_biases.insert(0, delta)
            if index > 0:
                delta = self._weights[index] @ delta * self._slope(values[index])
        return loss, for_weights + for_biases

    def _activate(self, sums: Vector) -> Vector:
        if self._recipe.activation == "relu":
            return np.maximum(sums, 0)
        if self._recipe.activation == "tanh":
            return np.tanh(sums)
        return _sigmoid(sums)

    def _slope(self, values: Vector) -> Vector:
        if self._recipe.activation == "relu":
            return (values > 0).astype(np.float64)
        if self._recipe.activation == "tanh":
            return 1 - values**2
        return values * (1 - values)

    def _loss_and_delta(self, scores: Vector, label: int) -> tuple[float, Vector]:
        """Return one example's loss and its gradient with respect to the scores."""
        truth = np.zeros(len(scores))
        truth[label] = 1
        if self._recipe.output == "sigmoid":
            outputs = _sigmoid(scores)
        else:
            powers = np.exp(scores - scores.max())
            outputs = powers / powers.sum()
        if self._recipe.loss == "cross_entropy":
            log_total = scores.max() + np.log(powers.sum())
            return float(log_total - scores[label]), outputs - truth
        scale = 1 / len(scores) if self._recipe.loss == "mean_squared_error" else 1 / 2
        errors = outputs - truth
        by_output = 2 * scale * errors
        if self._recipe.output == "sigmoid":
            delta = by_output * outputs * (1 - outputs)
        else:
            delta = outputs * (by_output - by_output @ outputs)
        return float(scale * (errors @ errors)), delta

    def _update(self, gradients: list[Matrix]) -> None:
        recipe, rate = self._recipe, self._problem.learning_rate
        self._n_steps += 1
        t = self._n_steps
        arrays = self._weights + self._biases
        for number, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
            first, second = self._first[number], self._second[number]
            if recipe.optimizer == "sgd":
                array -= rate * gradient
            elif recipe.optimizer == "momentum":
                first[...] = recipe.momentum * first - rate * gradient
                array += first
            else:
                first[...] = recipe.beta_1 * first + (1 - recipe.beta_1) * gradient
                second[...] = recipe.beta_2 * second + (1 - recipe.beta_2) * gradient**2
                correction = np.sqrt(1 - recipe.beta_2**t) / (1 - recipe.beta_1**t)
                array -= rate * correction * first / (np.sqrt(second) + recipe.epsilon)


def _sigmoid(sums: Vector) -> Vector:
    # Written with tanh, which does not overflow.
    halves: Vector = np.tanh(sums / 2)
    return (1 + halves) / 2
