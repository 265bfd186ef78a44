import pytest

from bench.machine import cgroups, facts


def test_the_machine_is_described():
    described = facts.describe(["msgspec", "no-such-distribution"])
    assert described["cpu_model"]
    assert described["libraries"]["numpy"].count(".") == 2
    assert described["libraries"]["msgspec"]
    assert described["libraries"]["no-such-distribution"] is None
    assert len(described["load_average"]) == 3


def test_a_system_without_these_files_is_described_too(monkeypatch, tmp_path):
    for module, name in ((cgroups, "CGROUP_FOLDER"), (facts, "CPU_FOLDER"), (facts, "CPUINFO")):
        monkeypatch.setattr(module, name, tmp_path / "nothing")
    described = facts.describe([])
    assert (described["caches"], described["limits"], facts.governors()) == ({}, {}, set())
    assert described["cpu_model"]


def test_modules_are_named_by_their_distributions():
    versions = facts.versions_of_modules(["msgspec", "numpy", "sys", "no_such_module"])
    assert set(versions) == {"msgspec", "numpy"}
    assert versions["numpy"].count(".") == 2


@pytest.mark.parametrize(
    ("quota", "n_cores"), [(None, 4), (0.5, 1), (1.0, 1), (2.9, 2), (4.0, 4), (64.0, 4)]
)
def test_default_cores_are_limited_by_the_cpu_quota(monkeypatch, quota, n_cores):
    monkeypatch.setattr(facts, "usable_cores", lambda: (1, 3, 5, 7))
    monkeypatch.setattr(facts, "limits", lambda: {} if quota is None else {"cores": quota})
    assert facts.default_cores() == (1, 3, 5, 7)[:n_cores]
