"""`bench-export`: other tools read what the records say, and nothing leaves this machine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bench.console import adapt_commands
from bench.export import command, contents, to_wandb
from bench.export.command import TOOLS, Tool
from bench.records import RunError
from bench.results import store
from tests.conftest import SCRIPTS
from tests.export.event_files import events
from tests.report.conftest import make_record, write  # noqa: F401  # a fixture


@pytest.fixture
def sweep(write):  # noqa: F811
    return write(
        make_record("numpy"),
        make_record("keras", "two_hidden", 0.01, accuracy=0.7),
        make_record("torch", status="failed", error=RunError(type="E", message="</script>\n😀")),
    )


@pytest.fixture
def run_export(call):
    """Run the command in this process; return its exit status and all that it prints."""

    def run(*words):
        status, out, err = call(command.main, *words)
        return status, out + err

    return run


def stored(sweep):
    records = [json.loads(path.read_text()) for path in sorted(sweep.glob("*/record.json"))]
    return {record["run_id"]: record for record in records}


def curve(record, name):
    return [(epoch["epoch"], epoch[name]) for epoch in record["epochs"] if epoch[name] is not None]


def test_tensorboard_reads_every_curve(sweep, run_export):
    pytest.importorskip("tensorboardX")
    status, printed = run_export(sweep, "--to", "tensorboard")
    assert status == 0, printed
    assert "tensorboard --logdir" in printed
    for run_id, record in stored(sweep).items():
        (path,) = (sweep / "tensorboard" / run_id).iterdir()
        scalars: dict[str, list] = {}
        texts: dict[str, str] = {}
        for event in events(path):
            for value in event.summary.value:
                scalars.setdefault(value.tag, []).append((event.step, value.simple_value))
                texts[value.tag] = b"".join(value.tensor.string_val).decode()
        assert texts["status/text_summary"].strip() == record["status"]
        assert ("error/text_summary" in texts) == (record["error"] is not None)
        assert (
            f"learning_rate: {record['config']['learning_rate']}"
            in texts["configuration/text_summary"]
        )
        for name in ("train_loss", "validation_accuracy"):
            expected = [(at, pytest.approx(value, rel=1e-6)) for at, value in curve(record, name)]
            assert scalars.get(name, []) == expected
        if record["test_accuracy"] is not None:
            ((_, accuracy),) = scalars["summary/test_accuracy"]
            assert accuracy == pytest.approx(record["test_accuracy"], rel=1e-6)


def test_mlflow_reads_every_curve_and_parameter(sweep, run_export, tmp_path):
    tracking = pytest.importorskip("mlflow.tracking")
    pytest.importorskip("sqlalchemy")
    output = tmp_path / "out"
    status, printed = run_export(sweep, "--to", "mlflow", "--output", output)
    assert status == 0, printed
    client = tracking.MlflowClient(f"sqlite:///{output / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(sweep.name)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == set(stored(sweep))
    for run_id, record in stored(sweep).items():
        run = runs[run_id]
        assert run.data.tags["status"] == record["status"]
        assert run.data.params["learning_rate"] == str(record["config"]["learning_rate"])
        assert run.data.params["implementation.name"] == record["config"]["implementation"]["name"]
        history = client.get_metric_history(run.info.run_id, "train_loss")
        points = sorted((metric.step, metric.value) for metric in history)
        assert points == curve(record, "train_loss")
        assert run.data.metrics.get("test_accuracy") == record["test_accuracy"]


def test_wandb_writes_a_run_offline_for_every_record(sweep, run_export):
    pytest.importorskip("wandb")
    status, printed = run_export(sweep, "--to", "wandb")
    assert status == 0, printed
    written = list((sweep / "wandb" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(written) == 3
    contents = b"".join(path.read_bytes() for path in written)
    for run_id in stored(sweep):
        assert run_id.encode() in contents
    assert b"validation_accuracy" in contents


# Libraries and the programs that tools start look addresses up in C; strace shows all of them.
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("tool", TOOLS)
def test_no_address_is_looked_up_or_connected_to(tool, sweep, tmp_path):
    pytest.importorskip(TOOLS[tool].requires[0])
    trace = tmp_path / "trace"
    # MLflow sends no telemetry if it detects a test environment.
    quiet = {name for name in os.environ if name.startswith(("PYTEST", "CI", "GITHUB", "GITLAB"))}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    command = [SCRIPTS / "bench-export", sweep, "--to", tool, "--output", tmp_path / "out"]
    completed = subprocess.run(
        [
            "strace",
            "--seccomp-bpf",
            "-f",
            "-o",
            trace,
            "-e",
            "trace=connect,sendto,sendmsg,sendmmsg",
            *command,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    lines = trace.read_text().splitlines()
    assert "+++ exited with 0 +++" in lines[-1]
    addresses = [line for line in lines if "AF_INET" in line]
    assert [line for line in addresses if "127.0.0.1" not in line] == []
    assert [line for line in addresses if "htons(53)" in line] == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_folder_may_have_any_name(tool, sweep, run_export, tmp_path):
    pytest.importorskip(TOOLS[tool].requires[0])
    output = tmp_path / "odd%20?x#y (1) 'é'" / tool
    status, printed = run_export(sweep, "--to", tool, "--output", output)
    assert status == 0, printed
    assert {path.name for path in tmp_path.iterdir()} == {"results", output.parent.name}
    command = printed.rpartition("Show with: ")[2].splitlines()[0]
    *_, place = shlex.split(command)
    if tool == "mlflow":
        from mlflow.tracking import MlflowClient

        assert (output / "mlflow.db").exists()
        assert sweep.name in {found.name for found in MlflowClient(place).search_experiments()}
    else:
        # The shell expands what the command leaves unquoted.
        found = subprocess.run(
            ["bash", "-c", f"ls -d {command.split(maxsplit=2)[2]}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert all(Path(line).is_relative_to(output) for line in found.splitlines())


def test_a_tool_that_is_not_installed_is_named_with_the_remedy(sweep, run_export, monkeypatch):
    monkeypatch.setitem(TOOLS, "wandb", Tool(("no_such_module",), to_wandb.export))
    status, printed = run_export(sweep, "--to", "wandb")
    assert status == 2
    remedy = adapt_commands("make setup EXTRAS=wandb")
    assert printed == f"bench-export: --to=wandb: no_such_module not installed; {remedy}\n"


def test_a_tool_that_writes_elsewhere_has_failed(sweep, run_export, monkeypatch):
    monkeypatch.setitem(TOOLS, "wandb", Tool((), lambda sweep, output: "command"))
    status, printed = run_export(sweep, "--to", "wandb")
    assert (status, (sweep / "wandb").exists()) == (2, False)
    assert "the tool wrote no files" in printed


def test_an_empty_path_is_refused(sweep, run_export):
    for words in ([sweep, "--output="], [""]):
        status, printed = run_export(*words, "--to", "tensorboard")
        assert status == 2
        assert "is empty" in printed


def test_an_existing_folder_is_not_written_to(sweep, run_export, tmp_path):
    pytest.importorskip("tensorboardX")
    status, printed = run_export(sweep, "--to=tensorboard", "--output", tmp_path)
    assert status == 2
    assert "exists already; choose another with --output" in printed


def test_a_sweep_without_records_is_nothing_to_export(run_export, tmp_path):
    pytest.importorskip("tensorboardX")
    status, printed = run_export(tmp_path, "--to=tensorboard")
    assert status == 2
    assert "no records" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tool", ["tensorboard", "mlflow"])
def test_a_record_without_a_valid_time_is_left_out_and_named(sweep, run_export, tool):
    pytest.importorskip(TOOLS[tool].requires[0])
    record = make_record("jax")
    object.__setattr__(record, "started_at", "yesterday\x1b")
    store.write_record(sweep, record)
    status, printed = run_export(sweep, "--to", tool)
    assert status == 0, printed
    assert rf"left out: {record.run_id}: started_at=yesterday\x1b: not a time" in printed
    assert "Exported: 3 runs" in printed


def test_an_error_of_a_tool_is_one_line_and_leaves_no_folder(sweep, run_export, monkeypatch):
    def refuse(sweep, output):
        (output / "half").mkdir()
        raise RuntimeError("name not allowed\nat length")

    monkeypatch.setitem(TOOLS, "mlflow", Tool((), refuse))
    status, printed = run_export(sweep, "--to=mlflow")
    assert status == 2
    assert printed.endswith("mlflow: not written: RuntimeError: name not allowed\n")
    assert not (sweep / "mlflow").exists()


def test_names_that_mlflow_does_not_allow_are_replaced(write, run_export):  # noqa: F811
    tracking = pytest.importorskip("mlflow.tracking")
    pytest.importorskip("sqlalchemy")
    sweep = write(make_record(**{"a=b \u00e9": 1, "x" * 500: 2}))
    status, printed = run_export(sweep, "--to=mlflow")
    assert status == 0, printed
    client = tracking.MlflowClient(f"sqlite:///{sweep / 'mlflow' / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name(sweep.name).experiment_id])
    assert run.data.params["a_b__"] == "1"


def test_sweeps_of_the_same_name_are_exported_side_by_side(sweep, run_export, tmp_path):
    pytest.importorskip("tensorboardX")
    other = tmp_path / "elsewhere" / sweep.name
    store.write_record(other, make_record("numpy", examples_per_second=1.0))
    output = tmp_path / "out"
    status, printed = run_export(sweep, other, "--to=tensorboard", "--output", output)
    assert status == 0, printed
    files = [path for path in output.rglob("events.*") if path.parent != output]
    assert len({file.parent for file in files}) == len(files) == 4


def test_the_current_folder_is_exported_under_its_name(sweep, run_export, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking")
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(sweep)
    assert run_export(".", "--to=mlflow")[0] == 0
    client = tracking.MlflowClient(f"sqlite:///{sweep / 'mlflow' / 'mlflow.db'}")
    assert sweep.name in {experiment.name for experiment in client.search_experiments()}


def test_a_point_of_exactly_zero_is_exported():
    record = make_record()
    last = replace(record.epochs[-1], train_loss=0.0, validation_accuracy=0.0)
    record = replace(record, epochs=(*record.epochs[:-1], last))
    points = {
        (name, value) for name, epoch, value, _ in contents.points(record) if epoch == last.epoch
    }
    assert points >= {("train_loss", 0.0), ("validation_accuracy", 0.0)}
