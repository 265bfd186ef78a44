"""A multilayer perceptron in PyTorch: a `Sequential`, a loss, an optimizer and a loop.

It runs eagerly. With the option `compile`, `torch.compile` turns the forward and backward pass of
the model and its loss into one compiled function; the update stays eager.
"""

from __future__ import annotations

import functools
import math
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.contract import (
    Batches,
    FloatArray,
    Layer,
    Parameters,
    Problem,
    UnavailableError,
)

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}

Loss = Callable[[Any, Any, Any], Any]


class MLP:
    """Runs the usual loop of zero_grad, backward and step.

    Options:
        compile: use `torch.compile` for the model and its loss.
    """

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        """Move the data to the device and build the model with the initial parameters."""
        device = _choose_device(problem)
        self._problem = problem
        self._device = device
        # On the CPU these tensors share the memory of the NumPy arrays.
        self._images = torch.from_numpy(problem.train_images).to(device)
        self._labels = torch.from_numpy(problem.train_labels).to(device)
        self._model = _model(problem, parameters).to(device)
        self._optimizer = _optimizer(problem, self._model)
        self._n_steps = 0
        self._loss = _loss(
            problem.recipe.output, problem.recipe.loss, bool(problem.options["compile"])
        )

    def warm_up(self, batches: Batches) -> None:
        """Train a copy of the model on up to 20 batches; the model itself does not change."""
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        total_loss = torch.zeros((), device=self._device)
        for rows in torch.from_numpy(np.ascontiguousarray(batches)).to(self._device):
            self._optimizer.zero_grad()
            loss = self._loss(self._model, self._images[rows], self._labels[rows])
            loss.backward()
            self._step()
            total_loss += loss.detach()
        return float(total_loss) / len(batches)  # float() waits for the device

    def predict_scores(self, images: FloatArray) -> FloatArray:
        """Return logits (n, 10) float32."""
        with torch.inference_mode():
            logits = self._model(torch.from_numpy(images).to(self._device))
        return np.asarray(logits.cpu())

    def parameters(self) -> Parameters:
        """Return copies of the current weights and biases; PyTorch stores weights transposed."""
        arrays = [array.detach().cpu().numpy() for array in self._model.parameters()]
        return tuple(
            Layer(weights.T.copy(), bias.copy())
            for weights, bias in zip(arrays[::2], arrays[1::2], strict=True)
        )

    def device_name(self) -> str:
        """Return the name of the GPU."""
        return str(torch.cuda.get_device_name(self._device))

    def peak_device_memory_bytes(self) -> int:
        """Return the peak of PyTorch's allocator on the GPU."""
        return int(torch.cuda.max_memory_allocated(self._device))

    def _step(self) -> None:
        """Make one update with the recipe's definition of epsilon.

        PyTorch's Adam divides by ``sqrt(v) / sqrt(1 - beta_2^t) + eps``, the recipe's Adam by
        ``(sqrt(v) + epsilon) / sqrt(1 - beta_2^t)``: eps is epsilon / sqrt(1 - beta_2^t).
        """
        self._n_steps += 1
        recipe = self._problem.recipe
        if recipe.optimizer == "adam":
            correction = math.sqrt(1 - recipe.beta_2**self._n_steps)
            self._optimizer.param_groups[0]["eps"] = recipe.epsilon / correction
        self._optimizer.step()


def _model(problem: Problem, parameters: Parameters) -> nn.Sequential:
    """Build the model from copies of the parameters; its outputs are the logits."""
    modules: list[nn.Module] = []
    for layer in parameters:
        linear = nn.Linear(*layer.weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(layer.weights.T.copy()))
            linear.bias.copy_(torch.from_numpy(layer.bias.copy()))
        modules += [linear, ACTIVATIONS[problem.recipe.activation]()]
    return nn.Sequential(*modules[:-1])


def _optimizer(problem: Problem, model: nn.Module) -> torch.optim.Optimizer:
    recipe, rate = problem.recipe, problem.learning_rate
    if recipe.optimizer == "adam":
        betas = (recipe.beta_1, recipe.beta_2)
        return torch.optim.Adam(model.parameters(), rate, betas, recipe.epsilon)
    momentum = recipe.momentum if recipe.optimizer == "momentum" else 0.0
    return torch.optim.SGD(model.parameters(), rate, momentum)


@functools.cache
def _loss(output: str, loss: str, compiled: bool) -> Loss:
    """Return the mean loss as a function of model, images and labels.

    It is cached: `warm_up` compiles it with a copy of the model, and the model itself uses it too.
    """

    def mean_loss(model: Any, images: Any, labels: Any) -> Any:
        logits = model(images)  # (batch_size, 10)
        if loss == "cross_entropy":
            return nn.functional.cross_entropy(logits, labels)
        outputs = logits.softmax(dim=1) if output == "softmax" else logits.sigmoid()
        errors = (outputs - nn.functional.one_hot(labels, logits.shape[1])).square()
        if loss == "mean_squared_error":
            return errors.mean()
        return errors.sum(dim=1).mean() / 2

    # fullgraph: raise an error if a part can't be compiled, instead of running it eagerly.
    return torch.compile(mean_loss, fullgraph=True) if compiled else mean_loss


def _choose_device(problem: Problem) -> torch.device:
    """Set PyTorch's number of threads, turn TensorFloat-32 off, and return the device."""
    if problem.options["compile"] and problem.device == "cpu" and not shutil.which("g++"):
        raise UnavailableError("torch.compile needs a C++ compiler; apt-get install g++")
    if problem.device == "gpu" and not torch.cuda.is_available():
        raise UnavailableError(
            f"PyTorch {torch.__version__} finds no GPU; install the NVIDIA driver, then: "
            "pip install --force-reinstall --constraint extras.lock torch"
        )
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(problem.threads)
    return torch.device("cuda" if problem.device == "gpu" else "cpu")
