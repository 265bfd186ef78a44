"""A multilayer perceptron from scratch with plain loops: float64, one example at a time.

It shows what vectorising gains, so the code is as simple as possible. For a batch of more than one
example, the gradients are summed and divided by the batch size before the update.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem

Vector = npt.NDArray[np.float64]  # (units,)
Array = npt.NDArray[np.float64]  # weights (fan_in, fan_out) or bias (fan_out,)


class MLP:
    """Loops over examples, and over lists of weights and biases."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Copy the parameters to float64 and create the optimizer's state."""
        self._problem = problem
        self._recipe = problem.recipe
        self._weights = [layer.weights.astype(np.float64) for layer in parameters]
        self._biases = [layer.bias.astype(np.float64) for layer in parameters]
        self._n_steps = 0
        # First moments: the velocity of momentum, or Adam's m. Second moments: Adam's v.
        self._first_moments = [np.zeros_like(array) for array in self._weights + self._biases]
        self._second_moments = [np.zeros_like(array) for array in self._weights + self._biases]

    def warm_up(self, batches: Batches) -> None:
        """Train a copy of the model on one batch; the model itself does not change."""
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:1])

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        total_loss = 0.0
        for batch in batches:
            batch_loss = 0.0
            gradient_sums = [np.zeros_like(array) for array in self._weights + self._biases]
            for row in batch:
                image = self._problem.train_images[row].astype(np.float64)
                loss, gradients = self._backpropagate(image, int(self._problem.train_labels[row]))
                batch_loss += loss
                for total, gradient in zip(gradient_sums, gradients, strict=True):
                    total += gradient
            self._update([total / len(batch) for total in gradient_sums])
            total_loss += batch_loss / len(batch)
        return total_loss / len(batches)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10), computed in float64 and rounded to float32."""
        activations = images.astype(np.float64)
        for weights, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            activations = self._activate(activations @ weights + bias)  # (n, fan_out)
        return (activations @ self._weights[-1] + self._biases[-1]).astype(np.float32)

    def parameters(self) -> Parameters:
        """Return the current weights and biases, rounded to float32."""
        return tuple(
            Layer(weights.astype(np.float32), bias.astype(np.float32))
            for weights, bias in zip(self._weights, self._biases, strict=True)
        )

    def _backpropagate(self, image: Vector, label: int) -> tuple[float, list[Array]]:
        """Compute one example's loss and gradients.

        With delta = d loss / d pre_activations of a layer: d loss / d weights = inputs x delta,
        d loss / d bias = delta, and the delta of the layer before is (weights @ delta) * slope.

        Args:
            image: (784,).
            label: 0 to 9.

        Returns:
            The loss, and its gradients with respect to all weights, then all biases.
        """
        activations = [image]
        for weights, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            activations.append(self._activate(activations[-1] @ weights + bias))  # (fan_out,)
        logits = activations[-1] @ self._weights[-1] + self._biases[-1]  # (10,)
        loss, delta = self._loss_and_delta(logits, label)
        weight_gradients: list[Array] = []
        bias_gradients: list[Array] = []
        for index in reversed(range(len(self._weights))):
            weight_gradients.insert(0, np.outer(activations[index], delta))  # (fan_in, fan_out)
            bias_gradients.insert(0, delta)  # (fan_out,)
            if index > 0:
                delta = self._weights[index] @ delta * self._slope(activations[index])  # (fan_in,)
        return loss, weight_gradients + bias_gradients

    def _activate(self, pre_activations: Vector) -> Vector:
        if self._recipe.activation == "relu":
            return np.maximum(pre_activations, 0)
        if self._recipe.activation == "tanh":
            return np.tanh(pre_activations)
        return _sigmoid(pre_activations)

    def _slope(self, activations: Vector) -> Vector:
        """Return the derivative of the activation function, from its values."""
        if self._recipe.activation == "relu":
            return (activations > 0).astype(np.float64)
        if self._recipe.activation == "tanh":
            return 1 - activations**2
        return activations * (1 - activations)

    def _loss_and_delta(self, logits: Vector, label: int) -> tuple[float, Vector]:
        """Return one example's loss and its gradient with respect to the logits (10,)."""
        truth = np.zeros(len(logits))
        truth[label] = 1
        if self._recipe.output == "sigmoid":
            outputs = _sigmoid(logits)
        else:
            exponentials = np.exp(logits - logits.max())
            outputs = exponentials / exponentials.sum()
        if self._recipe.loss == "cross_entropy":
            log_total = logits.max() + np.log(exponentials.sum())
            return float(log_total - logits[label]), outputs - truth
        scale = 1 / len(logits) if self._recipe.loss == "mean_squared_error" else 1 / 2
        errors = outputs - truth
        output_gradients = 2 * scale * errors
        if self._recipe.output == "sigmoid":
            delta = output_gradients * outputs * (1 - outputs)
        else:
            delta = outputs * (output_gradients - output_gradients @ outputs)
        return float(scale * (errors @ errors)), delta

    def _update(self, gradients: list[Array]) -> None:
        """Make one step of the recipe's optimizer, in place."""
        recipe, rate = self._recipe, self._problem.learning_rate
        self._n_steps += 1
        t = self._n_steps
        arrays = self._weights + self._biases
        for number, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
            first, second = self._first_moments[number], self._second_moments[number]
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


def _sigmoid(z: Vector) -> Vector:
    """Return 1 / (1 + exp(-z)), computed as (1 + tanh(z / 2)) / 2, which does not overflow."""
    half_tanh: Vector = np.tanh(z / 2)
    return (1 + half_tanh) / 2
