"""With every launcher a sweep ends with the same records, and no process outlives the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from bench.config import compose
from bench.config.compose import compose_runs
from bench.config.errors import ConfigError
from bench.machine import usage
from bench.sweep import launchers
from tests.conftest import SCRIPTS, TINY
from tests.processes import LONG, is_running, never_at_once, runs_below, times_of_runs, wait_for

WORDS = ("-m", *TINY, "learning_rate=0.01,0.1", "sweep_name=launched")
LAUNCHERS = {
    "joblib": ("joblib", ("hydra.launcher.n_jobs=2",)),
    "submitit_local": ("submitit", ("hydra.launcher.timeout_min=50",)),
}


def learnt(folder):
    """What a sweep's runs have learnt, by their names."""
    found = {}
    for path in sorted(folder.glob("results/launched/*/record.json")):
        record = json.loads(path.read_text())
        assert record["status"] == "done", record["error"]
        losses = [(epoch["train_loss"], epoch["validation_loss"]) for epoch in record["epochs"]]
        found[path.parent.name] = (record["config_hash"], losses, record["test_accuracy"])
    return found


@pytest.fixture(scope="module")
def learnt_without(tmp_path_factory, run_in):
    folder = tmp_path_factory.mktemp("without")
    assert run_in(folder, "bench", *WORDS).returncode == 0
    return learnt(folder)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_ends_with_the_same_records(name, learnt_without, run, tmp_path):
    module, more = LAUNCHERS[name]
    pytest.importorskip(module)
    ended = run("bench", *WORDS, f"hydra/launcher={name}", *more)
    assert ended.returncode == 0, ended.stderr
    assert "Results: results/launched" in ended.stdout
    assert learnt(tmp_path) == learnt_without
    never_at_once(times_of_runs(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_an_unknown_launcher_is_named(main):
    status, _, err = main(*WORDS, "hydra/launcher=nowhere")
    assert status == 2
    assert "nowhere" in err


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_that_is_not_installed_is_named(name, main, monkeypatch):
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(ConfigError, match=f"make setup EXTRAS={LAUNCHERS[name][0]}"):
        launchers.launch([], None, name, {})


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_run_that_a_launcher_cannot_make_is_named(name, plan, write, monkeypatch):
    pytest.importorskip(LAUNCHERS[name][0])
    planned = plan(0, 1)
    planned[1].sweep_folder.mkdir(parents=True, exist_ok=True)
    planned[1].folder.write_text("a file where the run's folder would be")
    with pytest.raises(
        ConfigError, match=f"{name}: a run could not be executed: .*{planned[1].run_id}"
    ):
        launchers.launch(planned[1:], None, name, {})


@pytest.fixture(params=LAUNCHERS)
def going(request, tmp_path):
    """A sweep in a launcher's processes."""
    pytest.importorskip(LAUNCHERS[request.param][0])
    words = (*LONG, "-m", "seed=1,2", f"hydra/launcher={request.param}", "sweep_name=launched")
    with subprocess.Popen(
        [SCRIPTS / "bench", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        wait_for(lambda: runs_below(process.pid), seconds=120)
        yield process
        process.kill()


def test_an_interrupt_leaves_no_process_of_a_launcher_behind(going):
    below = list(usage.descendants(going.pid))
    going.send_signal(signal.SIGINT)
    out, err = going.communicate(timeout=60)
    assert going.returncode == 130, err
    assert "Traceback" not in err
    assert "To continue" in out
    wait_for(lambda: not any(map(is_running, below)))


def test_no_process_of_a_launcher_outlives_the_command(going):
    below = list(usage.descendants(going.pid))
    going.kill()
    wait_for(lambda: not any(map(is_running, below)))


HOSTILE = (
    "hydra/launcher=submitit_slurm",
    "hydra/launcher=joblib,basic",
    "+hydra.launcher.additional_parameters.x={_target_:builtins.print}",
    "+hydra.launcher.setup=['touch touched']",
    "hydra.launcher.n_jobs={_target_:builtins.print}",
    "hydra.launcher.n_jobs='2; touch touched'",
    "hydra.launcher._target_=builtins.print",
    "hydra.launcher.timeout_min=9",  # joblib has no such number
    "hydra.searchpath=[pkg://this]",
    "hydra={searchpath:[pkg://this]}",
    "+hydra.job.env_set.LD_PRELOAD=planted.so",
    "hydra/job_logging=default",
    "hydra.sweep.dir=/tmp",
    "+hydra.callbacks.mine={_target_:builtins.print}",
    "+architecture@hydra.job_logging=one_hidden",
    "~hydra.sweeper",
    "hydra.mode=MULTIRUN",
)


@pytest.mark.parametrize("word", HOSTILE)
def test_hydra_settings_that_could_run_code_are_refused(word):
    with pytest.raises(ConfigError) as caught:
        compose_runs(["hydra/launcher=joblib", word], default_name="test", multirun=True)
    assert "hydra" in str(caught.value)


def test_numbers_for_a_launcher_are_taken():
    words = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2"]
    assert len(compose_runs(words, default_name="test", multirun=True)) == 2
    assert compose.launcher_of(words) == ("joblib", {"n_jobs": 2})


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("config.yaml", "hydra: {searchpath: [pkg://this]}"),
        ("hydra/launcher/joblib.yaml", "_target_: builtins.print"),
        ("experiment/mine.yaml", "# @package _global_\nhydra: {searchpath: [pkg://this]}"),
        (
            "experiment/mine.yaml",
            "# @package _global_\nhydra: {sweeper: {params: {hydra.searchpath: '[pkg://this]'}}}",
        ),
    ],
)
def test_a_folder_from_someone_else_cannot_set_hydra_up(path, content, tmp_path):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(content)
    words = ["experiment=mine"] if path.startswith("experiment") else []
    with pytest.raises(ConfigError):
        compose_runs(words, default_name="test", multirun=True, config_folder=str(tmp_path))


def test_hydra_settings_in_a_file_from_someone_else_run_nothing(main, executed, tmp_path):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "mine.yaml").write_text(
        "# @package _global_\n"
        "hydra:\n"
        "  launcher: {_target_: os.abort}\n"
        "  job: {env_set: {LD_PRELOAD: planted.so}}\n"
        "  callbacks: {mine: {_target_: os.abort}}\n"
        "  job_logging: {version: 1, handlers: {mine: {(): os.abort}}}\n"
    )
    main(*WORDS, "experiment=mine", "--config-dir=mine")
    assert len(executed) in (0, 2)  # refused, or ignored
    assert "LD_PRELOAD" not in os.environ
