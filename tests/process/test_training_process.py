"""A run is executed in a child process and always has a result."""

import json
import math
import os
import shutil
import signal
import subprocess
import time

import pytest

from bench import registry
from bench.machine import usage
from bench.machine.facts import cpu_flags, usable_cores
from bench.process.limits import Limits
from bench.process.supervisor import Supervisor
from bench.process.training_process import train_in_child
from tests.conftest import SCRIPTS
from tests.processes import LONG, guardians, is_running, request, runs, wait_for

PARTS = ("start_up", "data", "setup", "warm_up", "train", "evaluate", "ceiling", "other")


@pytest.fixture
def supervisor():
    with Supervisor() as opened:
        yield opened
    assert guardians() == []


def run_and_interfere(tmp_path, supervisor, interfere, *words):
    """Train for long, and call `interfere` with the process after the first epoch."""
    received = []

    def on_epoch(message):
        received.append(message)
        if len(received) == 2:
            process, *_ = runs()
            interfere(process)

    run_request = request(*LONG, *words)
    outcome = train_in_child(run_request, tmp_path / "run.log", on_epoch, supervisor)
    assert runs() == []
    return outcome, received


def test_a_run_reports_every_epoch_and_its_result(tmp_path, supervisor):
    received = []
    outcome = train_in_child(request("epochs=3"), tmp_path / "run.log", received.append, supervisor)
    assert outcome.result.status == "done"
    assert [message.epoch.epoch for message in received] == [0, 1, 2, 3]
    assert tuple(message.epoch for message in received) == outcome.result.epochs


def test_the_parts_of_the_seconds_sum_to_the_total_that_the_parent_measures(tmp_path, supervisor):
    run_request = request("epochs=3")
    start = time.perf_counter()
    outcome = train_in_child(run_request, tmp_path / "run.log", lambda _: None, supervisor)
    elapsed_seconds = time.perf_counter() - start
    seconds = outcome.seconds
    assert math.fsum(getattr(seconds, part) for part in PARTS) == pytest.approx(seconds.total)
    assert all(getattr(seconds, part) >= 0 for part in PARTS)
    assert seconds.start_up > 0
    assert seconds.train > 0
    assert elapsed_seconds / 2 < seconds.total <= elapsed_seconds


@pytest.mark.skipif("avx2" not in cpu_flags(), reason="a processor without AVX2")
@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_run_limited_to_avx2_does_not_get_the_server_of_one_that_is_not(
    isolation, tmp_path, supervisor
):
    def kernels(instructions):
        run_request = request(f"instructions={instructions}", f"isolation={isolation}", "epochs=1")
        result = train_in_child(
            run_request, tmp_path / "run.log", lambda _: None, supervisor
        ).result
        return [library["architecture"] for library in result.environment["linear_algebra"]]

    before, limited, after = (kernels(each) for each in ("auto", "avx2", "auto"))
    assert limited == ["Haswell"]
    assert before == after
    assert before != limited or "avx512f" not in cpu_flags()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_killed_run_is_failed_and_keeps_its_epochs(name, tmp_path, supervisor):
    outcome, received = run_and_interfere(
        tmp_path, supervisor, lambda process: os.kill(process, signal.Signals[name])
    )
    assert outcome.result.status == "failed"
    assert name in outcome.result.error.message
    assert outcome.result.epochs[:2] == tuple(message.epoch for message in received[:2])


def test_a_stopped_process_is_ended_by_the_time_limit_as_well(tmp_path, supervisor):
    def on_epoch(_):
        for process in runs():
            os.kill(process, signal.SIGSTOP)

    outcome = train_in_child(
        request(*LONG, "timeout_seconds=4"), tmp_path / "run.log", on_epoch, supervisor
    )
    assert outcome.result.status == "timeout"
    assert runs() == []


def test_an_interrupted_parent_leaves_no_process_behind(tmp_path, supervisor):
    def on_epoch(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_in_child(request(*LONG), tmp_path / "run.log", on_epoch, supervisor)
    assert runs() == []


def test_a_framework_that_raises_is_a_failure_with_its_traceback(tmp_path, monkeypatch, supervisor):
    (tmp_path / "sklearn.py").write_text("raise ValueError('many')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    broken = request("implementation=sklearn")
    outcome = train_in_child(broken, tmp_path / "run.log", lambda _: None, supervisor)
    assert outcome.result.status == "failed"
    assert "Traceback" in outcome.result.error.traceback
    assert outcome.result.error.type in outcome.result.error.traceback
    assert "Traceback" in (tmp_path / "run.log").read_text()


PROGRAM = """
import json, os, sys
from pathlib import Path
def main():
    request = sys.stdin.read()
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    {code}
    os._exit(0)
"""


@pytest.fixture
def run_code(tmp_path, monkeypatch, supervisor):
    """Run code instead of a training; return the end of the process, its lines and its log."""

    def run_program(code, name="program", backend=""):
        (tmp_path / f"{name}.py").write_text(PROGRAM.format(code=code))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        lines = []
        process_end = supervisor.run_in_process(
            name,
            b"{}",
            tmp_path / "run.log",
            lines.append,
            cores=usable_cores(),
            preload="",
            backend=backend,
            limits=Limits(),
        )
        return process_end, lines, (tmp_path / "run.log").read_text()

    return run_program


def test_a_line_without_an_end_is_dropped(run_code):
    process_end, lines, _ = run_code("channel.write('whole\\npart'); channel.flush(); os.abort()")
    assert lines == [b"whole"]
    assert "SIGABRT" in process_end.cause


def test_a_run_inherits_no_variable_that_changes_a_library(run_code, monkeypatch):
    monkeypatch.setenv("SOME_FLAGS", "--fast-and-wrong")
    monkeypatch.setenv("OMP_NUM_THREADS", "99")
    _, lines, _ = run_code("channel.write(json.dumps(dict(os.environ)) + '\\n')")
    variables = json.loads(lines[0])
    assert "SOME_FLAGS" not in variables
    assert variables["OMP_NUM_THREADS"] == str(len(usable_cores()))
    assert variables["PATH"] == os.environ["PATH"]


def test_a_process_for_one_backend_is_never_used_for_another(run_code):
    code = "channel.write(f'{os.getppid()} {os.environ[\"MLP_BENCH_BACKEND\"]}\\n')"
    printed = [run_code(code, backend=backend)[1][0].split() for backend in ("jax", "torch", "jax")]
    servers, backends = zip(*printed, strict=True)
    assert backends == (b"jax", b"torch", b"jax")
    assert servers[0] == servers[2] != servers[1]


def test_keras_gets_the_backend_of_each_run_of_a_sweep(tmp_path, supervisor):
    names = ("keras", "keras_jax")
    small = ("epochs=1", "dataset.training_size=200")
    requests = [request(f"implementation={name}", *small) for name in names]
    for run_request in requests:
        if registry.missing(run_request.config.implementation.requires):
            pytest.skip(f"{run_request.config.implementation.name} is not installed")
    for run_request in requests:
        result = train_in_child(
            run_request, tmp_path / "run.log", lambda _: None, supervisor
        ).result
        assert result.status == "done", result.error
    assert "tensorflow" not in result.imported


def test_a_backend_that_keras_does_not_have_is_refused(tmp_path, supervisor):
    run_request = request("implementation=keras", "implementation.options.backend=theano")
    result = train_in_child(run_request, tmp_path / "run.log", lambda _: None, supervisor).result
    assert "theano: must be one of tensorflow, jax, torch" in result.error.message


def test_a_log_is_never_written_through_a_link(run_code, tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "run.log").symlink_to(tmp_path / "precious")
    _, _, log = run_code("sys.stderr.write('to the log')")
    assert "to the log" in log
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "run.log").is_symlink()


def test_what_an_import_prints_is_in_the_log_of_every_run(tmp_path, monkeypatch, supervisor):
    (tmp_path / "sklearn.py").write_text("print('output of the import')\nimport no_such_module")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    for _ in range(2):
        run_request = request("implementation=sklearn")
        train_in_child(run_request, tmp_path / "run.log", lambda _: None, supervisor)
        assert "output of the import" in (tmp_path / "run.log").read_text()


def test_processes_that_a_run_has_started_end_with_it(run_code):
    _, lines, _ = run_code(
        "child = os.fork()\n    if child == 0:\n        import time\n        time.sleep(1000)\n"
        "    channel.write(f'{child}\\n')"
    )
    assert not is_running(int(lines[0]))


@pytest.mark.parametrize("implementation", ["numpy", "keras"])
def test_forked_and_spawned_runs_learn_the_same(implementation, tmp_path, supervisor):
    outcomes = []
    for isolation in ("fork", "spawn"):
        run_request = request(
            f"implementation={implementation}", f"isolation={isolation}", "epochs=2"
        )
        outcomes.append(
            train_in_child(run_request, tmp_path / "run.log", lambda _: None, supervisor)
        )
    losses = [[epoch.train_loss for epoch in outcome.result.epochs] for outcome in outcomes]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_the_run_of_a_killed_parent_ends(isolation, run, tmp_path):
    words = ("bench", *LONG, f"isolation={isolation}", "sweep_name=killed", "share_machine=true")
    log = tmp_path / "printed"
    with log.open("w") as printed:
        parent = subprocess.Popen(
            [str(SCRIPTS / words[0]), *words[1:]], cwd=tmp_path, stdout=printed
        )
        wait_for(lambda: "epoch 2/" in log.read_text())
        processes = [*guardians(parent.pid), *usage.descendants(parent.pid)]
        assert runs(parent.pid)
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(map(is_running, processes)))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no CPU affinity on this system")
def test_a_run_is_bound_to_its_cores(tmp_path, supervisor):
    affinities = []

    def on_epoch(_):
        process, *_ = runs()
        affinities.append(os.sched_getaffinity(process))

    train_in_child(request("epochs=1"), tmp_path / "run.log", on_epoch, supervisor)
    assert affinities[0] == {usable_cores()[0]}


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="a GPU may be here")
def test_an_implementation_that_is_unavailable_in_its_process_is_skipped(tmp_path, supervisor):
    run_request = request("implementation=numpy", "device=gpu", "epochs=1")
    result = train_in_child(run_request, tmp_path / "run.log", lambda _: None, supervisor).result
    assert (result.status, result.error.type) == ("skipped", "Unavailable")
