"""Installed as a wheel, away from the checkout, it works the same."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import bench
from bench.regression.exit_statuses import CANT_TELL, NOT_SLOWER
from tests.conftest import TINY
from tests.plugins import write_plugin

ROOT = Path(__file__).parents[1]
PLUGIN_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "mlp-bench-packaged"
version = "1.5"

[project.entry-points."mlp_bench.implementations"]
packaged = "mlp_bench_packaged"
"""
# Slower by so much that a short comparison finds it.
COMPARED = """\
import time
from implementations.numpy_mlp import MLP as NumpyMLP


class MLP(NumpyMLP):
    def train_epoch(self, batches):
        time.sleep(0.001 * len(batches))
        return super().train_epoch(batches)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A fresh environment with the wheels of the project and of a plug-in.

    The libraries are those of this environment, but not what is installed into it as editable.
    """
    folder = tmp_path_factory.mktemp("wheels")
    plugin = write_plugin(folder / "source" / "mlp_bench_packaged", "packaged")
    (plugin / "__init__.py").write_text("")
    (plugin.parent / "pyproject.toml").write_text(PLUGIN_PROJECT)
    for source in (ROOT, plugin.parent):
        build = ["-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        subprocess.run([sys.executable, *build], cwd=source, check=True, capture_output=True)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    install = ["--python", environment, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", *install, *folder.glob("*.whl")], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return environment


@pytest.fixture(scope="module")
def run_installed(installed):
    """Run a command of the environment in a folder."""

    def run(folder: Path, *words: object, statuses=(0,), **variables: str) -> str:
        completed = subprocess.run(
            [installed / "bin" / str(words[0]), *map(str, words[1:])],
            cwd=folder,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode in statuses, completed.stdout + completed.stderr
        return completed.stdout

    return run


def test_implementations_outside_the_project_are_treated_as_its_own(
    installed, run_installed, tmp_path
):
    mine = write_plugin(tmp_path / "my", "mine", COMPARED)
    option, elsewhere = f"--config-dir={mine}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    sweep = ["bench", "-m", "implementation=mine,packaged", *TINY, "sweep_name=both"]
    run_installed(elsewhere, *sweep, "--config-dir=../my")
    results = elsewhere / "results" / "both"
    records = [json.loads(path.read_text()) for path in results.glob("*/record.json")]
    assert {record["status"] for record in records} == {"done"}
    assert {record["environment"]["git_commit"] for record in records} == {None}
    packaged, of_folder = sorted(records, key=lambda record: "-mine-" in f"-{record['run_id']}")
    assert packaged["made_with"]["mlp-bench-packaged"] == "1.5"
    assert of_folder["config_dir"] == str(elsewhere / ".." / "my")
    assert "code of the implementation" in of_folder["made_with"]
    again = run_installed(elsewhere, *sweep, "--config-dir=../my")
    assert again.count("finished earlier, kept") == 2
    names = "mine,packaged"
    parity = ["bench-parity", option, "--implementation", names, "--recipe", "relu_softmax_sgd"]
    assert "2 of 2 passed" in run_installed(tmp_path, *parity)
    over = "dataset=synthetic architecture=mlp_10 batch_size=256 learning_rate=0.01 threads=1"
    compared = [f"implementation={name}" for name in ("packaged", "mine")]
    settings = ["--over", over, "--budget=60s", "--precision=99%"]
    shown = run_installed(
        tmp_path, "bench-compare", option, *compared, *settings, statuses=(NOT_SLOWER, CANT_TELL)
    )
    assert re.search(r"packaged .* reference", shown)
    assert re.search(r"mine .* (slower|can't tell)", shown)
    # As a cell of a notebook runs it, and where only ASCII can be shown.
    notebook = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    run_installed(tmp_path, "bench-report", results, **notebook, PYTHONIOENCODING="ascii")
    report = (results / "report" / "report.md").read_text()
    assert "packaged" in report
    assert "mine" in report


def test_the_wheel_brings_two_packages_and_a_module(installed):
    (site,) = installed.glob("lib/python*/site-packages")
    (record,) = site.glob("mlp_bench-*.dist-info/RECORD")
    files = [line.partition(",")[0] for line in record.read_text().splitlines()]
    metadata = f"mlp_bench-{bench.__version__}.dist-info"
    names = {name.partition("/")[0] for name in files}
    assert names - {"..", "__pycache__"} == {"bench", "implementations", "mlp_bench.py", metadata}
    assert {path.name for path in (installed / "bin").iterdir()} >= {"bench", "bench-report"}
    assert {"bench/py.typed", "bench/__init__.pyi"} <= set(files)


def test_the_lock_holds_every_dependency_by_hash_and_no_host():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[<>=]", name)[0] for name in wanted} <= locked
    extras = (ROOT / "extras.lock").read_text(encoding="utf-8")
    for name, wishes in project["optional-dependencies"].items():
        for wish in wishes if name != "dev" else ():
            pinned = rf"^{re.match('[A-Za-z0-9-]+', wish)[0]}=="
            assert re.search(pinned, extras, re.MULTILINE | re.IGNORECASE), wish
    assert "://" not in lock + extras
    entries = re.split(r"\n(?=[a-z])", lock.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
