"""Two implementations on the real Fashion-MNIST, by the command as users type it."""

import json

import pytest


@pytest.fixture(scope="module")
def records(tmp_path_factory, run_in):
    """Return the records of a run of each implementation, by name."""
    folder = tmp_path_factory.mktemp("real")
    words = ("implementation=numpy,keras", "sweep_name=x", "epochs=2", "threads=1")
    completed = run_in(folder, "bench", "-m", *words)
    assert completed.returncode == 0, completed.stderr
    made = [json.loads(path.read_text()) for path in folder.glob("results/x/*/record.json")]
    return {record["config"]["implementation"]["name"]: record for record in made}


def test_both_learn(records):
    for record in records.values():
        assert record["status"] == "done"
        assert record["epochs"][-1]["validation_accuracy"] > 0.82
        assert record["test_accuracy"] > 0.82


def test_both_learn_the_same(records):
    numpy, keras = records["numpy"], records["keras"]
    assert numpy["test_accuracy"] == pytest.approx(keras["test_accuracy"], abs=0.01)
    assert numpy["epochs"][0]["train_loss"] == pytest.approx(keras["epochs"][0]["train_loss"])
    assert numpy["epochs"][1]["train_loss"] == pytest.approx(
        keras["epochs"][1]["train_loss"], rel=0.01
    )


def test_both_are_made_with_the_same_real_data(records):
    assert len({record["dataset_fingerprint"] for record in records.values()}) == 1
    for record in records.values():
        assert record["config"]["dataset"]["name"] == "fashion_mnist"
        assert sum(map(sum, record["confusion_matrix"])) == 10_000


def test_the_parts_of_the_time_sum_almost_to_the_total(records):
    for record in records.values():
        assert record["seconds"]["other"] < 0.05 * record["seconds"]["total"]
