"""Every implementation does what the contract says. The parity ladder tests what it computes."""

from __future__ import annotations

import json
import shutil

import pytest

from bench import registry
from bench.config.compose import choices, compose_runs
from bench.contract import UnavailableError
from bench.process.supervisor import Supervisor
from bench.testing import check
from bench.testing.conformance import Subject
from tests.conftest import TINY

HAS_GPU = shutil.which("nvidia-smi") is not None
NAMES = choices("implementation")


def settings(name):
    """The configuration of an implementation."""
    (config,) = compose_runs([f"implementation={name}"], default_name="test")
    return config


@pytest.fixture(scope="module")
def check_contract():
    """Check an implementation; the processes of all names of a module are forks of one."""
    with Supervisor() as supervisor:
        yield lambda name, device="cpu": check._check_contract(
            check._configs(name, None, device), supervisor
        )


@pytest.mark.parametrize("name", NAMES)
def test_an_implementation_does_what_the_contract_says(name, check_contract):
    try:
        assert check_contract(name) == []
    except UnavailableError as error:
        pytest.skip(str(error))


def test_keras_refuses_another_backend_or_number_type(monkeypatch):
    keras = pytest.importorskip("keras")
    build = registry.load("keras_mlp")
    for owner, name, value in (
        (keras.backend, "backend", "numpy"),
        (keras.config, "floatx", "float16"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda value=value: value)
            with pytest.raises(RuntimeError, match=f"{value}.* instead of .*, float32"):
                Subject(build, [settings("keras")]).set_up()


def implementations_for_a_gpu():
    """Return one name of each installed module that claims to run on a GPU."""
    names = {}
    for name in NAMES:
        implementation = settings(name).implementation
        if "gpu" in implementation.devices and not registry.missing(implementation.requires):
            names.setdefault(implementation.module, name)
    return list(names.values())


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_without_a_gpu_the_error_says_how_to_get_one(check_contract):
    remedy = "make setup EXTRAS=|pip install --force-reinstall"
    for name in implementations_for_a_gpu():
        with pytest.raises(UnavailableError, match=remedy):
            check_contract(name, device="gpu")


@pytest.mark.skipif(not HAS_GPU, reason="there is no GPU")
def test_records_of_runs_on_a_gpu_name_it(run, tmp_path):
    names = ",".join(implementations_for_a_gpu())
    completed = run("bench", "-m", *TINY, f"implementation={names}", "device=gpu", "sweep_name=gpu")
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/gpu/*/record.json")]
    done = [record for record in records if record["status"] == "done"]
    assert done, completed.stdout
    assert {record["status"] for record in records} <= {"done", "skipped"}
    for record in done:
        assert record["environment"]["gpu"]
        assert record["peak_memory_bytes"] > 0
