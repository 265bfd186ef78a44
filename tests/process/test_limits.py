"""Every process is ended in time, and a memory limit that is too low is reported as the cause."""

from __future__ import annotations

import dataclasses
import os
import threading
import time

import pytest

from bench.machine.facts import usable_cores
from bench.process import training_process
from bench.process.limits import Limits, TimeLimitError, Watchdog
from bench.process.training_process import train_in_child
from tests.processes import request, runs

ENDLESS = "import time\ndef main():\n    time.sleep(1000)\n"


def read_until_late(limits: Limits, *chunks: bytes) -> tuple[list[bytes], str]:
    """Read from a process that prints chunks and hangs; return its lines and the error message."""
    reader, writer = os.pipe()
    lines = []
    try:
        for chunk in chunks:
            os.write(writer, chunk)
        with pytest.raises(TimeLimitError) as raised:
            for line in Watchdog(limits).lines(reader):
                lines.append(line)
    finally:
        os.close(reader)
        os.close(writer)
    return lines, str(raised.value)


@pytest.mark.parametrize(
    ("limits", "chunks", "lines", "reason"),
    [
        (Limits(start_up_seconds=0.05), [], [], "not started after 0.05 s: the import hangs"),
        (Limits(start_up_seconds=0.05), [b"no line"], [], "not started after 0.05 s"),
        (Limits(silence_seconds=0.05), [b"a\nb", b"c\nd"], [b"a", b"bc"], "no progress for 0.05 s"),
        (Limits(total_seconds=0.05), [b"a\n"], [b"a"], "not finished after 0.05 s"),
    ],
)
def test_a_process_that_stops_printing_exceeds_its_limit(limits, chunks, lines, reason):
    received, message = read_until_late(limits, *chunks)
    assert received == lines
    assert reason in message


def test_the_default_time_limits_are_finite():
    (config,) = [request().config]
    limits = training_process.limits_of(config)
    assert limits.start_up_seconds < 1000
    assert limits.silence_seconds < 10**5


def test_a_timeout_replaces_the_limit_on_an_epoch():
    limits = training_process.limits_of(request("timeout_seconds=1e6").config)
    assert limits.total_seconds == 1e6
    assert limits.silence_seconds == float("inf")


def test_a_run_whose_import_hangs_is_ended_and_the_memory_limit_named(
    tmp_path, monkeypatch, supervisor
):
    (tmp_path / "sklearn.py").write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    limits = dataclasses.replace(Limits(), start_up_seconds=2.0)
    monkeypatch.setattr(training_process, "limits_of", lambda _: limits)
    run_request = request("implementation=sklearn", "memory_limit=2GB")
    result = train_in_child(run_request, tmp_path / "log", lambda _: None, supervisor).result
    assert result.status == "timeout"
    assert "not started after 2 s" in result.error.message
    assert "memory_limit=2GB may be too little" in result.error.message


@pytest.mark.parametrize("limit", ["1MB", "20MB", "60MB", "100MB"])
@pytest.mark.parametrize("mode", ["fork", "spawn"])
def test_a_memory_limit_too_low_for_the_import_is_out_of_memory(mode, limit, tmp_path, supervisor):
    words = (f"memory_limit={limit}", f"isolation={mode}", "timeout_seconds=60", "threads=auto")
    run_request = request(*words)
    result = train_in_child(run_request, tmp_path / "log", lambda _: None, supervisor).result
    assert result.status == "out_of_memory", (tmp_path / "log").read_text()
    assert f"memory_limit={limit}" in result.error.message
    assert "exit status 0" not in result.error.message


def test_the_waiting_parent_sleeps(tmp_path, supervisor):
    n_threads = threading.active_count()  # includes threads of frameworks that other tests imported
    n_waits = []

    def on_epoch(_):
        n_waits.append(threading.active_count())

    run_request = request("dataset.training_size=10000", "epochs=20")
    before = time.process_time()
    result = train_in_child(run_request, tmp_path / "run.log", on_epoch, supervisor).result
    assert result.status == "done"
    # A parent that polls would use at least as much processor time as the run.
    assert time.process_time() - before < result.environment["train_cpu_seconds"] / 2
    assert set(n_waits) == {n_threads}
    assert runs() == []


def test_a_process_that_closes_its_output_and_continues_is_killed(
    tmp_path, monkeypatch, supervisor
):
    source = ENDLESS.replace("    time", "    import os; os.close(1)\n    time")
    (tmp_path / "endless.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    process_end = supervisor.run_in_process(
        "endless", b"", None, print, cores=usable_cores(), preload="",
        limits=Limits(start_up_seconds=1.0),
    )  # fmt: skip
    assert "not started after 1 s" in process_end.exceeded_limit
