"""A multilayer perceptron in Keras: `Sequential`, `compile` and `fit`, as in its documentation.

The option `backend` selects TensorFlow, JAX or PyTorch. Keras reads it once, when it is imported.

The harness decides the order of the examples. Before every epoch the images are copied into that
order, and `fit` takes batches from the copy without shuffling: with TensorFlow through `tf.data`,
which is faster there than slicing arrays; with JAX and PyTorch from the arrays. The copy is timed,
because it is this implementation's way of assembling batches.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from bench.contract import (
    BACKEND_VARIABLE,
    Batches,
    FloatArray,
    Layer,
    Parameters,
    Problem,
    Recipe,
    UnavailableError,
)

BACKENDS = ("tensorflow", "jax", "torch")  # the names of the frameworks' modules, too
BACKEND = os.environ.get(BACKEND_VARIABLE) or BACKENDS[0]
if BACKEND not in BACKENDS:
    raise ValueError(f"options.backend={BACKEND}: must be one of {', '.join(BACKENDS)}")

# The imports below read these variables once.
os.environ["KERAS_BACKEND"] = BACKEND  # otherwise ~/.keras/keras.json decides
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX: GPU memory when needed

import keras  # noqa: E402

framework: Any = importlib.import_module(BACKEND)

Loss = Callable[[Any, Any], Any]


class MLP:
    """Calls `fit` once per epoch.

    Options:
        backend: tensorflow, jax or torch.
        jit_compile: compile a training step with XLA, or with `torch.compile`; auto for Keras's
            default.
        steps_per_execution: training steps per call of TensorFlow's compiled function, or of
            Keras's loop over JAX's compiled steps; PyTorch supports only 1.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Build and compile the model with the given initial parameters."""
        _check_keras(problem)
        DEVICES[BACKEND].choose(problem)
        self._problem = problem
        recipe = problem.recipe
        with self._on_device():
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
            self._model.optimizer.build(self._model.trainable_variables)

    def warm_up(self, batches: Batches) -> None:
        """Train a few steps, then restore all variables of the model and the optimizer."""
        variables = [*self._model.variables, *self._model.optimizer.variables]
        saved = [np.array(variable.numpy()) for variable in variables]  # copies
        # Enough steps to compile full executions and the shorter last one of an epoch.
        steps_per_execution = self._problem.options["steps_per_execution"]
        n_steps = 2 * steps_per_execution + len(batches) % steps_per_execution
        self.train_epoch(batches[:n_steps])
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)

    def train_epoch(self, batches: Batches) -> float:
        """Copy the examples into the order of `batches`, then call `fit`."""
        order = batches.ravel()  # (n_steps * batch_size,)
        images = self._problem.train_images[order]  # (n_steps * batch_size, 784)
        labels = self._problem.train_labels[order]
        batch_size = batches.shape[1]
        if BACKEND == "tensorflow":
            dataset = framework.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
            data = {"x": dataset.prefetch(framework.data.AUTOTUNE)}
        else:
            data = {"x": images, "y": labels, "batch_size": batch_size}
        with self._on_device():
            history = self._model.fit(**data, epochs=1, shuffle=False, verbose=0)
        return float(history.history["loss"][0])

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32."""
        with self._on_device():
            return np.asarray(self._model.predict(images, batch_size=1000, verbose=0))

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases."""
        arrays = [np.array(array) for array in self._model.get_weights()]
        return tuple(
            Layer(weights, bias) for weights, bias in zip(arrays[::2], arrays[1::2], strict=True)
        )

    def device_name(self) -> str:
        """Return the name of the GPU."""
        return str(DEVICES[BACKEND].name())

    def peak_device_memory_bytes(self) -> int | None:
        """Return the peak of the backend's allocator on the GPU; None if it does not count it."""
        peak: int | None = DEVICES[BACKEND].peak_memory_bytes()
        return peak

    def _on_device(self) -> AbstractContextManager[Any]:
        """Return a context in which Keras uses the run's device."""
        # With PyTorch, Keras uses the GPU if there is one. The others have been set by `choose`.
        return keras.device(self._problem.device) if BACKEND == "torch" else nullcontext()


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


def _check_keras(problem: Problem) -> None:
    """Raise an error unless Keras uses the backend of the options, and float32."""
    actual = f"{keras.backend.backend()}, {keras.config.floatx()}"
    expected = f"{problem.options['backend']}, float32"
    if actual != expected:
        raise RuntimeError(
            f"Keras uses {actual} instead of {expected}: something imported or configured it "
            "before this implementation (KERAS_HOME, sitecustomize)"
        )


class TensorFlowDevice:
    """TensorFlow's device, number of threads and precision."""

    @staticmethod
    def choose(problem: Problem) -> None:
        """Set the device and the number of threads, and turn TensorFloat-32 off."""
        config = framework.config
        config.experimental.enable_tensor_float_32_execution(False)
        gpus = config.list_physical_devices("GPU")
        if problem.device == "gpu" and not gpus:
            raise UnavailableError(
                "TensorFlow finds no GPU; install the NVIDIA driver, then: make setup EXTRAS=gpu"
            )
        config.set_visible_devices(gpus if problem.device == "gpu" else [], "GPU")
        for gpu in gpus if problem.device == "gpu" else []:
            config.experimental.set_memory_growth(gpu, True)
        if config.threading.get_intra_op_parallelism_threads() != problem.threads:
            config.threading.set_intra_op_parallelism_threads(problem.threads)
            config.threading.set_inter_op_parallelism_threads(problem.threads)

    @staticmethod
    def name() -> str:
        """Return the name of the GPU."""
        gpu = framework.config.get_visible_devices("GPU")[0]
        details = framework.config.experimental.get_device_details(gpu)
        return str(details.get("device_name", gpu.name))

    @staticmethod
    def peak_memory_bytes() -> int:
        """Return the peak of TensorFlow's allocator on the GPU."""
        return int(framework.config.experimental.get_memory_info("GPU:0")["peak"])


class JAXDevice:
    """JAX's device and precision. JAX has no setting for threads: it obeys the CPU affinity."""

    @staticmethod
    def choose(problem: Problem) -> None:
        """Set the device, and make matrix products use full float32 precision."""
        framework.config.update("jax_default_matmul_precision", "highest")
        on_gpu = problem.device == "gpu"
        # With "cuda" alone, JAX without a GPU fails with an AssertionError, not a RuntimeError.
        framework.config.update("jax_platforms", "cuda,cpu" if on_gpu else "cpu")
        try:
            framework.devices("cuda" if on_gpu else "cpu")
        except RuntimeError as error:
            raise UnavailableError(
                "JAX finds no GPU; install the NVIDIA driver, then: make setup EXTRAS=gpu"
            ) from error

    @staticmethod
    def name() -> str:
        """Return the name of the GPU."""
        return str(framework.devices()[0].device_kind)

    @staticmethod
    def peak_memory_bytes() -> int | None:
        """Return the peak of JAX's allocator; None if the allocator does not count it."""
        # An allocator that does not count it gives no such key, or -1.
        peak = (framework.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", -1)
        return int(peak) if peak >= 0 else None


class TorchDevice:
    """PyTorch's device, number of threads and precision."""

    @staticmethod
    def choose(problem: Problem) -> None:
        """Set the number of threads, turn TensorFloat-32 off, and check the device."""
        if problem.device == "gpu" and not framework.cuda.is_available():
            raise UnavailableError(
                f"PyTorch {framework.__version__} finds no GPU; install the NVIDIA driver, then: "
                "pip install --force-reinstall --constraint extras.lock torch"
            )
        framework.set_float32_matmul_precision("highest")
        framework.set_num_threads(problem.threads)

    @staticmethod
    def name() -> str:
        """Return the name of the GPU."""
        return str(framework.cuda.get_device_name())

    @staticmethod
    def peak_memory_bytes() -> int:
        """Return the peak of PyTorch's allocator on the GPU."""
        return int(framework.cuda.max_memory_allocated())


DEVICES: dict[str, Any] = {"tensorflow": TensorFlowDevice, "jax": JAXDevice, "torch": TorchDevice}
