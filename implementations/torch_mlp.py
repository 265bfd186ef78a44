"""The same multilayer perceptron in PyTorch: a `Sequential`, a loss, an optimizer, a loop.

Eager, the way its users write it; with the option `compile`, `torch.compile` turns the model and
its loss into one function, forwards and backwards, and the update stays as it is.
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
    """The usual loop of zero_grad, backward and step. Option: `compile`."""

    def setup(self, problem: Problem, parameters: Parameters) -> None:
        device = _choose_device(problem)
        self._problem = problem
        self._device = device
        # On the CPU these share the memory of the arrays.
        self._images = torch.from_numpy(problem.train_images).to(device)
        self._labels = torch.from_numpy(problem.train_labels).to(device)
        self._model = _model(problem, parameters).to(device)
        self._optimizer = _optimizer(problem, self._model)
        self._n_steps = 0
        self._loss = _loss(
            problem.recipe.output, problem.recipe.loss, bool(problem.options["compile"])
        )

    def warm_up(self, batches: Batches) -> None:
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        total_loss = torch.zeros((), device=self._device)
        for rows in torch.from_numpy(np.ascontiguousarray(batches)).to(self._device):
            self._optimizer.zero_grad()
            loss = self._loss(self._model, self._images[rows], self._labels[rows])
            loss.backward()
            self._step()
            total_loss += loss.detach()
        return float(total_loss) / len(batches)  # the float waits for the device

    def predict_scores(self, images: FloatArray) -> FloatArray:
        with torch.inference_mode():
            scores = self._model(torch.from_numpy(images).to(self._device))
        return np.asarray(scores.cpu())

    def parameters(self) -> Parameters:
        arrays = [array.detach().cpu().numpy() for array in self._model.parameters()]
        return tuple(
            Layer(weights.T.copy(), bias.copy())
            for weights, bias in zip(arrays[::2], arrays[1::2], strict=True)
        )

    def device_name(self) -> str:
        return str(torch.cuda.get_device_name(self._device))

    def peak_device_memory_bytes(self) -> int:
        return int(torch.cuda.max_memory_allocated(self._device))

    def _step(self) -> None:
        """Make one update. PyTorch's Adam adds epsilon to the corrected sqrt(v); the recipe adds it
        to sqrt(v) itself, which is the same as an epsilon that is corrected as well."""
        self._n_steps += 1
        recipe = self._problem.recipe
        if recipe.optimizer == "adam":
            correction = math.sqrt(1 - recipe.beta_2**self._n_steps)
            self._optimizer.param_groups[0]["eps"] = recipe.epsilon / correction
        self._optimizer.step()


def _model(problem: Problem, parameters: Parameters) -> nn.Sequential:
    """Build the model from copies of the parameters; the last layer gives the scores."""
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
    """Return a function of model, images and labels; one for all models, so compiled only once."""

    def mean_loss(model: Any, images: Any, labels: Any) -> Any:
        scores = model(images)
        if loss == "cross_entropy":
            return nn.functional.cross_entropy(scores, labels)
        outputs = scores.softmax(dim=1) if output == "softmax" else scores.sigmoid()
        errors = (outputs - nn.functional.one_hot(labels, scores.shape[1])).square()
        if loss == "mean_squared_error":
            return errors.mean()
        return errors.sum(dim=1).mean() / 2

    # The whole of it or an error: no part may fall back to eager unseen.
    return torch.compile(mean_loss, fullgraph=True) if compiled else mean_loss


def _choose_device(problem: Problem) -> torch.device:
    """Give PyTorch the device and the threads of the run; float32 stays float32."""
    if problem.options["compile"] and problem.device == "cpu" and not shutil.which("g++"):
        raise UnavailableError("torch.compile needs a C++ compiler; apt-get install g++")
    if problem.device == "gpu" and not torch.cuda.is_available():
        raise UnavailableError(
            f"PyTorch {torch.__version__} finds no GPU; with an NVIDIA driver in place: "
            "pip install --force-reinstall --constraint extras.lock torch"
        )
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(problem.threads)
    return torch.device("cuda" if problem.device == "gpu" else "cpu")
