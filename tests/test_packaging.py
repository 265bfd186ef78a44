"""Installed as a wheel, away from the checkout, it works the same."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bench
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder that holds the wheel's contents and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--no-index",
            "--target",
            site,
            wheel,
        ],
        check=True,
    )
    return site


def run_installed(
    site: Path, folder: Path, program: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(site)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_brings_its_configuration_and_runs_anywhere(installed, tmp_path):
    words = ["bench", *TINY, "sweep_name=here"]
    ended = run_installed(
        installed,
        tmp_path,
        "import sys, bench, mlp_bench; print(bench.__file__); "
        f"sys.argv = {words!r}; sys.exit(mlp_bench.bench())",
    )
    assert ended.returncode == 0, ended.stderr
    assert str(installed) in ended.stdout
    (record,) = (tmp_path / "results" / "here").glob("*/record.json")
    assert '"git_commit": null' in record.read_text()
    ended = run_installed(
        installed,
        tmp_path,
        "import sys, mlp_bench;"
        "sys.argv = ['bench-report', 'results/here']; sys.exit(mlp_bench.bench_report())",
        # As a cell of a notebook runs it, and where only ASCII can be shown.
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        PYTHONIOENCODING="ascii",
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "results" / "here" / "report" / "report.md").exists()


def test_the_wheel_holds_the_two_packages_and_nothing_else(installed):
    names = {path.name for path in installed.iterdir()}
    metadata = f"mlp_bench-{bench.__version__}.dist-info"
    packages = {"bench", "implementations"}
    assert names - {"bin", "__pycache__"} == {*packages, "mlp_bench.py", metadata}
    assert {path.name for path in (installed / "bin").iterdir()} >= {"bench", "bench-report"}
    assert {"py.typed", "__init__.pyi"} <= {path.name for path in (installed / "bench").iterdir()}


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
