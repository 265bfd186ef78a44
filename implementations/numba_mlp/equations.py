"""The equations of recipes: activations, losses and optimizers. Compiled code calls them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from bench.contract import Recipe
from implementations.numba_mlp.memory import PANEL

N_CLASSES = 10
ZERO, HALF, ONE, TWO = (np.float32(number) for number in (0, 0.5, 1, 2))
MAX_TANH = np.float32(9)
# Fitted to tanh(z) / z over |z| < 9, so that the largest relative error is smallest.
P0, P1, P2, P3, P4 = map(
    np.float32, (0.9999999796, 0.1338094111, 3.495485695e-3, 2.060732643e-5, 1.335212863e-8)
)
Q1, Q2, Q3, Q4 = map(np.float32, (0.4671425678, 2.587659770e-2, 3.285464086e-4, 7.775540857e-7))

compiled = njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})


@compiled
def relu(z: Any) -> Any:
    """Return the larger of 0 and z. NaN stays NaN."""
    return ZERO if z < ZERO else z


@compiled
def relu_slope(a: Any) -> Any:
    """Return the derivative of relu where its value is a."""
    return ONE if a > ZERO else ZERO


@compiled
def tanh(z: Any) -> Any:
    """Compute tanh as z times a quotient of two polynomials in z^2; this can be vectorised.

    Its relative error is below 5e-7. Beyond z = 9, tanh is 1 in float32. NaN stays NaN, because
    comparisons with it are false.
    """
    z = -MAX_TANH if z < -MAX_TANH else MAX_TANH if z > MAX_TANH else z
    t = z * z
    top = P0 + t * (P1 + t * (P2 + t * (P3 + t * P4)))
    bottom = ONE + t * (Q1 + t * (Q2 + t * (Q3 + t * Q4)))
    a = z * top / bottom
    return -ONE if a < -ONE else ONE if a > ONE else a


@compiled
def tanh_slope(a: Any) -> Any:
    """Return the derivative of tanh where its value is a."""
    return ONE - a * a


@compiled
def sigmoid(z: Any) -> Any:
    """Compute 1 / (1 + exp(-z)), which is (1 + tanh(z / 2)) / 2, with an error below 5e-7."""
    return HALF + HALF * tanh(HALF * z)


@compiled
def sigmoid_slope(a: Any) -> Any:
    """Return the derivative of sigmoid where its value is a."""
    return a * (ONE - a)


# Each activation f(z), and its derivative as a function of a = f(z).
ACTIVATIONS = {
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (tanh, tanh_slope),
}


def compile_loss(recipe: Recipe) -> Any:
    """Return a function of one example's logits and label: it sets delta and returns the loss."""
    is_softmax = recipe.output == "softmax"
    is_cross_entropy = recipe.loss == "cross_entropy"
    share = np.float32(1 / N_CLASSES if recipe.loss == "mean_squared_error" else 1 / 2)

    @compiled
    def softmax(logits: Any, outputs: Any) -> Any:
        """Set the outputs; return the largest logit, and the sum of exp(logit - largest)."""
        largest = logits[0]
        for k in range(1, N_CLASSES):
            largest = max(largest, logits[k])
        total = ZERO
        for k in range(N_CLASSES):
            outputs[k] = math.exp(logits[k] - largest)
            total += outputs[k]
        for k in range(N_CLASSES):
            outputs[k] /= total
        return largest, total

    @compiled
    def cross_entropy(logits: Any, label: Any, delta: Any) -> Any:
        """Compute log(sum of exp(logits)) - logits[label]; delta = softmax(logits) - truth."""
        largest, total = softmax(logits, delta)
        delta[label] -= ONE
        return math.log(total) - (logits[label] - largest)

    @compiled
    def squared_error(logits: Any, label: Any, delta: Any) -> Any:
        """Compute share * sum of (p - truth)^2, p = softmax or sigmoid of the logits.

        With e = p - truth: delta = 2 share p (e - sum of e p) of softmax,
        delta = 2 share e p (1 - p) of sigmoid.
        """
        if is_softmax:
            softmax(logits, delta)
        else:
            for k in range(N_CLASSES):
                delta[k] = sigmoid(logits[k])
        loss, inner = ZERO, ZERO
        for k in range(N_CLASSES):
            error = delta[k] - (ONE if k == label else ZERO)
            loss += error * error
            inner += error * delta[k]
        for k in range(N_CLASSES):
            p = delta[k]
            error = p - (ONE if k == label else ZERO)
            by_output = error - inner if is_softmax else error * (ONE - p)
            delta[k] = TWO * share * p * by_output
        return share * loss

    return cross_entropy if is_cross_entropy else squared_error


def compile_optimizer(recipe: Recipe) -> tuple[Any, Any]:
    """Return two functions: one updates parameters, the other computes the rate of a step.

    The first updates n rows of 16 parameters, from row `start` on, with `gradient` times `scale`.
    The second returns the rate for the update number t, which is 1 for the first one.
    """
    b1, b2 = recipe.beta_1, recipe.beta_2
    momentum, beta_1, beta_2, rest_1, rest_2, epsilon = map(
        np.float32, (recipe.momentum, b1, b2, 1 - b1, 1 - b2, recipe.epsilon)
    )
    is_adam = recipe.optimizer == "adam"

    @compiled
    def sgd(state: Any, start: Any, gradient: Any, n: Any, scale: Any, rate: Any) -> None:
        """Update p -= rate g."""
        for i in range(n):
            p = state.parameters[start + i]
            for j in range(PANEL):
                p[j] -= rate * (scale * gradient[i, j])

    @compiled
    def heavy_ball(state: Any, start: Any, gradient: Any, n: Any, scale: Any, rate: Any) -> None:
        """Update v = momentum v - rate g; p += v."""
        for i in range(n):
            p, v = state.parameters[start + i], state.first_moments[start + i]
            for j in range(PANEL):
                v[j] = momentum * v[j] - rate * (scale * gradient[i, j])
                p[j] += v[j]

    @compiled
    def adam(state: Any, start: Any, gradient: Any, n: Any, scale: Any, rate: Any) -> None:
        """Update m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= rate m / (sqrt(v) + eps)."""
        for i in range(n):
            p = state.parameters[start + i]
            m, v = state.first_moments[start + i], state.second_moments[start + i]
            for j in range(PANEL):
                g = scale * gradient[i, j]
                m[j] = beta_1 * m[j] + rest_1 * g
                v[j] = beta_2 * v[j] + rest_2 * g * g
                p[j] -= rate * m[j] / (math.sqrt(v[j]) + epsilon)

    @compiled
    def rate_of_step(rate: Any, t: Any) -> Any:
        """Return Adam's rate sqrt(1 - b2^t) / (1 - b1^t), or the rate itself."""
        if is_adam:
            return np.float32(rate * math.sqrt(1 - b2**t) / (1 - b1**t))
        return rate

    optimize = {"sgd": sgd, "momentum": heavy_ball, "adam": adam}[recipe.optimizer]
    return optimize, rate_of_step
