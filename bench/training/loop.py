"""The timed loop: one implementation trains one problem, and the harness evaluates it.

Only `train_epoch` is timed as training. Evaluation uses the same NumPy code for all, and is not
timed as training.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.config.schema import RunConfig
from bench.contract import Batches, FloatArray, Implementation, LabelArray, Problem, ReportsOnDevice
from bench.data.datasets import SAMPLE_SIZE
from bench.data.splits import Split
from bench.machine import ceiling, facts, gpu, noise, usage
from bench.records import EpochRecord
from bench.training import sampling
from bench.training.divergence import has_diverged, training_sample
from bench.training.flops import flops_per_example
from bench.training.metrics import Metrics, confusion_matrix, evaluate, mistakes
from bench.training.result import EpochEnded, Result
from bench.training.timer import Timer


def train(
    implementation: Implementation,
    config: RunConfig,
    split: Split,
    timer: Timer,
    on_epoch: Callable[[EpochEnded], None],
) -> Result:
    """Train for `config.epochs` epochs, or until the run has diverged.

    Args:
        implementation: a new instance before `setup`.
        config: the run's configuration.
        split: examples for training, validation and test.
        timer: the seconds of each part of the run are added to it.
        on_epoch: called after every epoch, and before the first one with the untrained model.
    """
    trainer = Trainer(implementation, config, split, timer)
    meter = noise.ContentionMeter()
    with timer.part("ceiling"):
        before = ceiling.measure()
    trainer.prepare()
    # If the learning rate is too large, values overflow. Ignore NumPy's warning: the loss shows it.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        epochs = [trainer.evaluate_untrained()]
        on_epoch(EpochEnded(epoch=epochs[0], examples_per_second=None))
        diverged = False
        while not diverged and len(epochs) <= config.epochs:
            epochs.append(trainer.train_epoch(len(epochs)))
            speed = trainer.examples_per_epoch / epochs[-1].train_seconds
            on_epoch(EpochEnded(epoch=epochs[-1], examples_per_second=speed))
            diverged = has_diverged(epochs)
        test = {} if diverged else trainer.test()
        if test and has_diverged(epochs, test["test_loss"]):
            test = {}
    with timer.part("ceiling"):
        after = ceiling.measure()
        circumstances = _circumstances(config, before, after, meter.read())
    speed = statistics.median(
        trainer.examples_per_epoch / epoch.train_seconds for epoch in epochs[1:]
    )
    mean_ceiling = statistics.mean(circumstances["ceiling_flops_per_second"].values())
    utilisation = speed * flops_per_example(config.layer_sizes) / mean_ceiling
    # The processor's ceiling and memory are not meaningful on a GPU.
    on_gpu = config.device == "gpu"
    reporter = implementation if on_gpu and isinstance(implementation, ReportsOnDevice) else None
    return Result(
        status="done" if test else "diverged",
        epochs=tuple(epochs),
        examples_per_epoch=trainer.examples_per_epoch,
        examples_per_second=speed,
        flops_utilisation=None if on_gpu else utilisation,
        peak_memory_bytes=reporter.peak_device_memory_bytes() if reporter else None,
        environment={
            **circumstances,
            "train_cpu_seconds": timer.train_cpu_seconds,
            "cores_kept_busy": timer.train_cpu_seconds / timer.seconds["train"],
            **(_device(reporter) if reporter else {}),
        },
        **test,
    )


def _device(implementation: ReportsOnDevice) -> dict[str, Any]:
    """Return the entries of a record's `environment` about the GPU."""
    return {
        "gpu": implementation.device_name(),
        "gpu_peak_flops_per_second": gpu.peak_flops_per_second(),
    }


def _circumstances(
    config: RunConfig,
    before: Mapping[str, float],
    after: Mapping[str, float],
    contention: noise.Contention,
) -> dict[str, Any]:
    """Return the entries of a record's `environment` about the cores and their disturbances."""
    libraries = facts.linear_algebra()
    readings = {"before": max(before.values()), "after": max(after.values())}
    best = ceiling.best(max(readings.values()), libraries)
    reasons = noise.noisy_reasons(
        ceiling_before=readings["before"],
        ceiling_after=readings["after"],
        best_ceiling=best,
        contention=contention,
    )
    on_gpu = config.device == "gpu"
    return {
        "cores": list(facts.usable_cores()),
        "ceiling_flops_per_second": readings,
        "ceiling_flops_per_second_by_shape": {"before": before, "after": after},
        "best_ceiling_flops_per_second": best,
        "linear_algebra": libraries,
        **dataclasses.asdict(contention),
        "noisy": None if on_gpu else bool(reasons),
        "noisy_reasons": [] if on_gpu else reasons,
    }


@dataclass(frozen=True)
class Trainer:
    """The steps of one run; each adds its seconds to the timer."""

    implementation: Implementation
    config: RunConfig
    split: Split
    timer: Timer

    @property
    def examples_per_epoch(self) -> int:
        """Number of examples in an epoch: whole batches only."""
        n_steps = len(self.split.train_labels) // self.config.batch_size
        return n_steps * self.config.batch_size

    def prepare(self) -> None:
        """Set the implementation up and let it compile."""
        config = self.config
        problem = Problem(
            train_images=self.split.train_images,
            train_labels=self.split.train_labels,
            layer_sizes=config.layer_sizes,
            recipe=config.recipe,
            learning_rate=config.learning_rate,
            device=config.device,
            threads=len(config.cores),
            options=config.implementation.options,
        )
        parameters = sampling.initial_parameters(
            config.seed, config.layer_sizes, config.recipe.initializer
        )
        with self.timer.part("setup"):
            self.implementation.setup(problem, parameters)
        with self.timer.part("warm_up"):
            self.implementation.warm_up(self._batches(1))
        # The collector ignores frozen objects. Traversing a framework's objects before every epoch
        # would take a tenth of a second each time.
        gc.collect()
        gc.freeze()

    def evaluate_untrained(self) -> EpochRecord:
        """Return epoch 0: the model before training, with the loss over the training set."""
        start = time.perf_counter()
        with self.timer.part("evaluate"):
            metrics = self._evaluate(self.split.train_images, self.split.train_labels)
        return self._epoch(0, metrics.loss, train_seconds=0.0, evaluation_start=start)

    def train_epoch(self, number: int) -> EpochRecord:
        """Train one epoch, timed, with the garbage collector off; then evaluate."""
        batches = self._batches(number)
        gc.collect()
        gc.disable()
        try:
            cpu_start = usage.cpu_seconds()
            start = time.perf_counter()
            loss = self.implementation.train_epoch(batches)
            end = time.perf_counter()
        finally:
            gc.enable()
        self.timer.train_cpu_seconds += usage.cpu_seconds() - cpu_start
        self.timer.seconds["train"] += end - start
        return self._epoch(number, loss, train_seconds=end - start, evaluation_start=end)

    def test(self) -> dict[str, Any]:
        """Evaluate on the test set; return fields of `Result`."""
        split = self.split
        with self.timer.part("evaluate"):
            logits = self.implementation.predict_scores(split.test_images)
            metrics = evaluate(logits, split.test_labels, self.config.recipe)
            return {
                "test_loss": metrics.loss,
                "test_accuracy": metrics.accuracy,
                "confusion_matrix": confusion_matrix(logits, split.test_labels),
                "test_mistakes": mistakes(logits, split.test_labels),
                "sample_predictions": tuple(logits[:SAMPLE_SIZE].argmax(axis=1).tolist()),
            }

    @functools.cached_property
    def _training_sample(self) -> tuple[FloatArray, LabelArray]:
        return training_sample(self.split)

    def _batches(self, epoch: int) -> Batches:
        config = self.config
        n_examples = len(self.split.train_labels)
        return sampling.batches(
            config.seed, epoch, n_examples, config.batch_size, shuffle=config.shuffle
        )

    def _evaluate(self, images: FloatArray, labels: LabelArray) -> Metrics:
        return evaluate(self.implementation.predict_scores(images), labels, self.config.recipe)

    def _epoch(
        self, number: int, train_loss: float, *, train_seconds: float, evaluation_start: float
    ) -> EpochRecord:
        """Evaluate the current model and return the epoch's record."""
        split = self.split
        training_set = validation = None
        with self.timer.part("evaluate"):
            sample = self._evaluate(*self._training_sample)
            if len(split.validation_labels) > 0:
                validation = self._evaluate(split.validation_images, split.validation_labels)
            if self.config.evaluate_training_set and number > 0:
                training_set = self._evaluate(split.train_images, split.train_labels)
        if validation is not None and not math.isfinite(validation.loss):
            validation = None
        return EpochRecord(
            epoch=number,
            train_loss=_finite(train_loss),
            validation_loss=validation.loss if validation else None,
            validation_accuracy=validation.accuracy if validation else None,
            train_seconds=train_seconds,
            evaluate_seconds=time.perf_counter() - evaluation_start,
            training_set_loss=_finite(training_set.loss) if training_set else None,
            training_sample_loss=_finite(sample.loss),
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
