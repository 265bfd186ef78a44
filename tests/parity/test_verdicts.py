"""A verdict holds for the code and versions it was made with; a sweep keeps those it needs."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

import bench
from bench import provenance
from bench.config.compose import compose_runs
from bench.machine.facts import cpu_flags
from bench.parity import ensure_verdict, pending_verdict, verdicts
from bench.process.supervisor import Supervisor
from bench.records import Verdict
from bench.results import checksummed, store
from tests.conftest import TINY

ROOT = Path(bench.__file__).parents[1]


def configuration(*words):
    (config,) = compose_runs(["threads=1", *words], default_name="test")
    return config


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def supervisor():
    with Supervisor() as opened:
        yield opened


def ensure(sweep_folder, on_verdict, supervisor, pending=None):
    config = configuration()
    ensure_verdict(config, pending or pending_verdict(config), sweep_folder, on_verdict, supervisor)


def test_a_verdict_does_not_depend_on_settings_outside_the_equations():
    keys = {
        pending_verdict(configuration(*words)).key
        for words in (
            [],
            ["learning_rate=1"],
            ["architecture=two_hidden"],
            ["batch_size=64"],
        )
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    "words",
    [["recipe=tanh_softmax_sgd"], ["recipe.initializer=notebook"], ["implementation=notebook"]],
)
def test_a_verdict_holds_for_one_recipe_and_one_implementation(words):
    assert pending_verdict(configuration(*words)).key != pending_verdict(configuration()).key


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="a processor without AVX2")
def test_a_verdict_holds_for_the_instructions_that_libraries_could_use():
    limited = pending_verdict(configuration("instructions=avx2"))
    assert limited.instructions == "avx2"
    assert limited.key != pending_verdict(configuration()).key


def test_a_verdict_holds_for_the_code_and_versions_it_was_made_with(monkeypatch):
    before = pending_verdict(configuration()).key
    with monkeypatch.context() as patched:
        patched.setattr(provenance.facts, "versions", lambda _: {"numpy": "99"})
        assert pending_verdict(configuration()).key != before
    monkeypatch.setattr(provenance.registry, "sources", lambda _: {Path("x"): b"edited"})
    assert pending_verdict(configuration()).key != before


def test_a_sweep_gets_the_verdict_and_the_next_one_a_copy(tmp_path, supervisor):
    received = []
    ensure(tmp_path / "first", received.append, supervisor)
    (verdict,) = store.read_sweep(tmp_path / "first").verdicts
    assert verdict.passed
    assert verdict.key == pending_verdict(configuration()).key
    assert received == [verdict]
    ensure(tmp_path / "first", received.append, supervisor)
    ensure(tmp_path / "second", received.append, supervisor)
    assert store.read_sweep(tmp_path / "second").verdicts == (verdict,)
    assert received == [verdict]  # the checks ran once


def test_a_damaged_verdict_in_the_cache_is_replaced(tmp_path, supervisor):
    received = []
    ensure(tmp_path / "first", received.append, supervisor)
    (cached,) = (tmp_path / "cache").glob("mlp-bench/parity/*.json")
    cached.write_text('{"key": 1}')
    ensure(tmp_path / "second", received.append, supervisor)
    assert len(received) == 2
    assert checksummed.read(cached, Verdict).passed


def test_checks_run_without_a_writable_cache(tmp_path, monkeypatch, supervisor):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    ensure(tmp_path / "sweep", lambda _: None, supervisor)
    assert store.read_sweep(tmp_path / "sweep").verdicts[0].passed


def test_unfinished_checks_say_why_and_are_not_cached(tmp_path, monkeypatch, supervisor):
    monkeypatch.setattr(verdicts, "TIMEOUT_SECONDS", 0.01)
    ensure(tmp_path / "sweep", lambda _: None, supervisor)
    (verdict,) = store.read_sweep(tmp_path / "sweep").verdicts
    assert not verdict.passed
    assert verdict.error.message == "not finished after 0.01 s"
    assert not list((tmp_path / "cache").glob("mlp-bench/**/*.json"))


def test_unfinished_checks_are_run_again_for_the_next_run(tmp_path, monkeypatch, supervisor):
    received = []
    with monkeypatch.context() as patched:
        patched.setattr(verdicts, "TIMEOUT_SECONDS", 0.01)
        ensure(tmp_path / "sweep", received.append, supervisor)
    ensure(tmp_path / "sweep", received.append, supervisor)
    assert [verdict.passed for verdict in received] == [False, True]
    assert store.read_sweep(tmp_path / "sweep").verdicts == (received[1],)


def test_a_damaged_verdict_of_a_sweep_is_replaced(tmp_path, supervisor):
    ensure(tmp_path / "sweep", lambda _: None, supervisor)
    (path,) = (tmp_path / "sweep").glob("parity-*.json")
    path.write_bytes(path.read_bytes()[:100])
    ensure(tmp_path / "sweep", lambda _: None, supervisor)
    assert checksummed.read(path, Verdict).passed


def test_temporary_files_of_a_killed_process_are_removed(tmp_path, supervisor):
    wanted = pending_verdict(configuration())
    cached = verdicts._cache_path(wanted)
    for path in (cached, store.verdict_path(tmp_path / "sweep", wanted)):
        path.parent.mkdir(parents=True)
        path.with_name(f".{path.name}.left").write_text("by one that was killed in writing")
    ensure(tmp_path / "sweep", lambda _: None, supervisor)
    for folder in (cached.parent, tmp_path / "sweep"):
        assert {path.name for path in folder.iterdir() if path.suffix != ".json"} == {".lock"}


def test_running_checks_leave_no_files_that_a_kill_would_not_remove(
    tmp_path, monkeypatch, supervisor
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    verdicts.run_checks(
        [configuration()],
        [pending_verdict(configuration())],
        lambda _: seen.append([*tmp_path.iterdir()]),
        supervisor,
    )
    assert seen == [[tmp_path / "cache"]]


def test_a_verdict_is_the_same_after_writing_and_reading():
    verdict = pending_verdict(configuration())
    assert msgspec.json.decode(checksummed.encode(verdict), type=type(verdict)) == verdict
    assert not verdict.passed
    assert not dataclasses.replace(verdict, rungs=()).passed


@pytest.fixture
def copied(tmp_path):
    """A copy of the project to add implementations to, and how to run a command of it."""
    project = tmp_path / "project"
    for name in ("bench", "implementations", "conf"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))

    def add(name: str, source: str) -> None:
        (project / "implementations" / f"{name}_mlp.py").write_text(source, encoding="utf-8")
        settings = (project / "conf" / "implementation" / "notebook.yaml").read_text()
        settings = settings.replace("notebook", name).replace("#000000", "#123456")
        (project / "conf" / "implementation" / f"{name}.yaml").write_text(settings)

    def command(module: str, *words: str) -> subprocess.CompletedProcess[str]:
        program = f"import sys; from {module} import main; sys.argv[0] = 'x'; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-P", "-c", program, *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
        )

    return add, command


def test_an_implementation_that_fails_keeps_its_numbers_and_loses_its_rank(copied, tmp_path):
    add, command = copied
    honest = (ROOT / "implementations" / "notebook_mlp.py").read_text(encoding="utf-8")
    add("wrong", honest.replace("1 - activations**2", "1 - activations"))
    add("eighth", honest)
    words = ["implementation=wrong,eighth", "recipe=tanh_softmax_sgd", "sweep_name=trial"]
    completed = command("bench.sweep.command", "-m", *words, *TINY)
    assert completed.returncode == 0, completed.stderr
    assert "wrong has no rank: it does NOT compute what the recipe says: fails rung 1" in (
        completed.stdout
    )
    assert "eighth has no rank" not in completed.stdout
    completed = command("bench.report.command", "results/trial")
    assert completed.returncode == 0, completed.stderr
    assert "wrong has no rank: parity failed" in completed.stdout
    page = (tmp_path / "results/trial/report/report.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| wrong | - |"))
    assert "**failed**" in row
    assert "Without a rank: wrong; the equations are **not those of the recipe**" in page
    assert "eighth is the only implementation with a rank" in page
    assert "times as fast as wrong" not in page


def test_a_module_and_a_yaml_file_add_an_implementation(copied):
    add, command = copied
    source = (ROOT / "implementations" / "numpy_mlp.py").read_text(encoding="utf-8")
    add("eighth", source)
    add("broken", source.replace("def train_epoch(self", "def train_epoch_misspelt(self"))
    completed = command("bench.parity.command", "--implementation", "eighth,broken")
    assert "eighth: 10 of 10 recipes passed" in completed.stdout, completed.stderr
    assert (
        "broken relu_softmax_sgd: was not checked: 'MLP' object has no attribute"
        in completed.stdout
    )
    assert completed.returncode == 1
