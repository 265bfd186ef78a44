"""A run and its parity verdict execute the code that their fingerprints describe."""

from __future__ import annotations

import shutil

import msgspec
import pytest

from bench import imports, provenance
from bench.parity import ensure_verdict, pending_verdict
from bench.process.training_process import train_in_child
from bench.records import FINISHED
from bench.results import store
from tests.processes import request

ISOLATIONS = ("fork", "spawn")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Copy the project, let processes import the copy, and use an empty cache."""
    folder = tmp_path / "project"
    for name in ("bench", "implementations"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(imports.PROJECT / name, folder / name, ignore=ignored)
    monkeypatch.setattr(imports, "PROJECT", folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def edit(folder, name="implementations/notebook_mlp.py"):
    """Reverse the sign of an implementation's updates, or append a comment to another file."""
    path = folder / name
    source = path.read_text()
    changed = source.replace("-= ", "+= ").replace("- rate", "+ rate")
    path.write_text(changed if changed != source else f"{source}\n# edited")
    assert path.read_text() != source


def tiny(isolation):
    return request(
        "implementation=notebook", "threads=1", "epochs=1", "architecture.hidden_sizes=[4]",
        "dataset.training_size=64",
        "batch_size=16", "dataset.test_size=32", f"isolation={isolation}",
    )  # fmt: skip


def run(run_request, supervisor, tmp_path, on_epoch=lambda _: None):
    return train_in_child(run_request, tmp_path / "run.log", on_epoch, supervisor).result


def with_code(run_request):
    return msgspec.structs.replace(
        run_request, made_with=provenance.run_fingerprint(run_request.config)
    )


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize(
    "name",
    ["implementations/notebook_mlp.py", "bench/parity/ladder.py", "bench/parity/reference.py"],
)
def test_a_verdict_after_an_edit_is_on_the_code_that_ran_or_none(
    isolation, name, project, supervisor, tmp_path
):
    run_request = with_code(tiny(isolation))
    pending = pending_verdict(run_request.config)
    n_edits = 0

    def edit_once(_):
        nonlocal n_edits
        if n_edits == 0:
            edit(project, name)
        n_edits += 1

    assert run(run_request, supervisor, tmp_path, edit_once).status == "done"
    assert pending_verdict(run_request.config).key != pending.key
    ensure_verdict(run_request.config, pending, tmp_path / "sweep", lambda _: None, supervisor)
    (verdict,) = store.read_sweep(tmp_path / "sweep").verdicts
    assert verdict.key == pending.key
    if isolation == "fork":  # the server still has the code that ran
        assert verdict.passed
    else:
        assert "changed while the process started" in verdict.error.message
        assert not list((tmp_path / "cache").glob("**/parity/*.json"))


def test_a_run_after_an_edit_is_made_with_the_new_code(project, supervisor, tmp_path):
    run_request = tiny("fork")
    losses = []
    for _ in range(2):
        result = run(with_code(run_request), supervisor, tmp_path)
        assert result.status in FINISHED
        losses.append(result.epochs[-1].train_loss)
        edit(project)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_run_whose_code_changes_while_it_starts_is_failed(
    isolation, project, supervisor, tmp_path
):
    run_request = with_code(tiny(isolation))
    edit(project)
    result = run(run_request, supervisor, tmp_path)
    assert result.status == "failed"
    assert "changed while the process started" in result.error.message


def test_a_library_upgraded_meanwhile_leads_to_a_new_server(project, supervisor, tmp_path):
    run_request = with_code(tiny("fork"))
    servers = []
    for version in "12":
        (project / f"library-{version}.dist-info").mkdir()
        assert run(run_request, supervisor, tmp_path).status == "done"
        servers += supervisor._servers.values()
    assert servers[0] != servers[1]


def test_code_that_is_not_hashed_is_not_imported(project, supervisor, tmp_path):
    (project / "implementations" / "helper.py").write_text("")
    path = project / "implementations" / "notebook_mlp.py"
    hidden = "        __import__('implementations.' + 'helper')\n"
    head, line, rest = path.read_text().partition("    def train_epoch(")
    signature, newline, body = rest.partition("\n")
    path.write_text(head + line + signature + newline + hidden + body)
    result = run(with_code(tiny("fork")), supervisor, tmp_path)
    assert result.status == "failed"
    assert "helper.py: is not among the source files of this run" in result.error.message


@pytest.mark.parametrize(
    "name", ["training/loop.py", "training/sampling.py", "process/worker.py", "machine/usage.py"]
)
def test_every_module_of_a_run_is_hashed(project, name):
    before = provenance.code_hashes("notebook_mlp")[provenance.HARNESS]
    edit(project, f"bench/{name}")
    assert provenance.code_hashes("notebook_mlp")[provenance.HARNESS] != before
