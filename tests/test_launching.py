"""Hydra's other launchers end with the same records."""

from __future__ import annotations

import json

import pytest

WORDS = (
    "-m", "dataset=synthetic", "epochs=1", "learning_rate=0.01,0.1", "sweep_name=launched",
)  # fmt: skip
LAUNCHERS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", ()),
    "submitit_local": (
        "hydra_plugins.hydra_submitit_launcher", ("hydra.launcher.timeout_min=5",)
    ),
}  # fmt: skip


def learnt(folder):
    found = {}
    for path in sorted(folder.glob("results/launched/*/record.json")):
        record = json.loads(path.read_text())
        assert record["status"] == "done", record["error"]
        losses = [(epoch["train_loss"], epoch["validation_loss"]) for epoch in record["epochs"]]
        found[path.parent.name] = (record["config_hash"], losses, record["test_accuracy"])
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory, run_in):
    folder = tmp_path_factory.mktemp("plain")
    assert run_in(folder, "bench", *WORDS).returncode == 0
    return learnt(folder)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_ends_with_the_same_records(name, plain, run, tmp_path):
    module, more = LAUNCHERS[name]
    pytest.importorskip(module)
    ended = run("bench", *WORDS, f"hydra/launcher={name}", *more)
    assert ended.returncode == 0, ended.stderr
    assert "Results: results/launched" in ended.stdout
    assert learnt(tmp_path) == plain
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_launcher_that_there_is_not_is_named(run):
    ended = run("bench", *WORDS, "hydra/launcher=nowhere")
    assert ended.returncode == 2
    assert "nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr
