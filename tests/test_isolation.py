"""A run has a process of its own, and every way in which that can end is a result."""

import math
import os
import signal
import subprocess
import threading
import time

import pytest

from bench.environment import usable_cores
from bench.isolation import run_isolated
from bench.messages import Request
from bench.overrides import compose_runs
from bench.process import Launcher
from tests.conftest import SCRIPTS

LONG = ("dataset=synthetic", "dataset.training_size=50000", "epochs=100000")
PARTS = ("start_up", "data", "setup", "warm_up", "train", "evaluate", "ceiling", "other")


def request(tmp_path, *words) -> Request:
    (config,) = compose_runs(["dataset=synthetic", *words], default_name="test")
    return Request(config=config, dataset_folder=None, sweep_folder=str(tmp_path))


@pytest.fixture
def launcher():
    with Launcher() as opened:
        yield opened
    assert servers() == []


def children_of(process: int) -> dict[int, str]:
    """The processes that one has started and that still run, with their commands."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(process)],
        capture_output=True,
        text=True,
        check=False,  # it is 1 where there are none
    )
    lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return {int(pid): command for pid, command in lines}


def servers() -> list[int]:
    """The processes of this one from which runs are forked."""
    children = children_of(os.getpid()).items()
    return [number for number, command in children if "bench.fork_server" in command]


def runs() -> list[int]:
    """The runs that this process has had started and that still run, with all they started."""
    return [number for server in servers() for number in children_of(server)]


def run_and_interfere(tmp_path, launcher, interfere, *words):
    """Run something long, and once its first epoch has ended do something to its process."""
    heard = []

    def on_epoch(ended):
        heard.append(ended)
        if len(heard) == 2:
            (process,) = runs()
            interfere(process)

    asked = request(tmp_path, *LONG, *words)
    outcome = run_isolated(asked, tmp_path / "run.log", on_epoch, launcher)
    assert runs() == []
    return outcome, heard


def test_a_run_reports_every_epoch_and_its_result(tmp_path, launcher):
    heard = []
    outcome = run_isolated(
        request(tmp_path, "epochs=3"), tmp_path / "run.log", heard.append, launcher
    )
    assert outcome.result.status == "done"
    assert [ended.epoch.epoch for ended in heard] == [0, 1, 2, 3]
    assert tuple(ended.epoch for ended in heard) == outcome.result.epochs


def test_the_parts_of_the_ledger_sum_to_the_total_seen_from_outside(tmp_path, launcher):
    start = time.perf_counter()
    outcome = run_isolated(
        request(tmp_path, "epochs=3"), tmp_path / "run.log", lambda _: None, launcher
    )
    seen = time.perf_counter() - start
    seconds = outcome.seconds
    assert math.fsum(getattr(seconds, part) for part in PARTS) == pytest.approx(seconds.total)
    assert all(getattr(seconds, part) >= 0 for part in PARTS)
    assert seconds.start_up > 0
    assert seconds.train > 0
    assert 0 <= seen - seconds.total < 0.5


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_killed_run_is_a_failed_one_that_keeps_its_epochs(name, tmp_path, launcher):
    outcome, heard = run_and_interfere(
        tmp_path, launcher, lambda process: os.kill(process, signal.Signals[name])
    )
    assert outcome.result.status == "failed"
    assert name in outcome.result.error.message
    assert outcome.result.epochs[:2] == tuple(ended.epoch for ended in heard[:2])


def test_a_run_over_its_time_limit_is_ended(tmp_path, launcher):
    outcome = run_isolated(
        request(tmp_path, *LONG, "timeout_seconds=3"),
        tmp_path / "run.log",
        lambda _: None,
        launcher,
    )
    assert outcome.result.status == "timeout"
    assert "3 s" in outcome.result.error.message
    assert runs() == []


def test_a_stopped_process_is_ended_by_the_time_limit_as_well(tmp_path, launcher):
    def on_epoch(_):
        for process in runs():
            os.kill(process, signal.SIGSTOP)

    outcome = run_isolated(
        request(tmp_path, *LONG, "timeout_seconds=4"), tmp_path / "run.log", on_epoch, launcher
    )
    assert outcome.result.status == "timeout"
    assert runs() == []


def test_an_interrupted_parent_leaves_no_process_behind(tmp_path, launcher):
    def on_epoch(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_isolated(request(tmp_path, *LONG), tmp_path / "run.log", on_epoch, launcher)
    assert runs() == []


def test_a_framework_that_raises_is_a_failure_with_its_traceback(tmp_path, launcher):
    broken = request(
        tmp_path, "implementation=keras", "implementation.options.steps_per_execution=many"
    )
    outcome = run_isolated(broken, tmp_path / "run.log", lambda _: None, launcher)
    assert outcome.result.status == "failed"
    assert "Traceback" in outcome.result.error.traceback
    assert outcome.result.error.type in outcome.result.error.traceback
    assert "Traceback" in (tmp_path / "run.log").read_text()


# What the import of a framework may do to a process, planted as the framework that is imported.
MISBEHAVIOUR = {
    "crashes": ("import os; os.abort()", "failed"),
    "leaves": ("import os; os._exit(3)", "failed"),
    "exits": ("raise SystemExit(4)", "failed"),
    "raises": ("raise RuntimeError('planted')", "failed"),
    "spins": ("while True: pass", "timeout"),
    "ignores SIGTERM": (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)",
        "timeout",
    ),
    "closes its pipes": ("import os, time; os.closerange(0, 3); time.sleep(1000)", "timeout"),
    "eats memory": ("eaten = []\nwhile True: eaten.append(bytearray(10**8))", "out_of_memory"),
    "writes 1 GB": (
        "import os\nfor _ in range(1000): os.write(2, b'x' * 10**6)\nraise RuntimeError('planted')",
        "failed",
    ),
    "forks grandchildren": (
        "import os, time\nos.fork() or os.fork() or os.fork()\ntime.sleep(1111)",
        "timeout",
    ),
    "leaves another process": (
        "import subprocess, os; subprocess.Popen(['sleep', '1111']); os._exit(3)",
        "failed",
    ),
    "leaves one in another session": (
        "import subprocess, os\n"
        "subprocess.Popen(['sleep', '1111'], start_new_session=True)\n"
        "raise RuntimeError('planted')",
        "failed",
    ),
}


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
@pytest.mark.parametrize("behaviour", MISBEHAVIOUR)
def test_a_framework_that_misbehaves_on_import_costs_its_run_alone(
    behaviour, isolation, tmp_path, monkeypatch, launcher
):
    code, status = MISBEHAVIOUR[behaviour]
    (tmp_path / "sklearn.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    words = (
        "implementation=sklearn",
        f"isolation={isolation}",
        f"timeout_seconds={3 if status == 'timeout' else 15}",
        "memory_limit=600MB",
    )
    outcome = run_isolated(
        request(tmp_path, *words), tmp_path / "run.log", lambda _: None, launcher
    )
    assert outcome.result.status == status
    assert outcome.seconds.total < 20
    assert outcome.result.error.message
    assert (tmp_path / "run.log").stat().st_size < 21e6
    launcher.close()
    left = subprocess.run(["pgrep", "-f", "sleep 1111"], capture_output=True, check=False)
    assert left.stdout == b""
    good = run_isolated(request(tmp_path), tmp_path / "run.log", lambda _: None, launcher)
    assert good.result.status == "done"


@pytest.mark.parametrize("implementation", ["numpy", "keras"])
def test_a_forked_run_learns_what_a_spawned_one_does_and_starts_sooner(
    implementation, tmp_path, launcher
):
    outcomes = []
    for isolation in ("fork", "spawn", "fork"):
        words = (f"implementation={implementation}", f"isolation={isolation}", "threads=1")
        asked = request(tmp_path, *words)
        outcomes.append(run_isolated(asked, tmp_path / "run.log", lambda _: None, launcher))
    losses = [[epoch.train_loss for epoch in outcome.result.epochs] for outcome in outcomes]
    assert losses[0] == losses[1] == losses[2]
    first, spawned, again = (outcome.seconds.start_up for outcome in outcomes)
    assert again < min(first, spawned) / 2


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_killed_parent_takes_its_run_with_it(isolation, run, tmp_path):
    words = ("bench", *LONG, f"isolation={isolation}", "sweep_name=killed", "share_machine=true")
    log = tmp_path / "printed"
    with log.open("w") as printed:
        parent = subprocess.Popen(
            [str(SCRIPTS / words[0]), *words[1:]], cwd=tmp_path, stdout=printed
        )
        wait_for(lambda: "epoch 2/" in log.read_text())
        (server,) = children_of(parent.pid)
        (process,) = children_of(server)
        parent.kill()
        parent.wait()
    wait_for(lambda: not (is_running(server) or is_running(process)))


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether a process is there and is not just waiting to be taken leave of."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(shown.stdout) and not shown.stdout.startswith("Z")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_a_run_keeps_to_its_cores(tmp_path, launcher):
    seen = []

    def on_epoch(_):
        (process,) = runs()
        seen.append(os.sched_getaffinity(process))

    run_isolated(request(tmp_path, "threads=1"), tmp_path / "run.log", on_epoch, launcher)
    assert seen[0] == {usable_cores()[0]}


def test_the_waiting_parent_sleeps(tmp_path, launcher):
    n_threads = threading.active_count()  # other tests' frameworks have some
    before = time.process_time()
    start = time.perf_counter()
    run_isolated(
        request(tmp_path, *LONG, "timeout_seconds=4"),
        tmp_path / "run.log",
        lambda _: None,
        launcher,
    )
    assert (time.process_time() - before) / (time.perf_counter() - start) < 0.25
    assert threading.active_count() == n_threads
