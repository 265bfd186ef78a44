"""No variable and no file of the user's changes what a child process computes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process.environment import FIXED_VARIABLES, WORKING_FOLDER, child_environment

STEERING = {
    "JAX_ENABLE_X64": "1",
    "KERAS_BACKEND": "jax",
    "KERAS_HOME": "/somewhere",
    "LD_PRELOAD": "lib.so",
    "MALLOC_ARENA_MAX": "1",
    "NUMBA_DISABLE_JIT": "1",
    "NVIDIA_TF32_OVERRIDE": "1",
    "OPENBLAS_CORETYPE": "Prescott",
    "PYTHONHASHSEED": "1",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "startup.py",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TORCH_LOGS": "all",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
}


@pytest.mark.parametrize("name", STEERING)
def test_a_variable_that_steers_a_library_is_not_inherited(name):
    environment = child_environment(1, STEERING)
    assert environment.get(name) == FIXED_VARIABLES.get(name)


def test_the_thread_variables_are_those_of_the_run():
    environment = child_environment(3, {"OMP_NUM_THREADS": "99", "PATH": "/bin"})
    assert environment["OMP_NUM_THREADS"] == environment["NUMBA_NUM_THREADS"] == "3"
    assert environment["PATH"] == "/bin"


def test_relative_entries_of_the_python_path_keep_their_meaning():
    environment = child_environment(1, {"PYTHONPATH": os.pathsep.join(["", "mine", "/theirs"])})
    assert environment["PYTHONPATH"] == os.pathsep.join([str(Path.cwd() / "mine"), "/theirs"])


def test_a_configuration_folder_can_be_neither_read_nor_made():
    folder = Path(FIXED_VARIABLES["KERAS_HOME"])
    with pytest.raises(OSError, match="Not a directory"):
        folder.mkdir(parents=True)


def test_the_users_file_changes_neither_backend_nor_float_type(tmp_path):
    pytest.importorskip("tensorflow")
    settings = {"backend": "numpy", "floatx": "float64", "epsilon": 0.1}
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))
    program = (
        "import implementations.keras_mlp, keras;"
        "print(keras.backend.backend(), keras.backend.floatx(), keras.backend.epsilon())"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=WORKING_FOLDER,
        env=child_environment(1, os.environ | {"HOME": str(tmp_path)}),
    )
    assert ended.stdout.split() == ["tensorflow", "float32", "1e-07"]
