"""A session observes its time limit and keeps its results; tested with a processor as device."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bench.gpu import session
from bench.regression.cases import parse_cases

ROOT = Path(__file__).parents[2]
TINY = (
    "device=cpu", "dataset=synthetic", "architecture=one_hidden", "architecture.hidden_sizes=[8]",
    "batch_size=128", "seed=0", "epochs=1", "threads=1",
)  # fmt: skip


def test_a_session_writes_records_outputs_and_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(session, "COMPARISON_UNTIL", 0.0)  # the comparison is interrupted at once
    assert session.run([*TINY, "implementation=numpy"], seconds=10_000) == 0
    folder = tmp_path / "results" / "gpu"
    (path,) = folder.glob("*/record.json")
    assert json.loads(path.read_text())["status"] == "done"
    page = (folder / "table.md").read_text()
    assert page in capsys.readouterr().out
    assert page.count("| numpy | passed |") == 1
    assert "numpy: 10 of 10 recipes passed" in (folder / "ladder.log").read_text()
    assert "numpy: 10 of 10 recipes passed" in page
    assert "[1/1] numpy" in (folder / "speed.log").read_text()
    assert (folder / "comparison.log").exists()
    (case,) = parse_cases(session._case(folder))
    assert case.name == "numpy-one_hidden-128"
    assert (case.config.device, case.config.dataset.name) == ("cpu", "synthetic")


@pytest.fixture
def run_program(tmp_path, monkeypatch):
    """Return a function that runs a program in place of a command, with a limit of time."""
    (tmp_path / "mlp_bench.py").write_text("from program import bench\n")
    monkeypatch.setattr(session, "ROOT", tmp_path)
    monkeypatch.setattr(session, "ENDING_SECONDS", 0.5)

    def run(program, seconds=60.0):
        (tmp_path / "program.py").write_text(f"import signal, sys, time\ndef bench():\n{program}")
        start = time.monotonic()
        status = session.run_command("bench", ["a word"], seconds, tmp_path / "log")
        return status, (tmp_path / "log").read_text(), time.monotonic() - start

    return run


def test_the_output_of_a_command_is_printed_and_kept(run_program, capsys):
    status, log, _ = run_program("    print(sys.argv[1]); print(2, file=sys.stderr); return 3")
    assert (status, sorted(log.split("\n"))) == (3, ["", "2", "a word"])
    assert capsys.readouterr().out.startswith("\nbench 'a word'\n")


def test_a_command_that_reaches_its_time_limit_is_interrupted_and_its_output_kept(run_program):
    program = """
    try:
        print("measured", flush=True)
        time.sleep(100)
    except KeyboardInterrupt:
        return 130
"""
    status, log, seconds = run_program(program, seconds=3.0)
    assert (status, log) == (130, "measured\n")
    assert seconds < 50


def test_a_command_that_does_not_end_is_killed(run_program):
    program = "    signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(100)"
    status, _, seconds = run_program(program, seconds=3.0)
    assert status == -9
    assert seconds < 50
