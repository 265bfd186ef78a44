"""Fingerprints of code, libraries and machine, and the changes between two of them."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from bench import provenance, registry
from bench.config.compose import compose_runs
from bench.machine import facts, gpu
from bench.parity import pending_verdict
from bench.results import checksummed
from tests.conftest import TINY


def config(*words):
    (found,) = compose_runs(["dataset=synthetic", *words], default_name="test")
    return found


def test_a_run_is_made_with_code_and_versions():
    made = provenance.run_fingerprint(config())
    assert made["numpy"] == np.__version__
    assert set(made) >= {provenance.IMPLEMENTATION, provenance.HARNESS, "python"}
    assert provenance.run_fingerprint(config("implementation=keras"))["tensorflow"]
    assert provenance.what_changed(made, made) == ""


@pytest.mark.parametrize("name", ["keras", "keras_jax", "keras_torch"])
def test_a_run_on_one_backend_does_not_depend_on_the_version_of_another(name):
    backends = {"keras": "tensorflow", "keras_jax": "jax", "keras_torch": "torch"}
    versions = provenance.library_versions(config(f"implementation={name}"))
    assert {"keras", "numpy"} <= set(versions)
    assert set(versions) & set(backends.values()) == {backends[name]}


def test_the_version_of_a_backend_given_on_the_command_line_is_recorded():
    if registry.missing(["jax"]):
        pytest.skip("jax is not installed")
    settings = config("implementation=keras", "implementation.options.backend=jax")
    assert "jax" in provenance.library_versions(settings)


def test_backends_have_different_hashes_and_verdicts():
    configs = [config(f"implementation={name}") for name in ("keras", "keras_jax", "keras_torch")]
    assert len({found.hash for found in configs}) == 3
    assert len({pending_verdict(found).key for found in configs}) == 3


@pytest.mark.parametrize("listed", ["[]", "[scipy]"])
def test_an_imported_library_is_recorded_also_if_the_configuration_does_not_list_it(listed):
    if registry.missing(["sklearn"]):
        pytest.skip("scikit-learn is not installed")
    settings = config("implementation=sklearn", f"implementation.libraries={listed}")
    assert provenance.code_fingerprint(settings)["scikit-learn"]
    assert pending_verdict(settings).libraries["scikit-learn"]
    assert "mlp-bench" not in provenance.code_fingerprint(settings)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ({"numpy": "2.0"}, {"numpy": "2.1"}, "numpy was 2.0 and is 2.1"),
        ({}, {"numpy": "2.1"}, "code and versions are not recorded"),
        ({"python": "3.11"}, {"python": "3.11", "jax": "1"}, "jax was not recorded and is 1"),
        (
            {provenance.HARNESS: "a", "numpy": "1"}, {provenance.HARNESS: "b", "numpy": "2"},
            "the code of the harness has changed, numpy was 1 and is 2",
        ),
    ],
)  # fmt: skip
def test_changes_are_named(then, now, expected):
    assert provenance.what_changed(then, now) == expected


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Replace the command nvidia-smi by a script with this output."""

    def install(output, status=0):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\nprintf '{output}'\nexit {status}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        gpu.describe.cache_clear()

    yield install
    gpu.describe.cache_clear()


H100 = "NVIDIA H100 80GB HBM3, 570.1\\n"


def fingerprints(*words):
    settings = config(*words)
    return provenance.run_fingerprint(settings), pending_verdict(settings).key


@pytest.mark.parametrize("output", ["NVIDIA A100, 570.1\\n", "NVIDIA H100 80GB HBM3, 580.2\\n"])
def test_another_gpu_or_driver_is_a_change_on_the_gpu_alone(output, nvidia_smi):
    nvidia_smi(H100)
    before, cpu_before = fingerprints("device=gpu"), fingerprints()
    assert before[0]["gpu"] == "NVIDIA H100 80GB HBM3"
    assert before[0]["gpu driver"] == "570.1"
    nvidia_smi(output)
    now = fingerprints("device=gpu")
    assert now[0] != before[0]
    assert now[1] != before[1]
    assert fingerprints() == cpu_before


@pytest.mark.parametrize("installed", ["cupy-cuda12x", "cupy-cuda13x"])
def test_the_gpus_libraries_count_on_the_gpu_alone(installed, nvidia_smi, monkeypatch):
    nvidia_smi(H100)
    version = facts._version
    monkeypatch.setattr(
        facts, "_version", lambda name: "14" if name == installed else version(name)
    )
    on_gpu = fingerprints("device=gpu")[0]
    assert {name: on_gpu[name] for name in on_gpu if "cupy" in name} == {installed: "14"}
    assert not [name for name in fingerprints()[0] if "cupy" in name]


def test_a_gpu_is_unknown_if_nvidia_smi_fails(nvidia_smi):
    nvidia_smi("", status=9)
    assert gpu.describe() == {"gpu": "unknown", "gpu driver": "unknown"}


@pytest.mark.parametrize("name", provenance.SEARCH_PATH_VARIABLES)
def test_an_inherited_variable_that_chooses_code_is_a_change(name, monkeypatch):
    monkeypatch.delenv(name, raising=False)
    before = fingerprints()
    monkeypatch.setenv(name, "/somewhere")
    now = fingerprints()
    assert f"the variable {name} has changed" in provenance.what_changed(before[0], now[0])
    assert now[1] != before[1]
    assert "/somewhere" not in str(now)


def test_a_startup_module_of_the_users_is_a_change(tmp_path, monkeypatch):
    before = fingerprints()
    (tmp_path / "usercustomize.py").write_text("import os")
    monkeypatch.syspath_prepend(str(tmp_path))
    now = fingerprints()
    assert "the module usercustomize has changed" in provenance.what_changed(before[0], now[0])
    assert now[1] != before[1]


def test_a_run_with_other_code_or_versions_is_repeated_and_its_record_kept(run, tmp_path):
    words = ("bench", *TINY, "sweep_name=night")
    assert run(*words).returncode == 0
    (path,) = tmp_path.glob("results/night/*/record.json")
    record = json.loads(path.read_text())
    del record[checksummed.CHECKSUM], record[checksummed.YOUNGER_KEY]
    record["made_with"] |= {"numpy": "1.0", provenance.IMPLEMENTATION: "1.0"}
    path.write_text(json.dumps(record))
    completed = run(*words)
    assert completed.returncode == 0, completed.stderr
    (line,) = (line for line in completed.stdout.splitlines() if "numpy was 1.0 and is" in line)
    assert line.startswith(str(path.relative_to(tmp_path)))
    assert "the code of the implementation has changed" in line
    (earlier,) = path.parent.glob("earlier-*.json")
    assert json.loads(earlier.read_text()) == record
    assert earlier.with_suffix(".log").exists()
    assert path.with_name("run.log").exists()
    assert "1.0" not in json.loads(path.read_text())["made_with"].values()


def test_code_version_is_the_commit_of_the_checkout():
    version = provenance.code_version()
    asked = subprocess.run(
        ["git", "-C", str(provenance.PACKAGE.parent), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert version["git_commit"] == (asked.stdout.strip() if asked.returncode == 0 else None)
    assert (version["git_dirty"] is None) == (version["git_commit"] is None)


def test_only_a_new_file_of_code_makes_the_checkout_dirty(monkeypatch, tmp_path):
    for folder in ("bench", "implementations", "conf"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text("")
    named = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    for words in (["init", "-q"], ["add", "."], [*named, "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "bench" / "code.py")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "repository of a hook"))
    (tmp_path / "notes.txt").write_text("")
    assert provenance.code_version()["git_dirty"] is False
    (tmp_path / "implementations" / "new_mlp.py").write_text("")
    assert provenance.code_version()["git_dirty"] is True
