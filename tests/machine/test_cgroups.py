"""Limits of containers: simulated folders of both versions, and real ones where permitted."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from bench.machine import cgroups


@pytest.fixture
def tree(monkeypatch, tmp_path):
    """Write files of control groups; `own` says which groups this process is in."""
    monkeypatch.setattr(cgroups, "CGROUP_FOLDER", tmp_path)
    monkeypatch.setattr(cgroups, "OWN_GROUPS", tmp_path / "own")

    def write(files):
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(f"{content}\n")

    return write


def test_a_container_of_half_a_core_is_read_as_such(tree):
    tree({"cpu.max": "50000 100000", "memory.max": "max"})
    assert cgroups.limits() == {"cores": 0.5}
    tree({"cpu.max": "max 100000", "memory.max": "1048576"})
    assert cgroups.limits() == {"memory_bytes": 1048576.0}


def test_limits_of_either_version_and_of_groups_above_are_read(tree):
    tree({
        "own": "4:memory:/above/own\n3:cpu,cpuacct:/\n0::/",
        "memory/memory.limit_in_bytes": "9223372036854771712",
        "memory/above/memory.limit_in_bytes": "1048576",
        "memory/above/own/memory.limit_in_bytes": "2097152",
        "cpu,cpuacct/cpu.cfs_quota_us": "150000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
    })  # fmt: skip
    assert cgroups.limits() == {"cores": 1.5, "memory_bytes": 1048576.0}
    tree({"own": "0::/slice/own", "slice/cpu.max": "50000 100000"})
    assert cgroups.limits() == {"cores": 0.5}


@pytest.mark.parametrize(
    "line", ["throttled_usec 2500000", "throttled_time 2500000000", "nr_periods 4"]
)
def test_throttled_time_is_read_in_the_units_of_either_version(tree, line):
    tree({"cpu.stat": f"nr_throttled 7\n{line}"})
    assert cgroups.throttled_seconds() == (0.0 if "nr" in line else 2.5)


SHOW = "from bench.machine import cgroups, facts; print(cgroups.limits(), facts.default_cores())"


@pytest.fixture
def half_a_core():
    """A control group of the kernel with a quota of half a core."""
    name = f"mlp-bench-test-{uuid.uuid4().hex}"
    version_1, version_2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    group = (version_1 if version_1.is_dir() else version_2) / name
    try:
        group.mkdir()
    except OSError:
        pytest.skip("this process may not make control groups")
    try:
        try:
            if version_1.is_dir():
                (group / "cpu.cfs_quota_us").write_text("50000")
            else:
                (group / "cpu.max").write_text("50000 100000")
        except OSError:
            pytest.skip("this process may not limit processors")
        yield group
    finally:
        group.rmdir()


def test_the_kernels_own_quota_is_respected(half_a_core):
    completed = subprocess.run(
        ["sh", "-c", f"echo $$ > {half_a_core}/cgroup.procs && exec {sys.executable} -c '{SHOW}'"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'cores': 0.5" in completed.stdout
    assert completed.stdout.endswith(",)\n")  # one core
