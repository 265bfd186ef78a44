"""A multilayer perceptron in TensorFlow without Keras: variables and a gradient tape.

A whole epoch is one call of a `tf.function`. The loop over the batches runs inside TensorFlow: it
gathers the images of a batch, computes gradients and updates the variables in place.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the import below reads it once

import numpy as np
import tensorflow as tf

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem, UnavailableError

ACTIVATIONS = {"relu": tf.nn.relu, "sigmoid": tf.math.sigmoid, "tanh": tf.math.tanh}


class MLP:
    """Calls one `tf.function` per epoch."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Copy data and parameters into TensorFlow and create the optimizer's state."""
        _choose_device(problem)
        self._problem = problem
        self._images = tf.constant(problem.train_images)
        self._labels = tf.constant(problem.train_labels)
        arrays = [array for layer in parameters for array in layer]
        self._variables = [tf.Variable(array) for array in arrays]
        # First moments: the velocity of momentum, or Adam's m. Second moments: Adam's v.
        self._first_moments = [tf.Variable(tf.zeros_like(array)) for array in arrays]
        self._second_moments = [tf.Variable(tf.zeros_like(array)) for array in arrays]
        self._n_steps = tf.Variable(0, dtype=tf.int64)
        self._state = [
            *self._variables, *self._first_moments, *self._second_moments, self._n_steps,
        ]  # fmt: skip
        self._train = tf.function(
            self._train_steps, input_signature=[tf.TensorSpec((None, None), tf.int64)]
        )

    def warm_up(self, batches: Batches) -> None:
        """Train on up to 20 batches, then restore all variables."""
        saved = [variable.numpy() for variable in self._state]
        self.train_epoch(batches[:20])
        for variable, value in zip(self._state, saved, strict=True):
            variable.assign(value)

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        return float(self._train(tf.constant(batches)))

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32."""
        return np.asarray(self._logits(tf.constant(images)))

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        arrays = [variable.numpy() for variable in self._variables]
        return tuple(
            Layer(weights, bias) for weights, bias in zip(arrays[::2], arrays[1::2], strict=True)
        )

    def device_name(self) -> str:
        """Return the name of the GPU."""
        gpu = tf.config.get_visible_devices("GPU")[0]
        return str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))

    def peak_device_memory_bytes(self) -> int:
        """Return the peak of TensorFlow's allocator on the GPU."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])

    def _train_steps(self, batches: Any) -> Any:
        """Make one update per row of `batches`; `tf.function` compiles the loop into the graph."""
        total_loss = tf.constant(0.0)
        n_steps = tf.shape(batches)[0]
        for step in tf.range(n_steps):
            images = tf.gather(self._images, batches[step])  # (batch_size, 784)
            labels = tf.gather(self._labels, batches[step])  # (batch_size,)
            with tf.GradientTape() as tape:
                loss = self._loss(self._logits(images), labels)
            self._update(tape.gradient(loss, self._variables))
            total_loss += loss
        return total_loss / tf.cast(n_steps, tf.float32)

    def _logits(self, images: Any) -> Any:
        """Forward pass: (n, 784) -> (n, 10)."""
        activations = images
        for weights, bias in zip(self._variables[:-2:2], self._variables[1:-2:2], strict=True):
            pre_activations = tf.nn.bias_add(activations @ weights, bias)  # (n, fan_out)
            activations = ACTIVATIONS[self._problem.recipe.activation](pre_activations)
        return tf.nn.bias_add(activations @ self._variables[-2], self._variables[-1])

    def _loss(self, logits: Any, labels: Any) -> Any:
        """Return the mean loss over a batch: logits (n, 10), labels (n,) -> scalar."""
        recipe = self._problem.recipe
        if recipe.loss == "cross_entropy":
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            return tf.reduce_mean(losses)
        output = tf.nn.softmax if recipe.output == "softmax" else tf.math.sigmoid
        errors = output(logits) - tf.one_hot(labels, logits.shape[1])
        if recipe.loss == "mean_squared_error":
            return tf.reduce_mean(tf.square(errors))
        return tf.reduce_mean(tf.reduce_sum(tf.square(errors), axis=1)) / 2

    def _update(self, gradients: list[Any]) -> None:
        """Make one step of the recipe's optimizer, in place."""
        recipe, rate = self._problem.recipe, self._problem.learning_rate
        t = tf.cast(self._n_steps.assign_add(1), tf.float32)
        for variable, first, second, gradient in zip(
            self._variables, self._first_moments, self._second_moments, gradients, strict=True
        ):
            if recipe.optimizer == "sgd":
                tf.raw_ops.ResourceApplyGradientDescent(
                    var=variable.handle, alpha=rate, delta=gradient
                )
            elif recipe.optimizer == "momentum":
                tf.raw_ops.ResourceApplyKerasMomentum(
                    var=variable.handle, accum=first.handle, lr=rate, grad=gradient,
                    momentum=recipe.momentum,
                )  # fmt: skip
            else:  # this operation is Kingma and Ba's second form, like the contract's Adam
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.handle, m=first.handle, v=second.handle, lr=rate, grad=gradient,
                    beta1=recipe.beta_1, beta1_power=recipe.beta_1**t,
                    beta2=recipe.beta_2, beta2_power=recipe.beta_2**t, epsilon=recipe.epsilon,
                )  # fmt: skip


def _choose_device(problem: Problem) -> None:
    """Set TensorFlow's device and number of threads, and turn TensorFloat-32 off."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    gpus = tf.config.list_physical_devices("GPU")
    if problem.device == "gpu" and not gpus:
        raise UnavailableError(
            "TensorFlow finds no GPU; install the NVIDIA driver, then: make setup EXTRAS=gpu"
        )
    tf.config.set_visible_devices(gpus if problem.device == "gpu" else [], "GPU")
    for gpu in gpus if problem.device == "gpu" else []:
        tf.config.experimental.set_memory_growth(gpu, True)
    if tf.config.threading.get_intra_op_parallelism_threads() != problem.threads:
        tf.config.threading.set_intra_op_parallelism_threads(problem.threads)
        tf.config.threading.set_inter_op_parallelism_threads(problem.threads)
