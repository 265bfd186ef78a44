"""Environment variables and working folder of training processes.

The user's variables, and configuration files that libraries search for, would change the results
without a trace in the configuration. A process gets only the variables that are listed here,
configuration folders that do not exist, and a working folder without files. The inherited variables
that could change results are recorded as a part of the fingerprints: see `bench.provenance`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from bench.config.schema import Instructions
from bench.contract import BACKEND_VARIABLE
from bench.machine import facts
from bench.provenance import GPU_VARIABLES, SEARCH_PATH_VARIABLES

# For platforms without CPU affinity, and for libraries that read only these to size their pools.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

# Paths, user and language. None of these changes the results of a library.
PLACE_VARIABLES = (
    "CONDA_PREFIX", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH",
    "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "TMPDIR",
    "TZ", "USER", "VIRTUAL_ENV", "XDG_CACHE_HOME",
)  # fmt: skip

# Libraries search here for configuration files. /dev/null is not a folder, so these
# paths can never exist.
FIXED_VARIABLES = {
    "KERAS_HOME": "/dev/null/keras",  # else ~/.keras/keras.json would set backend and float type
    "PYTHONUNBUFFERED": "1",
}

# The variables of `instructions=avx2`: they limit each library to the kernels that it has for AVX2,
# where it would choose kernels for AVX-512.
AVX2_VARIABLES = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels, and those that it compiles
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # PyTorch
    "NPY_DISABLE_CPU_FEATURES": (  # the names of several versions of NumPy; it ignores unknown ones
        "AVX512F AVX512CD AVX512_KNL AVX512_KNM AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL "
        "AVX512_SPR X86_V4"
    ),
    "NUMBA_CPU_FEATURES": "",  # no more than those of NUMBA_CPU_NAME
    "NUMBA_CPU_NAME": "haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # PyTorch and TensorFlow
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy and SciPy
    "TORCHINDUCTOR_CPP_MARCH": "haswell",  # what torch.compile lets g++ compile for
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",  # JAX and TensorFlow
}
# YNNPACK, which multiplies matrices for XLA, ignores that limit; without it, Eigen multiplies them.
# XLA ends the process at an unknown flag; it knows this flag since these versions.
WITHOUT_YNNPACK = " --xla_cpu_experimental_ynn_fusion_type="
SINCE_VERSIONS = {"jaxlib": (0, 10), "tensorflow": (2, 21)}

WORKING_FOLDER = "/"  # some libraries read configuration files from the working folder


def child_environment(
    n_threads: int,
    inherited: Mapping[str, str] = os.environ,
    *,
    backend: str = "",
    instructions: Instructions = "auto",
) -> dict[str, str]:
    """Return the environment variables of a training process, which starts in `WORKING_FOLDER`.

    Args:
        n_threads: number of cores, for libraries that ignore CPU affinity.
        inherited: the variables of the parent.
        backend: the option `backend` of the implementation; "" without this option.
        instructions: "avx2" limits all libraries to kernels for AVX2. Libraries read these
            variables when they are loaded, so the process must be a new one, not a fork.
    """
    names = (*PLACE_VARIABLES, *SEARCH_PATH_VARIABLES, *GPU_VARIABLES)
    kept = {name: inherited[name] for name in names if name in inherited}
    if "PYTHONPATH" in kept:  # the child has another working folder
        entries = filter(None, kept["PYTHONPATH"].split(os.pathsep))
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, entries))
    variables = dict.fromkeys(THREAD_VARIABLES, str(n_threads)) | {BACKEND_VARIABLE: backend}
    limits = _avx2_variables() if instructions == "avx2" else {}
    return kept | variables | FIXED_VARIABLES | limits


def _avx2_variables() -> dict[str, str]:
    """Return `AVX2_VARIABLES`, with YNNPACK turned off if the installed libraries allow it."""
    installed = {name: text for name, text in facts.versions(SINCE_VERSIONS).items() if text}
    knows_flag = all(
        tuple(map(int, installed[name].split(".")[:2])) >= since
        for name, since in SINCE_VERSIONS.items()
        if name in installed
    )
    flags = AVX2_VARIABLES["XLA_FLAGS"] + (WITHOUT_YNNPACK if knows_flag else "")
    return AVX2_VARIABLES | {"XLA_FLAGS": flags}
