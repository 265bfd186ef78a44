"""The checks of `bench-doctor`, on this machine and on simulated machines."""

import os
import subprocess
import sys

import pytest

from bench import registry
from bench.config.compose import choices, compose_runs
from bench.data import locate
from bench.doctor import checks
from bench.machine import cgroups, facts, lock, noise

QUIET = noise.Contention(others_share=0.0, stolen_share=0.0, throttled_share=0.0)


@pytest.fixture(autouse=True)
def short_probe(monkeypatch):
    monkeypatch.setattr(checks, "PROBE_SECONDS", 0.05)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_a_load_on_the_only_core_it_may_use_is_bad():
    pin = f"import os\nos.sched_setaffinity(0, {{{facts.usable_cores()[0]}}})\n"
    probe = "from bench.doctor import checks\nprint(next(checks._probe()).state)"
    with subprocess.Popen([sys.executable, "-c", pin + "while True: pass"]) as load:
        try:
            state = subprocess.check_output([sys.executable, "-c", pin + probe], text=True)
        finally:
            load.kill()
    assert state == "bad\n"


def findings_by_subject():
    names = ",".join(choices("implementation"))
    configs = compose_runs([f"implementation={names}"], default_name="test", multirun=True)
    return {finding.subject: finding for finding in checks.examine(configs)}


def test_every_finding_that_could_be_better_says_what_to_do(monkeypatch, tmp_path):
    contention = noise.Contention(others_share=0.5, stolen_share=0.2, throttled_share=0.0)
    monkeypatch.setattr(noise.ContentionMeter, "read", lambda self: contention)
    monkeypatch.setattr(facts, "governors", lambda: {"powersave"})
    monkeypatch.setattr(cgroups, "limits", lambda: {"cores": 0.5})
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "no" / "lock")
    monkeypatch.setattr(registry, "missing", lambda requires: tuple(requires))
    monkeypatch.setattr(locate, "find", lambda: None)
    findings = findings_by_subject()
    for subject in ("load", "steal", "cores", "lock", "frequency", "keras"):
        assert findings[subject].state in {"note", "bad"}
        assert findings[subject].remedy
    assert findings["Fashion-MNIST"].state == "note"
    (keras,) = compose_runs(["implementation=keras"], default_name="test")
    assert findings["keras"].remedy == keras.implementation.install
    assert findings["numpy"].state == "good"  # it requires nothing


def test_an_idle_machine_is_fit(monkeypatch):
    monkeypatch.setattr(noise.ContentionMeter, "read", lambda self: QUIET)
    findings = findings_by_subject()
    assert findings["load"].state == findings["steal"].state == "good"


@pytest.mark.parametrize(("quota", "state"), [(0.5, "bad"), (1.5, "note"), (64.0, "good")])
def test_a_containers_quota_is_named_with_the_cores_that_auto_takes(monkeypatch, quota, state):
    monkeypatch.setattr(facts, "usable_cores", lambda: (0, 1))
    for module in (facts, cgroups):
        monkeypatch.setattr(module, "limits", lambda: {"cores": quota})
    finding = checks._cores()
    assert finding.state == state
    assert ("threads=auto uses 1" in finding.text) is (quota < 2)
