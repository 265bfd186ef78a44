"""`bench-doctor` as its users run it: what it prints, and its exit status."""

import re
import sys

from bench import console, registry
from bench.config.compose import choices
from bench.doctor import checks, command
from bench.doctor.checks import Finding
from tests.plugins import write_plugin


def test_every_subject_is_listed_and_the_last_line_is_the_verdict(run):
    ended = run("bench-doctor")
    lines = ended.stdout.splitlines()
    subjects = {line[4:].split()[0] for line in lines if not line.startswith("    ->")}
    wanted = {"cores", "lock", "load", "frequency", "steal", "spread", "BLAS", "Fashion-MNIST"}
    assert wanted | set(choices("implementation")) <= subjects
    fit = ended.returncode == 0
    assert lines[-1].startswith("Fit to measure on" if fit else "Not fit to measure on")
    assert any(line.startswith("!") for line in lines) is not fit
    assert ended.stderr == ""


def test_implementations_of_a_folder_are_listed(call, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "PROBE_SECONDS", 0.05)
    write_plugin(tmp_path, "mine")
    try:
        _, out, _ = call(command.main, "--config-dir", tmp_path)
        assert re.search("^ok  mine ", out, re.MULTILINE)
        status, _, err = call(command.main, "--config-dir", "nowhere")
        assert (status, err) == (2, "bench-doctor: --config-dir=nowhere: no such folder\n")
    finally:
        registry.use_plugin_folders([])


def test_remedies_are_those_for_how_it_was_installed(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["bench-doctor"])
    monkeypatch.setattr(console, "CHECKOUT", tmp_path)
    finding = Finding("torch", "note", "not installed", "make setup EXTRAS=torch")
    monkeypatch.setattr(command, "examine", lambda _: [finding])
    assert command.main() == 0
    assert "-> pip install 'mlp-bench[torch]'" in capsys.readouterr().out


def test_a_bad_finding_decides_the_exit_status(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench-doctor"])
    monkeypatch.setattr(command, "examine", lambda _: [Finding("load", "bad", "x", "y")])
    assert command.main() == 1
