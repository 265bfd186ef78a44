"""A library in another version is compared by giving two interpreters."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import SCRIPTS

OTHER_NUMPY = "2.2.6" if np.__version__ != "2.2.6" else "2.2.5"


@pytest.fixture(scope="module")
def other_python(tmp_path_factory):
    """Return the interpreter of an environment with another version of NumPy and little else."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    uv = [SCRIPTS / "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, folder], check=True)
    numpy = f"numpy=={OTHER_NUMPY}"
    installed = subprocess.run(
        [*uv, "pip", "install", "--python", python, numpy], capture_output=True, text=True
    )
    if installed.returncode != 0:
        pytest.skip(f"{numpy} can't be fetched: {installed.stderr.strip().splitlines()[-1]}")
    return python


def test_two_versions_of_a_library_are_compared(compare, tree, other_python):
    folder = tree("project")
    status, printed, content = compare(folder, folder, "--head-python", other_python)
    assert status in (0, 1, 3), printed  # the test does not say which version is faster
    assert f"numpy: {np.__version__} in BASE, {OTHER_NUMPY} in HEAD" in printed
    assert re.search("[0-9]+ libraries are installed on one side only", printed)
    assert content["different_libraries"]["scipy"][1] == "none"
    assert content["different_libraries"]["numpy"] == [np.__version__, OTHER_NUMPY]
    (case,) = content["cells"]
    assert case["error"] is None
    assert len(case["pairs"]) >= 5
    assert not case["learns_something_else"]
