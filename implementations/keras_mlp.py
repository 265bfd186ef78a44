"""The same multilayer perceptron in Keras: `Sequential`, `compile`, `fit`, as its users write it.

The harness decides the order of the examples, so an epoch's images are laid out in that order and
`fit` is told not to shuffle. That copy is timed: it is this implementation's way of assembling
batches.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, at the import below

import keras
import numpy as np
import tensorflow as tf

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem, UnavailableError


class MLP:
    """`fit` for one epoch at a time. Options: `jit_compile`, `steps_per_execution`."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        _choose_device(problem)
        self._problem = problem
        hidden = [
            keras.layers.Dense(size, activation=problem.recipe.activation)
            for size in problem.layer_sizes[1:-1]
        ]
        scores = keras.layers.Dense(problem.layer_sizes[-1])  # the loss applies the softmax
        self._model = keras.Sequential([keras.Input((problem.layer_sizes[0],)), *hidden, scores])
        self._model.set_weights([array for layer in parameters for array in layer])
        self._model.compile(
            optimizer=keras.optimizers.SGD(learning_rate=problem.learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=problem.options["jit_compile"],
            steps_per_execution=problem.options["steps_per_execution"],
        )

    def warm_up(self, batches: Batches) -> None:
        optimizer = self._model.optimizer
        optimizer.build(self._model.trainable_variables)
        variables = [*self._model.variables, *optimizer.variables]
        kept = [variable.numpy() for variable in variables]
        n_steps = 2 * self._problem.options["steps_per_execution"]
        self.train_epoch(batches[:n_steps])
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)

    def train_epoch(self, batches: Batches) -> float:
        order = batches.ravel()
        history = self._model.fit(
            self._problem.train_images[order],
            self._problem.train_labels[order],
            batch_size=batches.shape[1],
            epochs=1,
            shuffle=False,
            verbose=0,
        )
        return float(history.history["loss"][0])

    def predict_scores(self, images: FloatArray) -> FloatArray:
        return np.asarray(self._model.predict(images, batch_size=1000, verbose=0))

    def parameters(self) -> Parameters:
        arrays = self._model.get_weights()
        return tuple(
            Layer(weights, bias) for weights, bias in zip(arrays[::2], arrays[1::2], strict=True)
        )


def _choose_device(problem: Problem) -> None:
    """Give TensorFlow the device and the threads of the run; float32 stays float32."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    gpus = tf.config.list_physical_devices("GPU")
    if problem.device == "gpu" and not gpus:
        raise UnavailableError(
            "TensorFlow finds no GPU; with an NVIDIA driver in place: "
            "pip install 'tensorflow[and-cuda]'"
        )
    tf.config.set_visible_devices(gpus if problem.device == "gpu" else [], "GPU")
    for gpu in gpus if problem.device == "gpu" else []:
        tf.config.experimental.set_memory_growth(gpu, True)
    if tf.config.threading.get_intra_op_parallelism_threads() != problem.threads:
        tf.config.threading.set_intra_op_parallelism_threads(problem.threads)
        tf.config.threading.set_inter_op_parallelism_threads(problem.threads)
