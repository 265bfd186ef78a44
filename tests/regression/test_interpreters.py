"""A library upgraded in a second environment is compared by interpreter."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import SCRIPTS
from tests.regression.conftest import LARGE

OTHER_NUMPY = "2.2.6" if np.__version__ != "2.2.6" else "2.2.5"


@pytest.fixture
def other_python(tmp_path):
    """Return the interpreter of an environment that has NumPy in another version, and no more."""
    python = tmp_path / "other" / "bin" / "python"
    uv = [SCRIPTS / "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, tmp_path / "other"], check=True)
    wish = f"numpy=={OTHER_NUMPY}"
    installed = subprocess.run(
        [*uv, "pip", "install", "--python", python, wish], capture_output=True, text=True
    )
    if installed.returncode != 0:
        pytest.skip(f"{wish} can't be fetched here: {installed.stderr.strip().splitlines()[-1]}")
    return python


def test_two_versions_of_a_library_are_compared(compare, tree, other_python):
    folder = tree("project")
    status, printed, content = compare(folder, folder, "--head-python", other_python, *LARGE)
    assert status in (0, 1, 3), printed  # which is faster is not for this test to say
    assert f"numpy: {np.__version__} in BASE, {OTHER_NUMPY} in HEAD" in printed
    assert content["different_libraries"]["numpy"] == [np.__version__, OTHER_NUMPY]
    (cell,) = content["cells"]
    assert cell["error"] is None
    assert len(cell["pairs"]) >= 5
    assert not cell["learns_something_else"]


def test_what_is_no_interpreter_is_named(compare, tree):
    folder = tree("project")
    status, printed, _ = compare(folder, folder, "--head-python=/etc/hostname")
    assert status == 2
    assert "/etc/hostname: does not run as a Python interpreter" in printed
