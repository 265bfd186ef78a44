"""The timed loop: one implementation trains one problem, and the harness judges it.

Only `train_epoch` is timed as training. Evaluation is NumPy, the same for all, and outside.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.config.schema import RunConfig
from bench.contract import (
    FloatArray,
    Implementation,
    LabelArray,
    Problem,
    ReportsOnDevice,
)
from bench.data.datasets import SAMPLE_SIZE, Split
from bench.machine import usage
from bench.machine.facts import is_noisy, matmul_flops_per_second, usable_cores
from bench.machine.host import StealMeter, linear_algebra
from bench.process.protocol import EpochEnded, Result
from bench.records import EpochRecord
from bench.training import sampling
from bench.training.flops import flops_per_example
from bench.training.metrics import Quality, confusion_matrix, judge
from bench.training.timer import Timer

DIVERGED_RATIO = 1000  # times the untrained model's loss; no run was ever seen to come back from it


def train(
    implementation: Implementation,
    config: RunConfig,
    split: Split,
    ledger: Timer,
    on_epoch: Callable[[EpochEnded], None],
) -> Result:
    """Train for `config.epochs` epochs, or until the run has diverged."""
    trainer = Trainer(implementation, config, split, ledger)
    steal = StealMeter()
    with ledger.entry("ceiling"):
        ceiling_before = matmul_flops_per_second()
    trainer.prepare()
    libraries = linear_algebra()
    # A rate that is too large overflows; the harness looks at the loss, so NumPy need not warn.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        epochs = [trainer.judge_untrained()]
        on_epoch(EpochEnded(epoch=epochs[0], examples_per_second=None))
        diverged = False
        while not diverged and len(epochs) <= config.epochs:
            epochs.append(trainer.train_epoch(len(epochs)))
            speed = trainer.examples_per_epoch / epochs[-1].train_seconds
            on_epoch(EpochEnded(epoch=epochs[-1], examples_per_second=speed))
            diverged = has_diverged(epochs)
        test = {} if diverged else trainer.test()
    with ledger.entry("ceiling"):
        ceiling_after = matmul_flops_per_second()

    speed = statistics.median(
        trainer.examples_per_epoch / epoch.train_seconds for epoch in epochs[1:]
    )
    ceiling = (ceiling_before + ceiling_after) / 2
    on_gpu = config.device == "gpu"  # which the processor's ceiling says nothing of
    gpu = implementation if on_gpu and isinstance(implementation, ReportsOnDevice) else None
    return Result(
        status="done" if test else "diverged",
        epochs=tuple(epochs),
        examples_per_epoch=trainer.examples_per_epoch,
        examples_per_second=speed,
        flops_utilisation=(
            None if on_gpu else speed * flops_per_example(config.layer_sizes) / ceiling
        ),
        peak_memory_bytes=gpu.peak_device_memory_bytes() if gpu else None,
        environment={
            "cores": list(usable_cores()),
            "ceiling_flops_per_second": {"before": ceiling_before, "after": ceiling_after},
            "cores_kept_busy": ledger.train_cpu_seconds / ledger.seconds["train"],
            "linear_algebra": libraries,
            "stolen_share": steal.share(),
            "noisy": None if on_gpu else is_noisy(ceiling_before, ceiling_after),
            **({"gpu": gpu.device_name()} if gpu else {}),
        },
        **test,
    )


def has_diverged(epochs: Sequence[EpochRecord]) -> bool:
    """Say whether a loss left the finite numbers, or is far above that of the untrained model.

    Far above counts too because a step that is much too long can leave every ReLU off: what is left
    is finite, but no longer learns.
    """
    untrained, latest = epochs[0], epochs[-1]
    losses = [latest.train_loss]
    if untrained.validation_loss is not None:
        losses.append(latest.validation_loss)
    limit = DIVERGED_RATIO * (untrained.train_loss or 1.0)
    return any(loss is None or loss > limit for loss in losses)


@dataclass(frozen=True)
class Trainer:
    """The steps of one run, each counted under its name in the ledger."""

    implementation: Implementation
    config: RunConfig
    split: Split
    ledger: Timer

    @property
    def examples_per_epoch(self) -> int:
        """Examples trained on in an epoch: whole batches only."""
        n_steps = len(self.split.train_labels) // self.config.batch_size
        return n_steps * self.config.batch_size

    def prepare(self) -> None:
        """Hand the implementation its problem and let it compile."""
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
        with self.ledger.entry("setup"):
            self.implementation.setup(problem, parameters)
        with self.ledger.entry("warm_up"):
            self.implementation.warm_up(self._batches(1))
        # What is there by now stays. Looking through a framework's objects again before each epoch
        # would cost a tenth of a second every time.
        gc.collect()
        gc.freeze()

    def judge_untrained(self) -> EpochRecord:
        """Return epoch 0: the loss over the training set, and the validation set, as drawn."""
        start = time.perf_counter()
        with self.ledger.entry("evaluate"):
            quality = self._judge(self.split.train_images, self.split.train_labels)
        assert quality is not None  # noqa: S101  # the schema refuses an empty training set
        return self._judged(0, quality.loss, train_seconds=0.0, judged_since=start)

    def train_epoch(self, number: int) -> EpochRecord:
        """Train one epoch under the clock, then judge it. The garbage collector waits."""
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
        self.ledger.train_cpu_seconds += usage.cpu_seconds() - cpu_start
        self.ledger.seconds["train"] += end - start
        return self._judged(number, loss, train_seconds=end - start, judged_since=end)

    def test(self) -> dict[str, Any]:
        """Look at the test set, once. Nothing where the loss is not finite."""
        split = self.split
        with self.ledger.entry("evaluate"):
            scores = self.implementation.predict_scores(split.test_images)
            quality = judge(scores, split.test_labels, self.config.recipe)
            if not math.isfinite(quality.loss):
                return {}
            return {
                "test_loss": quality.loss,
                "test_accuracy": quality.accuracy,
                "confusion_matrix": confusion_matrix(scores, split.test_labels),
                "sample_predictions": tuple(scores[:SAMPLE_SIZE].argmax(axis=1).tolist()),
            }

    def _batches(self, epoch: int) -> np.ndarray:
        config = self.config
        n_examples = len(self.split.train_labels)
        return sampling.batches(
            config.seed, epoch, n_examples, config.batch_size, shuffle=config.shuffle
        )

    def _judge(self, images: FloatArray, labels: LabelArray) -> Quality | None:
        if len(labels) == 0:
            return None
        return judge(self.implementation.predict_scores(images), labels, self.config.recipe)

    def _judged(
        self, number: int, train_loss: float, *, train_seconds: float, judged_since: float
    ) -> EpochRecord:
        """Judge the model on the validation set and write the epoch down."""
        training_set = None
        with self.ledger.entry("evaluate"):
            quality = self._judge(self.split.validation_images, self.split.validation_labels)
            if self.config.evaluate_training_set and number > 0:
                training_set = self._judge(self.split.train_images, self.split.train_labels)
        if quality is not None and not math.isfinite(quality.loss):
            quality = None
        return EpochRecord(
            epoch=number,
            train_loss=_finite(train_loss),
            validation_loss=quality.loss if quality else None,
            validation_accuracy=quality.accuracy if quality else None,
            train_seconds=train_seconds,
            evaluate_seconds=time.perf_counter() - judged_since,
            training_set_loss=_finite(training_set.loss) if training_set else None,
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
