"""A framework that misbehaves costs its own run alone, and no process of it remains."""

from __future__ import annotations

import os
import subprocess

import pytest

from bench.machine import usage
from bench.process.supervisor import Supervisor
from bench.process.training_process import train_in_child
from tests.chaos.conftest import FULL
from tests.conftest import SCRIPTS
from tests.processes import guardians, is_running, is_sleeping, request, runs, wait_for

# Tests that run in parallel must not see each other's processes.
SLEEP_SECONDS = f"1111.{os.getpid():09d}"
N_MEGABYTES = 1000 if FULL else 100
# What the import of a framework may do to a process; planted as the framework that is imported.
MISBEHAVIOUR = {
    "crashes": ("import os; os.abort()", "failed"),
    "leaves": ("import os; os._exit(3)", "failed"),
    "exits": ("raise SystemExit(4)", "failed"),
    "raises": ("raise RuntimeError('planted')", "failed"),
    "dies of a signal without a name": (
        "import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 3)",
        "failed",
    ),
    "spins": ("while True: pass", "timeout"),
    "sleeps": ("import time; time.sleep(1111)", "timeout"),
    "ignores SIGTERM": (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1111)",
        "timeout",
    ),
    "closes its pipes": ("import os, time; os.closerange(0, 3); time.sleep(1111)", "timeout"),
    "eats memory": ("eaten = []\nwhile True: eaten.append(bytearray(10**8))", "out_of_memory"),
    "writes too much": (
        f"import os\nfor _ in range({N_MEGABYTES}): os.write(1, b'x' * 10**6)\n"
        "raise RuntimeError('planted')",
        "failed",
    ),
    "forks grandchildren": (
        "import os, time\nos.fork() or os.fork() or os.fork()\ntime.sleep(1111)",
        "timeout",
    ),
    "leaves a process": (
        f"import subprocess, os; subprocess.Popen(['sleep', '{SLEEP_SECONDS}']); os._exit(3)",
        "failed",
    ),
    "leaves a process in another session": (
        "import subprocess\n"
        f"subprocess.Popen(['sleep', '{SLEEP_SECONDS}'], start_new_session=True)\n"
        "raise RuntimeError('planted')",
        "failed",
    ),
}
# In the short edition each once, forked and spawned in turn.
CASES = [
    (behaviour, isolation)
    for number, behaviour in enumerate(MISBEHAVIOUR)
    for isolation in (("fork", "spawn") if FULL else (("fork", "spawn")[number % 2],))
]


@pytest.mark.parametrize(("behaviour", "isolation"), CASES)
def test_a_framework_that_misbehaves_on_import_costs_its_run_alone(
    behaviour, isolation, plant, tmp_path, tries
):
    tries("misbehaving imports", 1, 1)
    code, status = MISBEHAVIOUR[behaviour]
    plant(code)
    words = (
        "implementation=sklearn",
        f"isolation={isolation}",
        f"timeout_seconds={2 if status == 'timeout' else 15}",
        # With a limit, an import that ends without a message counts as out of memory.
        f"memory_limit={'600MB' if status == 'out_of_memory' else 'null'}",
    )
    log_path = tmp_path / "run.log"
    with Supervisor() as supervisor:
        outcome = train_in_child(request(*words), log_path, lambda _: None, supervisor)
        assert runs() == []
    assert outcome.result.status == status
    assert outcome.result.error.message
    assert log_path.stat().st_size < 21e6
    if "planted" in code and behaviour != "writes too much":
        assert "planted" in log_path.read_text()
    assert guardians() == []
    assert not is_sleeping(SLEEP_SECONDS)


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_supervisor_makes_other_runs_after_one_that_crashed(isolation, plant, tmp_path):
    plant(MISBEHAVIOUR["crashes"][0])
    requests = [
        request(f"implementation={name}", f"isolation={isolation}") for name in ("sklearn", "numpy")
    ]
    with Supervisor() as supervisor:
        outcomes = [
            train_in_child(each, tmp_path / "run.log", lambda _: None, supervisor)
            for each in (*requests, requests[0])
        ]
    assert [outcome.result.status for outcome in outcomes] == ["failed", "done", "failed"]


HANGING = ("sleeps", "ignores SIGTERM", "forks grandchildren")


@pytest.mark.parametrize("behaviour", HANGING if FULL else HANGING[1:2])
def test_a_hanging_import_ends_at_its_time_limit_and_with_the_command(
    behaviour, plant, run, tmp_path, tries
):
    tries("hanging imports", 2, 2)
    plant(MISBEHAVIOUR[behaviour][0])
    words = ("implementation=sklearn", "dataset=synthetic", "sweep_name=hanging")
    ended = run("bench", *words, "timeout_seconds=3", timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert "timeout: not finished after 3 s" in ended.stdout
    parent = subprocess.Popen(
        [SCRIPTS / "bench", *words, "share_machine=true"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: guardians(parent.pid))
    (guardian,) = guardians(parent.pid)
    wait_for(lambda: list(usage.descendants(guardian)))
    left = [guardian, *usage.descendants(guardian)]
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(is_running, left)))
