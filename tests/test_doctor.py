"""`bench-doctor` as its users run it, and what it says of machines unlike this one."""

import pytest

from bench import doctor, registry
from bench.config.compose import choices, compose_runs
from bench.data import locate
from bench.machine import facts, host


def test_it_names_every_subject_and_ends_with_a_verdict(run):
    ended = run("bench-doctor")
    lines = ended.stdout.splitlines()
    subjects = {line[4:].split()[0] for line in lines if not line.startswith("    ->")}
    wanted = {"cores", "load", "frequency", "steal", "spread", "BLAS", "Fashion-MNIST"}
    assert wanted | set(choices("implementation")) <= subjects
    fit = ended.returncode == 0
    assert lines[-1].startswith("Fit to measure on" if fit else "Not fit to measure on as it is")
    assert any(line.startswith("!") for line in lines) is not fit
    assert ended.stderr == ""


def found(subject):
    return {finding.subject: finding for finding in doctor.examine()}[subject]


def test_every_finding_that_could_be_better_says_what_to_do(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    monkeypatch.setattr(host, "governors", lambda: {"powersave"})
    monkeypatch.setattr(host, "limits", lambda: {"cores": 0.5})
    monkeypatch.setattr(registry, "missing", lambda requires: tuple(requires))
    monkeypatch.setattr(locate, "find", lambda: None)
    findings = {finding.subject: finding for finding in doctor.examine()}
    for subject in ("load", "cores", "frequency", "keras", "Fashion-MNIST"):
        assert findings[subject].state in {"note", "bad"}
        assert findings[subject].remedy
    (keras,) = compose_runs(["implementation=keras"], default_name="test")
    assert findings["keras"].remedy == keras.implementation.install
    assert findings["numpy"].state == "good"  # it requires nothing


@pytest.mark.parametrize(("share", "state"), [(0.0, "good"), (0.2, "bad")])
def test_stolen_time_is_a_share_of_all_cores(monkeypatch, share, state):
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(host.StealMeter, "share", lambda self: share)
    assert found("steal").state == state


def test_a_container_of_half_a_core_is_read_as_such(monkeypatch, tmp_path):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(host, "CGROUP_FOLDER", tmp_path)
    assert host.limits() == {"cores": 0.5}
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("1048576\n")
    assert host.limits() == {"memory_bytes": 1048576.0}


def test_limits_of_either_version_and_of_groups_above_are_read(monkeypatch, tmp_path):
    monkeypatch.setattr(host, "CGROUP_FOLDER", tmp_path)
    monkeypatch.setattr(host, "OWN_GROUPS", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/above/own\n3:cpu,cpuacct:/\n0::/\n")
    for path, content in {
        "memory/memory.limit_in_bytes": "9223372036854771712",
        "memory/above/memory.limit_in_bytes": "1048576",
        "memory/above/own/memory.limit_in_bytes": "2097152",
        "cpu,cpuacct/cpu.cfs_quota_us": "150000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{content}\n")
    assert host.limits() == {"cores": 1.5, "memory_bytes": 1048576.0}
    (tmp_path / "own").write_text("0::/slice/own\n")
    (tmp_path / "slice").mkdir()
    (tmp_path / "slice" / "cpu.max").write_text("50000 100000\n")
    assert host.limits() == {"cores": 0.5}


def test_a_system_that_tells_nothing_is_no_error(monkeypatch, tmp_path):
    for name in ("CGROUP_FOLDER", "CPU_FOLDER"):
        monkeypatch.setattr(host, name, tmp_path / "nothing")
    assert (host.caches(), host.limits(), host.governors()) == ({}, {}, set())
    assert facts.describe([])["caches"] == {}
