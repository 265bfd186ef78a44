"""A multilayer perceptron in PyTorch: a `Sequential`, a loss, an optimizer and a loop.

It runs eagerly. With the option `compile`, `torch.compile` turns a whole training step into
one function: gathering the batch, forward pass, gradients and update. `backward` can't be a part of
such a function: gradients come from `torch.func`, and the update is written here.
"""

from __future__ import annotations

import functools
import math
import shutil
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.contract import Batches, FloatArray, Layer, Parameters, Problem, Recipe, UnavailableError

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


class MLP:
    """Runs the usual loop of zero_grad, backward and step, or a compiled step.

    Options:
        compile: use `torch.compile` for a whole training step.
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
        # The state of the compiled step. These tensors share the memory of the model's parameters.
        self._parameters = [parameter.detach() for parameter in self._model.parameters()]
        self._first_moments = [torch.zeros_like(array) for array in self._parameters]
        self._second_moments = [torch.zeros_like(array) for array in self._parameters]
        self._n_steps = 0

    def warm_up(self, batches: Batches) -> None:
        """Train a copy of the model on up to 20 batches; the model itself does not change."""
        trial = MLP()
        trial.setup(self._problem, self.parameters())
        trial.train_epoch(batches[:20])

    def train_epoch(self, batches: Batches) -> float:
        """Make one update per row of `batches` (n_steps, batch_size); return the mean loss."""
        total_loss = torch.zeros((), device=self._device)
        rows = torch.from_numpy(np.ascontiguousarray(batches)).to(self._device)
        if self._problem.options["compile"]:
            self._train_compiled(rows, total_loss)
        else:
            self._train_eagerly(rows, total_loss)
        return float(total_loss) / len(batches)  # float() waits for the device

    def _train_eagerly(self, batches: Any, total_loss: Any) -> None:
        """Make one update per row of `batches`, and add each loss to `total_loss`."""
        for rows in batches:
            images = self._images.index_select(0, rows)  # faster than self._images[rows]
            labels = self._labels.index_select(0, rows)
            self._optimizer.zero_grad()
            loss = _mean_loss(self._model(images), labels, self._problem.recipe)
            loss.backward()
            self._step()
            total_loss += loss.detach()

    def _train_compiled(self, batches: Any, total_loss: Any) -> None:
        """Make one update per row of `batches`, and add each loss to `total_loss`."""
        rates = self._rates(len(batches))
        step = _compiled_step(self._problem.recipe)
        state = (self._parameters, self._first_moments, self._second_moments, total_loss)
        with torch.no_grad():
            for rows, rate in zip(batches, rates, strict=True):
                step(*state, self._images, self._labels, rows, rate)

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

    def _rates(self, n_steps: int) -> Any:
        """Return the learning rates of the next steps (n_steps,), with Adam's correction."""
        recipe, rate = self._problem.recipe, self._problem.learning_rate
        t = np.arange(self._n_steps + 1, self._n_steps + n_steps + 1, dtype=np.float64)
        self._n_steps += n_steps
        rates = np.full(n_steps, rate)
        if recipe.optimizer == "adam":
            rates *= np.sqrt(1 - recipe.beta_2**t) / (1 - recipe.beta_1**t)
        return torch.from_numpy(rates.astype(np.float32)).to(self._device)

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


def _mean_loss(logits: Any, labels: Any, recipe: Recipe) -> Any:
    """Return the mean loss over a batch: logits (n, 10), labels (n,) -> scalar."""
    if recipe.loss == "cross_entropy":
        return nn.functional.cross_entropy(logits, labels)
    outputs = logits.softmax(dim=1) if recipe.output == "softmax" else logits.sigmoid()
    errors = (outputs - nn.functional.one_hot(labels, logits.shape[1])).square()
    if recipe.loss == "mean_squared_error":
        return errors.mean()
    return errors.sum(dim=1).mean() / 2


@functools.cache
def _compiled_step(recipe: Recipe) -> Any:
    """Return a compiled function that makes an update in place and adds to the total loss.

    It is cached: `warm_up` compiles it with a copy of the model, and the model itself uses it too.
    """
    activation = getattr(torch, recipe.activation)

    def loss_of(parameters: Any, images: Any, labels: Any) -> Any:
        """Forward pass of the model as a function of its parameters, and loss."""
        activations = images
        for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            activations = activation(nn.functional.linear(activations, weights, bias))
        logits = nn.functional.linear(activations, *parameters[-2:])
        return _mean_loss(logits, labels, recipe)

    def step(
        parameters: Any, first_moments: Any, second_moments: Any, total_loss: Any,
        images: Any, labels: Any, rows: Any, rate: Any,
    ) -> None:  # fmt: skip
        gradients, loss = torch.func.grad_and_value(loss_of)(
            parameters, images.index_select(0, rows), labels.index_select(0, rows)
        )
        total_loss += loss
        for arrays in zip(parameters, first_moments, second_moments, gradients, strict=True):
            _update(*arrays, rate, recipe)

    # Otherwise PyTorch refuses to compile the same code for more than a few recipes in one process.
    torch.compiler.reset()
    # fullgraph: raise an error if a part can't be compiled, instead of running it eagerly.
    return torch.compile(step, fullgraph=True, dynamic=False)


def _update(
    parameter: Any, first: Any, second: Any, gradient: Any, rate: Any, recipe: Recipe
) -> None:
    """Make one step of the recipe's optimizer, in place.

    Args:
        parameter: weights or bias.
        first: the velocity of momentum, or Adam's m.
        second: Adam's v.
        gradient: shaped like the others.
        rate: the learning rate, with Adam's correction; a scalar tensor.
        recipe: the equations.
    """
    if recipe.optimizer == "sgd":
        parameter.sub_(rate * gradient)
    elif recipe.optimizer == "momentum":
        first.mul_(recipe.momentum).sub_(rate * gradient)
        parameter.add_(first)
    else:
        first.mul_(recipe.beta_1).add_(gradient, alpha=1 - recipe.beta_1)
        second.mul_(recipe.beta_2).addcmul_(gradient, gradient, value=1 - recipe.beta_2)
        parameter.sub_(rate * first / (second.sqrt() + recipe.epsilon))


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
