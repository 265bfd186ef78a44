"""The timed loop with small test implementations: on a CPU, on a GPU, and diverging."""

import numpy as np
import pytest

from bench import registry
from bench.config.compose import compose_runs
from bench.contract import Layer, ReportsOnDevice
from bench.data import datasets, splits
from bench.machine import ceiling, gpu
from bench.training.flops import flops_per_example
from bench.training.loop import train
from bench.training.timer import Timer

Notebook = registry.load("notebook_mlp")


class Linear:
    """Learns nothing: its logits are those of the initial parameters times `scale`."""

    reported_loss = 0.5
    scale = 1.0

    def setup(self, problem, parameters):
        self._parameters = parameters
        self._factor = 1.0

    def warm_up(self, batches):
        pass

    def train_epoch(self, batches):
        self._factor = self.scale
        return self.reported_loss

    def predict_scores(self, images):
        first, *_, last = self._parameters
        hidden = np.maximum(images @ first.weights, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            return (hidden @ last.weights * np.float32(self._factor)).astype(np.float32)

    def parameters(self):
        return tuple(Layer(*map(np.copy, layer)) for layer in self._parameters)


class OnGpu(Linear):
    def device_name(self):
        return "Some GPU"

    def peak_device_memory_bytes(self):
        return 12_345


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(ceiling, "SHAPES", {(64, 64, 64): 2, (8, 64, 8): 2})


@pytest.fixture
def trained():
    """Train an implementation on little data, and return the result."""

    def run(implementation, *words):
        small = ["dataset=synthetic", "dataset.training_size=200", "dataset.test_size=50"]
        small += ["architecture.hidden_sizes=[8]", "epochs=3", "threads=1"]
        (config,) = compose_runs([*small, *words], default_name="test")
        data = splits.split(datasets.load(config.dataset, None), config.validation_fraction)
        return train(implementation, config, data, Timer(), lambda _: None)

    return run


def diverging(scale, reported_loss=0.5):
    """An implementation whose logits grow by `scale` per epoch while it reports a low loss."""
    kind = type("Diverging", (Linear,), {"scale": scale, "reported_loss": reported_loss})
    return kind()


def test_a_run_on_a_cpu_is_compared_with_the_ceiling_of_its_cores(trained):
    result = trained(Notebook(), "batch_size=10", "epochs=1")
    assert result.status == "done"
    assert result.flops_utilisation > 0
    environment = result.environment
    assert environment["noisy"] is bool(environment["noisy_reasons"])
    readings = environment["ceiling_flops_per_second"]
    by_shape = environment["ceiling_flops_per_second_by_shape"]
    assert readings == {when: max(by_shape[when].values()) for when in ("before", "after")}
    assert environment["best_ceiling_flops_per_second"] >= max(readings.values())
    assert environment["linear_algebra"][0]["architecture"]
    speed = result.examples_per_second * flops_per_example((784, 8, 10))
    assert result.flops_utilisation == pytest.approx(speed / (sum(readings.values()) / 2))
    assert {"others_share", "stolen_share", "throttled_share"} <= set(environment)
    assert result.peak_memory_bytes is None  # the worker measures it when the run has ended
    assert "gpu" not in environment


def test_a_run_on_a_gpu_names_the_device_and_its_memory(trained, monkeypatch):
    monkeypatch.setattr(gpu, "peak_flops_per_second", lambda: 5e13)
    result = trained(OnGpu(), "device=gpu")
    assert result.status == "done"
    assert result.flops_utilisation is None
    assert result.environment["noisy"] is None
    assert result.environment["gpu"] == "Some GPU"
    assert result.environment["gpu_peak_flops_per_second"] == 5e13
    assert result.peak_memory_bytes == 12_345


def test_naming_the_device_is_optional(trained):
    assert isinstance(OnGpu(), ReportsOnDevice)
    assert not isinstance(Linear(), ReportsOnDevice)
    result = trained(Linear(), "device=gpu")
    assert "gpu" not in result.environment
    assert result.peak_memory_bytes is None


@pytest.mark.parametrize("validation_fraction", [0.1, 0])
@pytest.mark.parametrize(("scale", "n_epochs"), [(np.nan, 1), (1e38, 1), (1e5, 1), (100.0, 3)])
def test_divergence_does_not_depend_on_the_reported_loss(
    trained, scale, n_epochs, validation_fraction
):
    """Runs with a huge loss stop at once; a loss above the untrained one counts at the end."""
    result = trained(diverging(scale), f"validation_fraction={validation_fraction}")
    assert result.status == "diverged"
    assert len(result.epochs) == n_epochs + 1  # and the untrained model
    assert result.test_accuracy is None


@pytest.mark.parametrize("reported_loss", [0.5, 1e30, np.inf, np.nan])
def test_a_reported_loss_is_recorded_and_not_used_for_divergence(trained, reported_loss):
    result = trained(diverging(1.0, reported_loss))
    assert result.status == "done"
    finite = reported_loss if np.isfinite(reported_loss) else None
    assert [epoch.train_loss for epoch in result.epochs[1:]] == [finite] * 3


def test_untrained_and_trained_models_are_evaluated_on_the_same_sample(trained):
    losses = [epoch.training_sample_loss for epoch in trained(Linear()).epochs]
    assert losses == [losses[0]] * 4
