"""A multilayer perceptron in Keras: `Sequential`, `compile` and `fit`, as in its documentation.

The harness decides the order of the examples. Before every epoch the images are copied into that
order, and `fit` slices batches from the copy without shuffling. The copy is timed, because it is
this implementation's way of assembling batches.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

# The imports below read both variables once.
os.environ["KERAS_BACKEND"] = "tensorflow"  # otherwise ~/.keras/keras.json decides
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from bench.contract import (
    Batches,
    FloatArray,
    Layer,
    Parameters,
    Problem,
    Recipe,
    UnavailableError,
)

Loss = Callable[[Any, Any], Any]


class MLP:
    """Calls `fit` once per epoch.

    Options:
        jit_compile: compile a training step with XLA.
        steps_per_execution: training steps per call of TensorFlow's compiled function.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build and compile the model with the given initial parameters."""
        _check_keras()
        _choose_device(problem)
        self._problem = problem
        recipe = problem.recipe
        hidden = [
            keras.layers.Dense(size, activation=recipe.activation)
            for size in problem.layer_sizes[1:-1]
        ]
        # The last layer returns logits; the loss applies softmax or sigmoid to them.
        last = keras.layers.Dense(problem.layer_sizes[-1])
        self._model = keras.Sequential([keras.Input((problem.layer_sizes[0],)), *hidden, last])
        self._model.set_weights([array for layer in parameters for array in layer])
        self._model.compile(
            optimizer=_optimizer(problem),
            loss=_loss(recipe),
            jit_compile=problem.options["jit_compile"],
            steps_per_execution=problem.options["steps_per_execution"],
        )

    def warm_up(self, batches: Batches) -> None:
        """Train a few steps, then restore all variables of the model and the optimizer."""
        optimizer = self._model.optimizer
        optimizer.build(self._model.trainable_variables)
        variables = [*self._model.variables, *optimizer.variables]
        saved = [variable.numpy() for variable in variables]
        # Enough steps to compile full executions and the shorter last one of an epoch.
        steps_per_execution = self._problem.options["steps_per_execution"]
        n_steps = 2 * steps_per_execution + len(batches) % steps_per_execution
        self.train_epoch(batches[:n_steps])
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)

    def train_epoch(self, batches: Batches) -> float:
        """Copy the examples into the order of `batches`, then call `fit`."""
        order = batches.ravel()  # (n_steps * batch_size,)
        history = self._model.fit(
            self._problem.train_images[order],  # (n_steps * batch_size, 784)
            self._problem.train_labels[order],
            batch_size=batches.shape[1],
            epochs=1,
            shuffle=False,
            verbose=0,
        )
        return float(history.history["loss"][0])

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32."""
        return np.asarray(self._model.predict(images, batch_size=1000, verbose=0))

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        arrays = self._model.get_weights()
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


def _optimizer(problem: Problem) -> keras.optimizers.Optimizer:
    recipe, rate = problem.recipe, problem.learning_rate
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(rate, recipe.beta_1, recipe.beta_2, recipe.epsilon)
    momentum = recipe.momentum if recipe.optimizer == "momentum" else 0.0
    return keras.optimizers.SGD(rate, momentum)


def _loss(recipe: Recipe) -> Loss:
    """Return a function of labels and logits: Keras's cross-entropy, or a squared error."""
    if recipe.loss == "cross_entropy":
        cross_entropy: Loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return cross_entropy
    output = keras.ops.softmax if recipe.output == "softmax" else keras.ops.sigmoid

    def squared_error(labels: Any, logits: Any) -> Any:
        truth = keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), logits.shape[-1])
        errors = keras.ops.square(output(logits) - truth)  # (batch_size, 10)
        if recipe.loss == "mean_squared_error":
            return keras.ops.mean(errors, axis=-1)
        return keras.ops.sum(errors, axis=-1) / 2

    return squared_error


def _check_keras() -> None:
    """Raise an error unless Keras uses TensorFlow and float32."""
    actual = f"{keras.backend.backend()}, {keras.config.floatx()}"
    if actual != "tensorflow, float32":
        raise RuntimeError(
            f"Keras uses {actual} instead of tensorflow, float32: something imported or configured "
            "it before this implementation (KERAS_HOME, sitecustomize)"
        )


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
