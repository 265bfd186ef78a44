"""A run keeps to the cores it is given, whatever its framework would like to do."""

import json

import pytest

from bench.overrides import choices

NAMES = choices("implementation")
# A third of a second or more of training each, but for the notebook's loop, which has one thread.
SLOW = ("notebook", "keras", "keras_jit", "keras_multistep")
SIZE = {name: 2000 if name in SLOW else 20_000 for name in NAMES}


@pytest.fixture(scope="module")
def records(run_in, tmp_path_factory):
    """A record of every implementation, trained on one core."""
    folder = tmp_path_factory.mktemp("cores")
    for size in sorted(set(SIZE.values())):
        names = ",".join(name for name in NAMES if SIZE[name] == size)
        words = ["dataset=synthetic", f"dataset.training_size={size}", "epochs=1", "threads=1"]
        run_in(folder, "bench", "-m", f"implementation={names}", *words, "sweep_name=cores")
    found = [json.loads(path.read_text()) for path in folder.glob("results/cores/*/record.json")]
    return {record["config"]["implementation"]["name"]: record for record in found}


@pytest.mark.parametrize("name", NAMES)
def test_on_one_core_no_more_than_one_is_kept_busy(records, name):
    record = records[name]
    if record["status"] == "skipped":
        pytest.skip(record["error"]["message"])
    assert record["status"] == "done"
    assert len(record["environment"]["cores"]) == 1
    assert 0 < record["environment"]["cores_kept_busy"] <= 1.1
