"""`bench-doctor` as its users run it, and what it says about machines unlike this one."""

import os
import re
import subprocess
import sys

import pytest

from bench import console, doctor, registry
from bench.config.compose import choices, compose_runs
from bench.data import locate
from bench.machine import cgroups, facts, lock, noise
from tests.plugins import write_plugin

QUIET = noise.Contention(others_share=0.0, stolen_share=0.0, throttled_share=0.0)


@pytest.fixture(autouse=True)
def short_probe(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.05)


def test_it_names_every_subject_and_ends_with_a_verdict(run):
    ended = run("bench-doctor")
    lines = ended.stdout.splitlines()
    subjects = {line[4:].split()[0] for line in lines if not line.startswith("    ->")}
    wanted = {"cores", "lock", "load", "frequency", "steal", "spread", "BLAS", "Fashion-MNIST"}
    assert wanted | set(choices("implementation")) <= subjects
    fit = ended.returncode == 0
    assert lines[-1].startswith("Fit to measure on" if fit else "Not fit to measure on")
    assert any(line.startswith("!") for line in lines) is not fit
    assert ended.stderr == ""


def test_implementations_of_a_folder_are_listed(call, tmp_path):
    write_plugin(tmp_path, "mine")
    try:
        _, out, _ = call(doctor.main, "--config-dir", tmp_path)
        assert re.search("^ok  mine ", out, re.MULTILINE)
        status, _, err = call(doctor.main, "--config-dir", "nowhere")
        assert (status, err) == (2, "bench-doctor: --config-dir=nowhere: no such folder\n")
    finally:
        registry.use_plugin_folders([])


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_a_load_on_the_only_core_it_may_use_is_bad():
    pin = f"import os\nos.sched_setaffinity(0, {{{facts.usable_cores()[0]}}})\n"
    probe = "from bench import doctor\nprint([finding.state for finding in doctor._probe()][0])"
    with subprocess.Popen([sys.executable, "-c", pin + "while True: pass"]) as load:
        try:
            state = subprocess.check_output([sys.executable, "-c", pin + probe], text=True)
        finally:
            load.kill()
    assert state == "bad\n"


def findings_by_subject():
    return {finding.subject: finding for finding in doctor.examine()}


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
    finding = doctor._cores()
    assert finding.state == state
    assert ("threads=auto uses 1" in finding.text) is (quota < 2)


def test_remedies_are_those_for_how_it_was_installed(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["bench-doctor"])
    monkeypatch.setattr(console, "CHECKOUT", tmp_path)
    finding = doctor.Finding("torch", "note", "not installed", "make setup EXTRAS=torch")
    monkeypatch.setattr(doctor, "examine", lambda _: [finding])
    assert doctor.main() == 0
    assert "-> pip install 'mlp-bench[torch]'" in capsys.readouterr().out


def test_a_bad_finding_decides_the_exit_status(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench-doctor"])
    monkeypatch.setattr(doctor, "examine", lambda _: [doctor.Finding("load", "bad", "x", "y")])
    assert doctor.main() == 1
