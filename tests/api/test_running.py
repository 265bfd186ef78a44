"""Runs from Python: as the command executes them, with its errors as exceptions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

import bench
from bench.sweep import scheduler
from tests.conftest import TINY
from tests.processes import is_running, runs, wait_for
from tests.sweep.conftest import executed  # noqa: F401  # a fixture

PAGE = Path(bench.__file__).parents[1] / "docs" / "python.md"


@pytest.fixture(autouse=True)
def in_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_the_example_of_the_page_works_as_a_script(tmp_path):
    """Twelve lines without a guard for processes: a sweep, frames, findings, five figures."""
    (example,) = re.findall(r"```python\n(import bench\n.*?)```", PAGE.read_text(), re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 12
    small = f'"epochs=2", *{TINY!r}, "sweep_name=page"'
    program = example.replace('"epochs=5"', small) + (
        "from matplotlib import pyplot\n"
        "print('figures', pyplot.get_fignums())\n"
        "print('runs', runs['status'].tolist(), sorted(curves['epoch'].unique().tolist()))\n"
        "assert not {'tensorflow', 'keras', 'torch', 'jax'} & {*__import__('sys').modules}\n"
    )
    (tmp_path / "example.py").write_text(program)
    ended = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "figures [1, 2, 3, 4, 5]" in ended.stdout
    assert "runs ['done', 'done', 'done'] [0, 1, 2]" in ended.stdout
    assert "[3/3] numpy one_hidden" in ended.stdout
    assert "The best learning rate of numpy is" in ended.stdout
    assert "Results: results/page" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert "\r" not in ended.stdout
    assert ended.stderr == ""


def test_a_run_without_a_sweep_and_the_same_again_is_kept(executed, capsys):  # noqa: F811
    records = bench.run([*TINY, "sweep_name=one"])
    assert [record.status for record in records] == ["done"]
    assert records.folders == (Path("results/one").absolute(),)
    assert "[1/1] numpy one_hidden" in capsys.readouterr().out
    assert bench.run([*TINY, "sweep_name=one"]) == records
    assert "finished earlier, kept" in capsys.readouterr().out
    assert bench.run([*TINY, "sweep_name=one"], progress=False) == records
    assert capsys.readouterr().out == ""
    assert len(executed) == 1


def test_only_the_runs_of_the_call_are_returned(executed):  # noqa: F811
    bench.run([*TINY, "sweep_name=one", "seed=0,1"])
    records = bench.run([*TINY, "sweep_name=one", "seed=1,2"])
    assert [record.config["seed"] for record in records] == [1, 2]
    assert len(bench.load_records("results/one")) == 3


def test_a_failed_run_is_a_record(executed):  # noqa: F811
    executed.changes[0] = {"status": "failed"}
    assert [record.status for record in bench.run([*TINY])] == ["failed"]


def test_several_sweeps_in_one_call(executed):  # noqa: F811
    records = bench.run([*TINY, "sweep_name=one,two"])
    assert [record.sweep_name for record in records] == ["one", "two"]
    assert len(bench.load_runs(records)) == 2


def test_flags_of_the_command_and_a_folder_of_choices(executed, tmp_path):  # noqa: F811
    (tmp_path / "mine" / "architecture").mkdir(parents=True)
    (tmp_path / "mine" / "architecture" / "tiny.yaml").write_text("name: tiny\nhidden_sizes: [3]\n")
    words = ["-m", "architecture=tiny", "dataset=synthetic", "threads=1", "sweep_name=mine"]
    (record,) = bench.run([*words, "--config-dir", "mine"])
    assert record.config["architecture"]["hidden_sizes"] == [3]
    assert len(bench.run(words, config_dir=tmp_path / "mine")) == 1
    assert len(executed) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["learning_rate=-1"], "learning_rate=-1: must be a finite number above 0"),
        (["implementation=numpi"], "implementation=numpi: must be one of"),
        (["--info"], "unrecognized arguments: --info"),
        (["--help"], "train nothing: use a terminal"),
        ("learning_rate=1 seed=2", "give a list of words, such as ['learning_rate=1', 'seed=2']"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: no such folder"),
        ([*TINY, "results_folder=file"], "file: can't be written to"),
    ],
)
def test_what_the_command_refuses_is_an_exception_with_its_message(words, message, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(bench.BenchError, match=re.escape(message)) as caught:
        bench.run(words)
    assert [entry.path.name for entry in caught.traceback] == ["test_running.py", "plain_errors.py"]
    assert "\n" not in str(caught.value)
    # What IPython shows in place of a traceback.
    assert caught.value._render_traceback_() == [f"{caught.typename}: {caught.value}"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("options", "end"), [({}, ")"), ({"progress": False}, ", progress=False)")]
)
def test_an_interruption_says_how_to_continue(options, end, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(scheduler, "execute_sweep", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        bench.run([*TINY], **options)
    (folder,) = Path("results").iterdir()
    assert (
        str(caught.value) == f"To continue: bench.run({[*TINY, f'sweep_name={folder.name}']}{end}"
    )


def test_an_interrupted_kernel_ends_the_runs_and_keeps_the_finished_ones(tmp_path):
    words = [*TINY, "dataset.training_size=5000", "epochs=1,100000", "sweep_name=one"]
    printed, processes = [], []
    manager, client = start_new_kernel(startup_timeout=600, cwd=tmp_path)

    def watch(message):
        printed.append(message["content"].get("text", ""))
        if "epoch 1/100000" in printed[-1] and not processes:
            processes.extend(runs(manager.provisioner.pid))
            manager.interrupt_kernel()

    try:
        program = f"import bench; bench.run({words!r})"
        reply = client.execute_interactive(program, output_hook=watch)["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert processes
    assert reply["traceback"] == [f"RunsInterrupted: To continue: bench.run({words!r})"]
    assert [record.status for record in bench.load_records("results/one")] == ["done"]
    wait_for(lambda: not any(map(is_running, processes)), seconds=300)
