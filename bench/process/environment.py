"""The environment of every process that trains: nothing outside the project steers a framework.

The variables of the person who starts a run, and the configuration files that libraries look for,
would change what is measured without a trace in the configuration. A child gets the variables
named here and no others, configuration folders that do not exist, and a working folder in which
nobody keeps files. What a child does inherit and could change its results is a part of what the
run was made with: see `bench.provenance.inherited`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from bench.provenance import GPU_VARIABLES, SEARCH_PATH_VARIABLES

# For platforms without affinity, and for libraries that size their pools by these alone.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

# Where things are. None of these changes what a library computes.
PLACE_VARIABLES = (
    "CONDA_PREFIX", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH",
    "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "TMPDIR",
    "TZ", "USER", "VIRTUAL_ENV", "XDG_CACHE_HOME",
)  # fmt: skip

# Libraries look here for configuration files. A path below a file that is no folder can't be
# created, so nobody can put a file there later.
FIXED_VARIABLES = {
    "KERAS_HOME": "/dev/null/keras",  # otherwise ~/.keras/keras.json chooses backend and float type
    "PYTHONUNBUFFERED": "1",
}

WORKING_FOLDER = "/"  # some libraries read configuration files from the working folder


def child_environment(n_threads: int, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment variables of a process that trains.

    Start it in `WORKING_FOLDER`.

    Args:
        n_threads: cores that the process may use, for libraries that do not obey CPU affinity.
        inherited: the variables of the parent.
    """
    names = (*PLACE_VARIABLES, *SEARCH_PATH_VARIABLES, *GPU_VARIABLES)
    kept = {name: inherited[name] for name in names if name in inherited}
    if "PYTHONPATH" in kept:  # relative entries would lead elsewhere from the working folder
        entries = filter(None, kept["PYTHONPATH"].split(os.pathsep))
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, entries))
    return kept | dict.fromkeys(THREAD_VARIABLES, str(n_threads)) | FIXED_VARIABLES
