"""A run uses only the cores that it is bound to, with every framework."""

import pytest

from bench import registry
from bench.config.compose import choices
from bench.process.supervisor import Supervisor
from bench.process.training_process import train_in_child
from tests.processes import request

# A third of a second or more of training each, but for the notebook's loop, which has one thread.
SLOW = ("notebook", "keras", "keras_jit", "keras_multistep", "keras_jax", "keras_torch")


@pytest.fixture(scope="module")
def supervisor():
    with Supervisor() as opened:
        yield opened


@pytest.mark.parametrize("name", choices("implementation"))
def test_a_run_on_one_core_keeps_one_core_busy(name, supervisor, tmp_path):
    size = 2000 if name in SLOW else 20_000
    words = (f"implementation={name}", f"dataset.training_size={size}", "epochs=1", "threads=1")
    run_request = request(*words)
    if registry.missing(run_request.config.implementation.requires):
        pytest.skip(f"{name} is not installed")
    result = train_in_child(run_request, tmp_path / "run.log", lambda _: None, supervisor).result
    assert result.status == "done", result.error
    assert len(result.environment["cores"]) == 1
    assert 0 < result.environment["cores_kept_busy"] <= 1.1
    assert result.environment["train_cpu_seconds"] > 0
