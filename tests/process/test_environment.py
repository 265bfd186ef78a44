"""The user's variables and configuration files do not change the results of a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import facts
from bench.machine.facts import cpu_flags
from bench.process.environment import FIXED_VARIABLES, WORKING_FOLDER, child_environment

INFLUENTIAL = {
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


@pytest.mark.parametrize("name", INFLUENTIAL)
def test_a_variable_that_changes_a_library_is_not_inherited(name):
    environment = child_environment(1, INFLUENTIAL)
    assert environment.get(name) == FIXED_VARIABLES.get(name)


def test_the_thread_variables_are_those_of_the_run():
    environment = child_environment(3, {"OMP_NUM_THREADS": "99", "PATH": "/bin"})
    assert environment["OMP_NUM_THREADS"] == environment["NUMBA_NUM_THREADS"] == "3"
    assert environment["PATH"] == "/bin"


def test_relative_entries_of_the_python_path_keep_their_meaning():
    environment = child_environment(
        1, {"PYTHONPATH": os.pathsep.join(["", "relative", "/absolute"])}
    )
    assert environment["PYTHONPATH"] == os.pathsep.join([str(Path.cwd() / "relative"), "/absolute"])


def test_a_configuration_folder_can_be_neither_read_nor_created():
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
    completed = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=WORKING_FOLDER,
        env=child_environment(1, os.environ | {"HOME": str(tmp_path)}),
    )
    assert completed.stdout.split() == ["tensorflow", "float32", "1e-07"]


# Programs that print which instructions a library uses.
KERNELS = {
    "numpy": (
        "import numpy, threadpoolctl;"
        "print(*{library['architecture'] for library in threadpoolctl.threadpool_info()},"
        "*numpy.show_config(mode='dicts')['SIMD Extensions']['found'])"
    ),
    "scipy": (
        "import scipy.linalg, threadpoolctl;"
        "print(*{library['architecture'] for library in threadpoolctl.threadpool_info()})"
    ),
    "torch": (
        "import os; os.environ['ONEDNN_VERBOSE'] = '1'; import torch;"
        "torch.nn.functional.conv2d(torch.ones(1, 1, 9, 9), torch.ones(1, 1, 3, 3));"
        "print(torch.backends.cpu.get_cpu_capability())"
    ),
    "numba": (
        "import numba, numpy\n"
        "@numba.njit(fastmath=True)\n"
        "def total(values):\n"
        "    result = numpy.float32(0)\n"
        "    for value in values: result += value\n"
        "    return result\n"
        "total(numpy.ones(9, numpy.float32))\n"
        "(assembly,) = total.inspect_asm().values()\n"
        "print('AVX512' if 'zmm' in assembly else 'AVX2' if 'ymm' in assembly else 'neither')"
    ),
}  # fmt: skip


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="a processor without AVX2")
@pytest.mark.parametrize("library", KERNELS)
def test_no_library_uses_avx512_if_the_run_is_limited_to_avx2(library):
    pytest.importorskip(library)
    printed = {
        instructions: subprocess.run(
            [sys.executable, "-P", "-c", KERNELS[library]],
            capture_output=True,
            text=True,
            check=True,
            cwd=WORKING_FOLDER,
            env=child_environment(1, instructions=instructions),
        ).stdout.upper().replace("-", "")
        for instructions in ("auto", "avx2")
    }  # fmt: skip
    signs = ("AVX512", "X86_V4", "SKYLAKEX", "COOPERLAKE", "SAPPHIRERAPIDS")
    assert not any(sign in printed["avx2"] for sign in signs)
    assert any(sign in printed["avx2"] for sign in ("AVX2", "HASWELL"))
    if "avx512f" in cpu_flags():
        assert any(sign in printed["auto"] for sign in signs)


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="a processor without AVX2")
@pytest.mark.parametrize("library", ["jax", "tensorflow"])
def test_xla_compiles_for_avx2_if_the_run_is_limited_to_it(library, tmp_path):
    pytest.importorskip(library)
    programs = {
        "jax": "import jax; jax.jit(lambda x: x @ x)(jax.numpy.ones((64, 64)))",
        "tensorflow": (
            "import tensorflow as tf;"
            "tf.function(lambda x: x @ x, jit_compile=True)(tf.ones((64, 64)))"
        ),
    }
    environment = child_environment(1, instructions="avx2")
    environment["XLA_FLAGS"] += f" --xla_dump_to={tmp_path}"
    subprocess.run(
        [sys.executable, "-P", "-c", programs[library]],
        check=True,
        capture_output=True,
        cwd=WORKING_FOLDER,
        env=environment,
    )
    options = [path.read_text() for path in tmp_path.glob("*debug_options")]
    assert options
    assert all('xla_cpu_max_isa: "AVX2"' in text for text in options)
    programs = [path.read_text() for path in tmp_path.glob("*after_optimizations.txt")]
    assert any("dot" in text for text in programs)
    assert not any("ynn" in text for text in programs)


@pytest.mark.parametrize(
    ("versions", "is_off"),
    [
        ({"jaxlib": "0.10.2", "tensorflow": "2.21.0"}, True),
        ({"jaxlib": "0.11.2", "tensorflow": None}, True),
        ({"jaxlib": None, "tensorflow": None}, True),
        ({"jaxlib": "0.9.2", "tensorflow": "2.21.0"}, False),
        ({"jaxlib": None, "tensorflow": "2.16.1"}, False),
    ],
)
def test_xla_gets_no_flag_that_an_installed_version_may_not_know(versions, is_off, monkeypatch):
    monkeypatch.setattr(facts, "versions", lambda _: {"numpy": "2.4.6", **versions})
    flags = child_environment(1, instructions="avx2")["XLA_FLAGS"].split()
    assert flags[0] == "--xla_cpu_max_isa=AVX2"
    assert [flag.partition("=")[0] for flag in flags[1:]] == (
        ["--xla_cpu_experimental_ynn_fusion_type"] if is_off else []
    )
