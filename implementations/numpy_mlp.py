"""A multilayer perceptron from scratch, in NumPy.

A layer computes ``z = a @ W + b``; hidden layers pass on ``a = max(z, 0)`` (ReLU), and the last
layer's z are the scores. The loss of one example with true class y is softmax cross-entropy,

    L = log(sum_k exp(z_k)) - z_y,

and a batch's loss is the mean over its examples. Backpropagation is the chain rule, walked from
the last layer to the first. With d = dL/dz of a layer:

    dL/dW = a_in.T @ d      dL/db = sum of d over the batch      dL/da_in = d @ W.T

where d starts as (softmax(z) - onehot(y)) / batch_size at the last layer, and passing a ReLU
keeps it where the unit was on. Stochastic gradient descent then takes ``W -= rate * dL/dW``.

Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 6.2 and 6.5.
"""

from __future__ import annotations

import numpy as np

from bench.contract import Batches, FloatArray, LabelArray, Layer, Parameters, Problem


def forward(parameters: Parameters, images: FloatArray) -> list[FloatArray]:
    """Return the input of every layer, (n, fan_in) each, and at the end the scores, (n, 10)."""
    activations = [images]
    for layer in parameters[:-1]:
        sums = activations[-1] @ layer.weights + layer.bias  # (n, fan_out)
        activations.append(np.maximum(sums, 0, out=sums))
    last = parameters[-1]
    activations.append(activations[-1] @ last.weights + last.bias)  # (n, 10)
    return activations


def loss_and_score_gradient(scores: FloatArray, labels: LabelArray) -> tuple[float, FloatArray]:
    """Return mean softmax cross-entropy and its gradient with respect to the scores, (n, 10)."""
    rows = np.arange(len(labels))
    shifted = scores - scores.max(axis=1, keepdims=True)  # no overflow, same softmax
    exponentials = np.exp(shifted)
    normalisers = exponentials.sum(axis=1, keepdims=True)  # (n, 1)
    loss = np.mean(np.log(normalisers[:, 0]) - shifted[rows, labels])
    gradient = exponentials / normalisers  # softmax
    gradient[rows, labels] -= 1
    gradient /= len(labels)
    return float(loss), gradient


def loss_and_gradients(
    parameters: Parameters, images: FloatArray, labels: LabelArray
) -> tuple[float, Parameters]:
    """Return a batch's mean loss and its gradient with respect to every weight and bias."""
    activations = forward(parameters, images)
    loss, delta = loss_and_score_gradient(activations[-1], labels)
    gradients = []
    for index in reversed(range(len(parameters))):
        inputs = activations[index]
        gradients.append(Layer(inputs.T @ delta, delta.sum(axis=0)))
        if index > 0:  # the images need no gradient
            delta = delta @ parameters[index].weights.T
            delta *= inputs > 0  # a ReLU that was off passes nothing back
    return loss, tuple(reversed(gradients))


def descend(parameters: Parameters, gradients: Parameters, learning_rate: float) -> None:
    """Take one step of stochastic gradient descent, in place."""
    for layer, gradient in zip(parameters, gradients, strict=True):
        layer.weights[...] -= learning_rate * gradient.weights
        layer.bias[...] -= learning_rate * gradient.bias


class MLP:
    """The functions above, called in the order in which the harness asks."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        self._problem = problem
        self._parameters = _copy(parameters)

    def warm_up(self, batches: Batches) -> None:
        kept = self._parameters
        self._parameters = _copy(kept)
        self.train_epoch(batches[:20])
        self._parameters = kept

    def train_epoch(self, batches: Batches) -> float:
        problem = self._problem
        total_loss = 0.0
        for batch in batches:
            images, labels = problem.train_images[batch], problem.train_labels[batch]
            loss, gradients = loss_and_gradients(self._parameters, images, labels)
            descend(self._parameters, gradients, problem.learning_rate)
            total_loss += loss
        return total_loss / len(batches)

    def predict_scores(self, images: FloatArray) -> FloatArray:
        return forward(self._parameters, images)[-1]

    def parameters(self) -> Parameters:
        return _copy(self._parameters)


def _copy(parameters: Parameters) -> Parameters:
    return tuple(Layer(layer.weights.copy(), layer.bias.copy()) for layer in parameters)
