"""What the timed loop says of a run, on a GPU as well: here an implementation that claims one."""

import numpy as np
import pytest

from bench import registry
from bench.config.compose import compose_runs
from bench.contract import ReportsOnDevice
from bench.data import datasets
from bench.training.loop import train
from bench.training.timer import Timer

Notebook = registry.load("notebook_mlp")


class OnGpu(Notebook):
    """The notebook's loop, under the name of a GPU."""

    def device_name(self):
        return "Some GPU"

    def peak_device_memory_bytes(self):
        return 12_345


@pytest.fixture
def trained():
    """Train an implementation on little, and return the result."""

    def run(implementation, *words):
        small = ["experiment=notebook_scratch", "dataset=synthetic", "epochs=1", "threads=1"]
        (config,) = compose_runs([*small, *words], default_name="test")
        data = datasets.split(datasets.load(config.dataset, None), config.validation_fraction)
        return train(implementation, config, data, Timer(), lambda _: None)

    return run


def test_on_a_cpu_a_run_is_held_against_the_processors_ceiling(trained):
    result = trained(Notebook())
    assert result.flops_utilisation > 0
    assert result.environment["noisy"] in (True, False)
    assert result.peak_memory_bytes is None  # the process tells, at its end
    assert "gpu" not in result.environment


def test_on_a_gpu_a_run_is_not_and_names_the_device_and_its_memory(trained):
    result = trained(OnGpu(), "device=gpu")
    assert result.status == "done"
    assert result.flops_utilisation is None
    assert result.environment["noisy"] is None
    assert result.environment["gpu"] == "Some GPU"
    assert result.peak_memory_bytes == 12_345
    assert np.isfinite(result.test_loss)


def test_what_an_implementation_tells_of_its_device_is_optional(trained):
    assert isinstance(OnGpu(), ReportsOnDevice)
    assert not isinstance(Notebook(), ReportsOnDevice)
    result = trained(Notebook(), "device=gpu")
    assert "gpu" not in result.environment
    assert result.peak_memory_bytes is None
