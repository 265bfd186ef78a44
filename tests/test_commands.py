"""Commands exit correctly with any output stream, and when they are interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bench
import mlp_bench
from bench import commands
from bench.commands import MODULES
from tests.conftest import SCRIPTS, TINY

ROOT = Path(__file__).parents[1]
FULL = Path("/dev/full")
every_command = pytest.mark.parametrize("command", MODULES)


def run_piped(folder: Path, *words: str, read_lines: int = 0) -> tuple[int, str]:
    """Run a command whose stdout is closed after some lines; return its status and stderr."""
    with subprocess.Popen(
        [SCRIPTS / words[0], *words[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for _ in range(read_lines):
            process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    return process.returncode, errors


@every_command
def test_every_command_prints_its_version(command, run):
    completed = run(command, "--version")
    assert (completed.returncode, completed.stdout) == (0, f"mlp-bench {bench.__version__}\n")


@every_command
def test_help_needs_neither_an_open_output_nor_docstrings(command, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    assert run_piped(tmp_path, command, "--help") == (0, "")


@every_command
def test_a_full_output_is_named_and_need_not_show_every_character(command, run):
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    with FULL.open("w") as full:
        completed = run(
            command, "--help",
            env=ascii_only, capture_output=False, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert completed.returncode == 2
    assert completed.stderr == f"{command}: standard output: No space left on device\n"


def test_a_closed_output_does_not_end_a_sweep(tmp_path):
    words = ("-m", "dataset=synthetic", "dataset.training_size=100", "epochs=3", "seed=0,1")
    status, errors = run_piped(tmp_path, "bench", *words, "sweep_name=cut", read_lines=1)
    assert (status, errors) == (0, "")
    records = list(tmp_path.glob("results/cut/*/record.json"))
    assert [json.loads(path.read_text())["status"] for path in records] == ["done", "done"]


@pytest.fixture(scope="module")
def sweep(run_in, tmp_path_factory) -> Path:
    """A finished sweep, made while nothing could be written to stdout."""
    folder = tmp_path_factory.mktemp("full")
    with FULL.open("w") as full:
        completed = run_in(
            folder, "bench", *TINY, "sweep_name=full",
            capture_output=False, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert completed.returncode == 2
    assert completed.stderr == "bench: standard output: No space left on device\n"
    return folder / "results" / "full"


def test_a_full_output_does_not_end_a_sweep(sweep):
    (path,) = sweep.glob("*/record.json")
    assert json.loads(path.read_text())["status"] == "done"


def test_characters_that_the_output_cannot_show_are_escaped(sweep, run):
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    completed = run("bench-report", str(sweep), "--format=terminal", env=ascii_only)
    assert (completed.returncode, completed.stderr) == (0, "")
    assert r"\xb1 95 % interval" in completed.stdout


@pytest.mark.parametrize(
    "words", [("bench",), ("bench-compare", "HEAD", "--cells")], ids=lambda words: words[0]
)
def test_a_message_of_several_lines_is_printed_as_lines_without_control_characters(words, run):
    override = "dataset.path='nowhere\x1b[31m'"
    completed = run(*words, override) if len(words) == 1 else run(*words, f'"{override}"', cwd=ROOT)
    assert completed.returncode == 2
    first, second, *_ = completed.stderr.splitlines()
    assert first.startswith(rf"{words[0]}: dataset.path=nowhere\x1b[31m: ")
    assert second.startswith("Expected: ")


@every_command
def test_an_interrupt_while_modules_are_imported_is_one_line(command, tmp_path):
    program = f"""
import os, signal, sys
import mlp_bench

class InterruptingFinder:
    def find_spec(self, name, path=None, target=None):
        if name == {MODULES[command]!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, InterruptingFinder())
sys.argv = [{command!r}]
sys.exit(mlp_bench._start({command!r}))
"""
    completed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        # Where the tests run in the background, SIGINT is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (completed.returncode, completed.stderr) == (130, f"{command}: interrupted\n")


def test_an_interrupt_during_a_command_is_one_line(monkeypatch, capsys):
    def interrupt(_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(commands, "run", interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert mlp_bench.bench() == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "bench: interrupted\n"


def make_package(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("raise ImportError('not ours')")


def test_packages_of_the_same_names_on_the_path_are_named_and_not_used(run, tmp_path):
    for package in mlp_bench.PACKAGES:
        make_package(tmp_path / "other", package)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "other")}
    completed = run("bench", *TINY, "sweep_name=clash", env=environment)
    assert completed.returncode == 0, completed.stderr
    (line,) = completed.stderr.splitlines()
    assert line.startswith("bench: not used: ")
    assert all(f"'{tmp_path}/other/{package}'" in line for package in mlp_bench.PACKAGES)


@pytest.mark.parametrize("damage", ["init", "commands"])
def test_files_of_another_distribution_in_our_package_are_named(damage, tmp_path):
    place = tmp_path / "site"
    make_package(place, "implementations")
    (place / "mlp_bench.py").write_text(Path(mlp_bench.__file__).read_text())
    (place / "bench").mkdir()
    ours = "DISTRIBUTION = 'mlp-bench'" if damage == "commands" else "VERSION = '5.0'"
    (place / "bench" / "__init__.py").write_text(ours)
    if damage == "commands":
        (place / "bench" / "commands").mkdir()
    completed = subprocess.run(
        [sys.executable, "-c", "import sys, mlp_bench; sys.exit(mlp_bench.bench_report())"],
        env=os.environ | {"PYTHONPATH": str(place)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 2
    assert re.fullmatch(r"bench-report: another distribution .*frappe-bench.*\n", completed.stderr)
