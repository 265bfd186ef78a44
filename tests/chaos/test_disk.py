"""A disk that fills up or turns read-only is said in a line, and costs no finished run."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from bench.results import store
from tests.chaos.conftest import begin, finish, learnt, stored

MOUNT = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs")


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder that is a file system of its own, of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run([*MOUNT, folder], capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
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


def all_whole(folder):
    sweep = folder / "results" / "night"
    if sweep.exists():  # otherwise the disk was full or read-only before it was made
        assert store.read_sweep(sweep).unreadable == ()
    assert not list(folder.rglob(".record.json.*"))


def test_a_full_disk_is_said_and_nothing_is_lost(small_disk, randomness, tries, undisturbed):
    for _ in range(tries("disks filled", 2, 20)):
        process = begin(small_disk)
        time.sleep(randomness.uniform(0.5, 4))
        fill(small_disk / "filler")
        said = process.communicate(timeout=120)[1]
        before = stored(small_disk)
        assert "Traceback" not in said
        if process.returncode != 0:  # otherwise it had ended before
            assert process.returncode == 2, said
            assert "No space left on device" in said
            assert len(said.splitlines()) == 1
        all_whole(small_disk)
        (small_disk / "filler").unlink()
        status, said = finish(small_disk)
        assert status == 0, said
        assert before.items() <= stored(small_disk).items()
        assert learnt(small_disk) == undisturbed
        subprocess.run(["rm", "-r", small_disk / "results"], check=True)


def test_a_disk_that_turns_read_only_is_said(small_disk, randomness, tries, undisturbed):
    for _ in range(tries("disks turned read-only", 1, 10)):
        process = begin(small_disk, "results_folder=results")
        time.sleep(randomness.uniform(1, 4))
        while subprocess.run(["mount", "-o", "remount,ro", small_disk]).returncode:
            time.sleep(0.01)  # something is just being written
            if process.poll() is not None:
                break
        said = process.communicate(timeout=120)[1]
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert "Traceback" not in said
        if process.returncode != 0:
            assert process.returncode == 2, said
            assert "Read-only file system" in said
        all_whole(small_disk)
        status, said = finish(small_disk)
        assert status == 0, said
        assert learnt(small_disk) == undisturbed
        subprocess.run(["rm", "-r", small_disk / "results"], check=True)
