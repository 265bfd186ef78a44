"""A library in another version is compared by giving two interpreters, or requirements."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from bench.regression.sides import requirements
from bench.regression.sides.checkout import SideError
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


def test_requirements_are_split_at_spaces_and_commas(tmp_path):
    found = requirements.parse("tensorflow==2.20, numpy >= 1.26,<2.4 jax[a,b]==0.9,scipy")
    assert found == ["tensorflow==2.20", "numpy>=1.26,<2.4", "jax[a,b]==0.9", "scipy"]
    file = tmp_path / "requirements.txt"
    file.write_text("# versions\nnumpy==2.4.6 # the last\n\nscipy\n")
    assert requirements.parse(str(file)) == ["numpy==2.4.6", "scipy"]
    file.write_text("-r other.txt\n")
    with pytest.raises(SideError, match=r"-r other\.txt: only requirements such as numpy"):
        requirements.parse(str(file))
    with pytest.raises(SideError, match="-r: only requirements such as numpy"):
        requirements.parse("-r other.txt")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Use an empty cache folder, but uv's own cache of downloads."""
    downloads = subprocess.run([SCRIPTS / "uv", "cache", "dir"], capture_output=True, text=True)
    monkeypatch.setenv("UV_CACHE_DIR", downloads.stdout.strip())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mlp-bench" / "environments"


def test_an_environment_is_made_once_from_requirements(compare, repository, cache):
    for attempt in range(2):
        status, printed, content = compare("--head-requirements", f"numpy=={OTHER_NUMPY}")
        if "making an environment" in printed and status == 2:
            pytest.skip(f"{OTHER_NUMPY} can't be fetched: {printed}")
        assert status in (0, 1, 3), printed
        assert ("making an environment" in printed) == (attempt == 0)
        assert f"numpy: {np.__version__} in BASE, {OTHER_NUMPY} in HEAD" in printed
        assert "HEAD working tree" in printed
        assert content["cells"][0]["error"] is None
    assert len([folder for folder in cache.iterdir() if folder.is_dir()]) == 1


def test_an_error_of_uv_is_shown_in_one_line(compare, repository, cache):
    status, printed, _ = compare("HEAD", "HEAD", "--base-requirements", "numpy==bad")
    assert status == 2
    (line,) = (line for line in printed.splitlines() if line.startswith("bench-compare: "))
    assert "--base-requirements=numpy==bad: " in line
    assert "bad" in line.partition("numpy==bad: ")[2]
    assert "Traceback" not in printed


def test_a_missing_uv_is_reported_with_the_remedy(compare, repository, cache, monkeypatch):
    monkeypatch.setattr(requirements.shutil, "which", lambda *_, **__: None)
    status, printed, _ = compare("HEAD", "HEAD", "--base-requirements", "numpy==2.2.6")
    assert status == 2
    assert "needs uv, which makes the environment: pip install uv" in printed


def test_requirements_do_not_fit_a_history(compare, repository):
    status, printed, _ = compare("--record", "HEAD", "--head-requirements", "numpy==2.2.6")
    assert status == 2
    assert "--head-requirements: has no effect with a history" in printed
