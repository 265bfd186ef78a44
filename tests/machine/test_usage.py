"""Processor time and memory of a process include those of the processes it has started."""

import os
import subprocess
import sys
import time

import pytest

from bench.machine import usage

BUSY = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass\n"
HOLDS = "held = bytearray(b'x' * 60_000_000)\n"
WAIT = "print(flush=True)\ninput()\n"


@pytest.fixture
def start_child():
    """Start a child process with some code; return when the code has run and the child waits."""
    children = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code + WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        children.append(process)
        assert process.stdout.readline()
        return process

    yield start
    for process in children:
        if process.poll() is None:
            process.communicate(b"\n")


def test_processor_time_of_children_counts_while_they_run_and_after(start_child):
    before = usage.cpu_seconds()
    process = start_child(BUSY)
    assert 0.9 < usage.cpu_seconds() - before < 2
    process.communicate(b"\n")
    assert 0.9 < usage.cpu_seconds() - before < 2


def test_processor_time_is_that_of_all_threads():
    before, start = usage.cpu_seconds(), time.process_time()
    while time.process_time() < start + 0.2:
        pass
    assert 0.15 < usage.cpu_seconds() - before < 0.5


@pytest.mark.parametrize("then", ["", "del block\n"])
def test_peak_memory_covers_what_was_allocated_even_if_it_was_freed(then):
    """Measure in a new process, because the peak of this one includes earlier tests."""
    program = (
        "from bench.machine import usage\n"
        "before = usage.peak_memory_bytes()\n"
        f"block = bytearray(b'x' * (before + 50_000_000))\n{then}"
        "print(usage.peak_memory_bytes() - before)"
    )
    completed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert int(completed.stdout) >= 40_000_000


def test_memory_of_children_of_children_counts(start_child):
    before, others = usage.peak_memory_bytes(), set(usage.descendants(os.getpid()))
    start_child(HOLDS)
    assert usage.peak_memory_bytes() >= before + 55_000_000
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HOLDS + WAIT!r}])\n"
    process = subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline()
    assert len(set(usage.descendants(os.getpid())) - others) == 3
    assert usage.peak_memory_bytes() >= before + 110_000_000
    process.communicate(b"\n")
