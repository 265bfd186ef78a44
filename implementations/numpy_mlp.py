"""A multilayer perceptron from scratch, in NumPy.

A layer computes ``z = a @ W + b``. Hidden layers pass on ``a = f(z)`` for an activation f; the last
layer's z are the scores. Backpropagation is the chain rule, walked from the loss back to the first
layer. With d = dL/dz of a layer, a batch of inputs a and a mean loss L:

    dL/dW = a.T @ d      dL/db = sum of d over the batch      dL/da = d @ W.T

and dL/da times f'(z) is the d of the layer before. An optimizer then moves W and b against the
gradient. The equations of losses and optimizers are those of `bench.contract.Recipe`.

Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 6.2 and 6.5.
"""

from __future__ import annotations

import math

import numpy as np

from bench.contract import Batches, FloatArray, LabelArray, Layer, Parameters, Problem, Recipe


def activate(name: str, sums: FloatArray) -> FloatArray:
    """Apply a hidden layer's activation, in place."""
    if name == "relu":
        return np.maximum(sums, 0, out=sums)
    if name == "tanh":
        return np.tanh(sums, out=sums)
    return sigmoid(sums)


def sigmoid(sums: FloatArray) -> FloatArray:
    """Apply 1 / (1 + exp(-z)), in place; written with tanh, which does not overflow."""
    sums *= 0.5
    np.tanh(sums, out=sums)
    sums += 1
    sums *= 0.5
    return sums


def slope(name: str, outputs: FloatArray) -> FloatArray:
    """Return the activation's derivative f'(z), told from its output f(z)."""
    if name == "relu":
        return (outputs > 0).astype(outputs.dtype)
    if name == "tanh":
        return 1 - outputs * outputs
    return outputs * (1 - outputs)


def forward(activation: str, parameters: Parameters, images: FloatArray) -> list[FloatArray]:
    """Return the input of every layer, (n, fan_in) each, and at the end the scores, (n, 10)."""
    values = [images]
    for layer in parameters[:-1]:
        values.append(activate(activation, values[-1] @ layer.weights + layer.bias))
    last = parameters[-1]
    values.append(values[-1] @ last.weights + last.bias)
    return values


def loss_and_score_gradient(
    recipe: Recipe, scores: FloatArray, labels: LabelArray
) -> tuple[float, FloatArray]:
    """Return the batch's mean loss and its gradient with respect to the scores, (n, 10)."""
    rows = np.arange(len(labels))
    if recipe.output == "softmax":
        shifted = scores - scores.max(axis=1, keepdims=True)  # no overflow, same softmax
        outputs = np.exp(shifted)
        totals = outputs.sum(axis=1, keepdims=True)
        outputs /= totals
    else:
        outputs = sigmoid(scores.copy())
    if recipe.loss == "cross_entropy":
        loss = np.mean(np.log(totals[:, 0]) - shifted[rows, labels])
        delta = outputs
        delta[rows, labels] -= 1  # softmax and logarithm leave outputs - truth
    else:
        errors = outputs.copy()
        errors[rows, labels] -= 1  # outputs - truth
        scale = 1 / errors.shape[1] if recipe.loss == "mean_squared_error" else 1 / 2
        loss = scale * np.mean((errors * errors).sum(axis=1))
        delta = 2 * scale * errors  # with respect to the outputs
        if recipe.output == "softmax":
            delta -= (delta * outputs).sum(axis=1, keepdims=True)
            delta *= outputs
        else:
            delta *= outputs * (1 - outputs)
    delta /= len(labels)
    return float(loss), delta


def loss_and_gradients(
    recipe: Recipe, parameters: Parameters, images: FloatArray, labels: LabelArray
) -> tuple[float, Parameters]:
    """Return a batch's mean loss and its gradient with respect to every weight and bias."""
    values = forward(recipe.activation, parameters, images)
    loss, delta = loss_and_score_gradient(recipe, values[-1], labels)
    gradients = []
    for index in reversed(range(len(parameters))):
        inputs = values[index]
        gradients.append(Layer(inputs.T @ delta, delta.sum(axis=0)))
        if index > 0:  # the images need no gradient
            delta = delta @ parameters[index].weights.T
            delta *= slope(recipe.activation, inputs)
    return loss, tuple(reversed(gradients))


class Optimizer:
    """Moves parameters against their gradients, by the equations of `Recipe`."""

    def __init__(self, recipe: Recipe, learning_rate: float, parameters: Parameters) -> None:
        self._recipe = recipe
        self._learning_rate = learning_rate
        self._n_steps = 0
        arrays = [array for layer in parameters for array in layer]
        self._first = [np.zeros_like(array) for array in arrays]  # velocity, or Adam's m
        self._second = [np.zeros_like(array) for array in arrays]  # Adam's v

    def update(self, parameters: Parameters, gradients: Parameters) -> None:
        """Make one update, in place."""
        self._n_steps += 1
        arrays = [array for layer in parameters for array in layer]
        slopes = [array for layer in gradients for array in layer]
        for number, (array, gradient) in enumerate(zip(arrays, slopes, strict=True)):
            array -= self._step(number, gradient)

    def _step(self, number: int, gradient: FloatArray) -> FloatArray:
        recipe, rate = self._recipe, self._learning_rate
        first, second = self._first[number], self._second[number]
        if recipe.optimizer == "sgd":
            return rate * gradient
        if recipe.optimizer == "momentum":
            first *= recipe.momentum
            first -= rate * gradient
            return -first
        first *= recipe.beta_1
        first += (1 - recipe.beta_1) * gradient
        second *= recipe.beta_2
        second += (1 - recipe.beta_2) * gradient * gradient
        correction = math.sqrt(1 - recipe.beta_2**self._n_steps)
        correction /= 1 - recipe.beta_1**self._n_steps
        step: FloatArray = rate * correction * first
        step /= np.sqrt(second) + recipe.epsilon
        return step


class MLP:
    """The functions above, called in the order in which the harness asks."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        self._problem = problem
        self._parameters = _copy(parameters)
        self._optimizer = Optimizer(problem.recipe, problem.learning_rate, parameters)

    def warm_up(self, batches: Batches) -> None:
        trial = MLP()
        trial.setup(self._problem, self._parameters)
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        problem = self._problem
        total_loss = 0.0
        for batch in batches:
            images, labels = problem.train_images[batch], problem.train_labels[batch]
            loss, gradients = loss_and_gradients(problem.recipe, self._parameters, images, labels)
            self._optimizer.update(self._parameters, gradients)
            total_loss += loss
        return total_loss / len(batches)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        return forward(self._problem.recipe.activation, self._parameters, images)[-1]

    def parameters(self) -> Parameters:
        return _copy(self._parameters)


def _copy(parameters: Parameters) -> Parameters:
    return tuple(Layer(layer.weights.copy(), layer.bias.copy()) for layer in parameters)
