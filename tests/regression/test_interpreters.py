"""A library upgraded in a second environment is compared by interpreter."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import SCRIPTS
from tests.regression.conftest import CELL, CELLS, LARGE

OTHER_NUMPY = "2.2.6" if np.__version__ != "2.2.6" else "2.2.5"


@pytest.fixture(scope="module")
def other_python(tmp_path_factory):
    """Return the interpreter of an environment with another version of NumPy and little else."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    uv = [SCRIPTS / "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, folder], check=True)
    wish = f"numpy=={OTHER_NUMPY}"
    install = [*uv, "pip", "install", "--python", python, wish, "threadpoolctl"]
    installed = subprocess.run(install, capture_output=True, text=True)
    if installed.returncode != 0:
        pytest.skip(f"{wish} can't be fetched here: {installed.stderr.strip().splitlines()[-1]}")
    return python


def test_two_versions_of_a_library_are_compared(compare, tree, other_python):
    folder = tree("project")
    status, printed, content = compare(folder, folder, "--head-python", other_python, *LARGE)
    assert status in (0, 1, 3), printed  # which is faster is not for this test to say
    assert f"numpy: {np.__version__} in BASE, {OTHER_NUMPY} in HEAD" in printed
    assert re.search("[0-9]+ libraries are on one side alone", printed)
    assert content["different_libraries"]["scipy"][1] == "none"
    assert content["different_libraries"]["numpy"] == [np.__version__, OTHER_NUMPY]
    (cell,) = content["cells"]
    assert cell["error"] is None
    assert len(cell["pairs"]) >= 5
    assert not cell["learns_something_else"]


def test_a_framework_that_an_interpreter_lacks_is_said_of_its_cell(compare, tree, other_python):
    folder = tree("project")
    both = CELLS.replace("implementation=numpy", "implementation=keras,numpy")
    pythons = ("--base-python", other_python, "--head-python", other_python)
    status, printed, content = compare(folder, folder, *pythons, *LARGE, cells=both)
    assert status == 3
    assert re.search("BASE: ModuleNotFoundError: No module named '[a-z]+'; [a-z]+", printed)
    answers = {cell["cell"]: cell["answer"] for cell in content["cells"]}
    assert answers == {CELL: "not slower", CELL.replace("numpy", "keras"): None}


def test_what_is_no_interpreter_is_named(compare, tree):
    folder = tree("project")
    status, printed, _ = compare(folder, folder, "--head-python=/etc/hostname")
    assert status == 2
    assert "/etc/hostname: does not run as a Python interpreter" in printed
