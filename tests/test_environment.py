import subprocess

import pytest

from bench import environment


def test_the_machine_is_described():
    described = environment.describe(["msgspec", "no-such-distribution"])
    assert described["cpu_model"]
    assert described["libraries"]["numpy"].count(".") == 2
    assert described["libraries"]["msgspec"]
    assert described["libraries"]["no-such-distribution"] is None
    assert len(described["load_average"]) == 3


def test_the_ceiling_is_a_rate_a_processor_can_have():
    assert 1e8 < environment.matmul_flops_per_second() < 1e14


@pytest.mark.parametrize(
    ("before", "after", "noisy"),
    [(100.0, 109.0, False), (100.0, 111.0, True), (111.0, 100.0, True)],
)
def test_a_ceiling_that_moves_by_more_than_a_tenth_is_noise(before, after, noisy):
    assert environment.is_noisy(before, after) is noisy


def test_peak_memory_covers_what_was_allocated():
    before = environment.peak_memory_bytes()
    block = bytearray(b"x" * (before + 50_000_000))
    assert environment.peak_memory_bytes() >= before + 40_000_000
    del block


def test_the_commit_is_that_of_the_checkout():
    commit, dirty = environment.code_version()
    asked = subprocess.run(
        ["git", "-C", environment.__file__.rpartition("/")[0], "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert commit == (asked.stdout.strip() if asked.returncode == 0 else None)
    assert (dirty is None) == (commit is None)
