"""A disk that becomes full or read-only is named in one line, and costs no finished run."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from bench.results import store
from tests.chaos.conftest import MAX_DELAY_SECONDS, begin, finish, learnt, stored

MOUNT = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs")


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder that is a file system of its own, of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run([*MOUNT, folder], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(path):
    """Write to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (2**16, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def assert_all_whole(folder):
    sweep = folder / "results" / "night"
    if sweep.exists():  # else the fault came before it was made
        assert store.read_sweep(sweep).unreadable == ()
    assert not list(folder.rglob(".record.json.*"))


def test_a_full_disk_is_named_and_costs_no_finished_run(small_disk, randomness, tries, undisturbed):
    for _ in range(tries("disks filled", 1, 20)):
        process = begin(small_disk)
        time.sleep(randomness.uniform(0.5, MAX_DELAY_SECONDS))
        fill(small_disk / "filler")
        errors = process.communicate(timeout=120)[1]
        before = stored(small_disk)
        assert "Traceback" not in errors
        if process.returncode != 0:  # otherwise it had ended already
            assert process.returncode == 2, errors
            assert "No space left on device" in errors
            assert len(errors.splitlines()) == 1
        assert_all_whole(small_disk)
        (small_disk / "filler").unlink()
        status, errors = finish(small_disk)
        assert status == 0, errors
        assert before.items() <= stored(small_disk).items()
        assert learnt(small_disk) == undisturbed
        subprocess.run(["rm", "-r", small_disk / "results"], check=True)


def test_a_disk_that_becomes_read_only_is_named(small_disk, randomness, tries, undisturbed):
    for _ in range(tries("disks made read-only", 1, 10)):
        process = begin(small_disk, "results_folder=results")
        time.sleep(randomness.uniform(1, MAX_DELAY_SECONDS))
        while subprocess.run(["mount", "-o", "remount,ro", small_disk]).returncode:
            time.sleep(0.01)  # a file is open for writing
            if process.poll() is not None:
                break
        errors = process.communicate(timeout=120)[1]
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert "Traceback" not in errors
        if process.returncode != 0:
            assert process.returncode == 2, errors
            assert "Read-only file system" in errors
        assert_all_whole(small_disk)
        status, errors = finish(small_disk)
        assert status == 0, errors
        assert learnt(small_disk) == undisturbed
        subprocess.run(["rm", "-r", small_disk / "results"], check=True)
