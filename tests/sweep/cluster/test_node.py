"""A node executes the block of a request, once, if it fits."""

from __future__ import annotations

import dataclasses
import os

import msgspec
import pytest

from bench import provenance
from bench.config.compose import compose_runs
from bench.files import write_atomically
from bench.machine import facts, gpu, lock
from bench.results import checksummed, store
from bench.sweep import planning
from bench.sweep.cluster import node, requests
from bench.sweep.cluster.attempts import Attempts
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.messages import BlockRequest, Outcome
from tests.conftest import TINY
from tests.data.test_idx_folder import folder as runes
from tests.sweep.conftest import REQUESTED_AT

__all__ = ["runes"]


@pytest.fixture
def request_of(tmp_path):
    """Return a request for a block of one run, and the folder of its attempt."""

    def make(*words, **changes):
        words = [*TINY, "sweep_name=night", f"results_folder={tmp_path}/results", *words]
        configs = compose_runs(words, default_name="unnamed")
        jobs, _ = planning.plan(configs, "unnamed", REQUESTED_AT)
        fields = {
            "configs": tuple(configs),
            "code": tuple(provenance.code_fingerprint(config) for config in configs),
            "verdicts": (),
            "requested_at": REQUESTED_AT,
            "attempt": 2,
            "allow_mixed": False,
        }
        attempts = Attempts(jobs[0].sweep_folder)
        request = BlockRequest(**(fields | changes))
        return attempts.write_request(Attempt(jobs[0].block, 2), request), jobs[0]

    return make


def outcome_in(folder):
    return msgspec.json.decode((folder / "outcome.json").read_bytes(), type=Outcome)


def test_a_block_leaves_records_and_an_outcome(request_of):
    folder, job = request_of()
    assert node.main(folder, "n7") == 0
    assert outcome_in(folder) == Outcome(status="complete")
    record = store.read_record(folder / job.run_id / "record.json")
    assert (record.status, record.attempt, record.block) == ("done", 2, job.block)
    assert record.node == facts.node_id("n7") != facts.node_id("n8")
    assert "n7" not in record.node
    assert list(folder.glob(store.VERDICT_FILES))
    assert list(folder.glob(store.DATASET_FILES))
    assert node.main(folder, "n7") == 1  # requeued by hand
    assert outcome_in(folder) == Outcome(status="complete")


def test_known_verdicts_are_not_determined_again(request_of):
    folder, _ = request_of()
    node.main(folder, "")
    (path,) = folder.glob(store.VERDICT_FILES)
    verdict = dataclasses.replace(checksummed.read(path, store.Verdict), checked_at=REQUESTED_AT)
    folder, _ = request_of("seed=1", verdicts=(verdict,))
    assert node.main(folder, "") == 0
    assert checksummed.read(folder / path.name, store.Verdict).checked_at == REQUESTED_AT


def test_a_node_with_other_versions_refuses_and_names_them(request_of):
    folder, job = request_of()
    code = (provenance.code_fingerprint(job.config) | {"numpy": "0.1"},)
    folder, _ = request_of("seed=1", code=code)
    assert node.main(folder, "") == 1
    outcome = outcome_in(folder)
    assert outcome.status == "refused"
    assert "numpy was 0.1 and is " in outcome.reason
    folder, _ = request_of("seed=2", code=code, allow_mixed=True)
    assert node.main(folder, "") == 0


def test_a_node_may_have_another_gpu_than_the_head(request_of, monkeypatch):
    folder, job = request_of("device=gpu")  # without CuPy, the run is skipped
    request = requests.request_for([job], Attempt(job.block, 3), ())
    write_atomically(folder / "request.json", msgspec.json.encode(request))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setattr(gpu, "describe", lambda: {"gpu": "NVIDIA H100", "gpu driver": "580.65"})
    assert node.main(folder, "") == 0, outcome_in(folder).reason


def test_an_examined_node_is_described_and_executes_nothing(request_of, monkeypatch, tmp_path):
    folder, job = request_of(examine=True)
    assert node.main(folder, "") == 0
    found = outcome_in(folder).facts
    assert found.n_cores == len(facts.usable_cores())
    assert (found.processor, found.dataset) == (facts.cpu_model(), "synthetic")
    assert (found.same_code, found.problems) == (True, ())
    assert not (folder / job.run_id).exists()
    code = (provenance.code_fingerprint(job.config) | {"numpy": "0.1"},)
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "no" / "lock")
    monkeypatch.setattr(os, "nice", lambda _: 15)
    folder, _ = request_of("seed=1", examine=True, code=code)
    assert node.main(folder, "") == 0
    found = outcome_in(folder).facts
    assert (found.same_code, found.lock) == (False, "unusable")
    assert found.problems[0].startswith("numpy: numpy was 0.1 and is ")
    assert found.problems[1].startswith("niceness 15: runs wait for other processes")
    assert "can't be opened" in found.problems[2]


def test_a_held_lock_is_seen(request_of):
    folder, _ = request_of(examine=True)
    with lock.reserved():
        node.main(folder, "")
    assert outcome_in(folder).facts.lock == "held"
    folder, _ = request_of("seed=1", examine=True)
    node.main(folder, "")
    assert outcome_in(folder).facts.lock == "free"


def test_a_node_uses_the_dataset_that_was_sent(request_of, runes, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ("dataset=idx", f"dataset.path={runes}", "batch_size=10")
    folder, job = request_of(*words)
    Attempts(job.sweep_folder).write_datasets({job.config.dataset: runes})
    runes.rename(tmp_path / "elsewhere")
    assert node.main(folder, "") == 0
    record = store.read_record(folder / job.run_id / "record.json")
    assert (record.status, record.config_hash) == ("done", job.config.hash)
    assert (
        record.config["dataset"]["path"] == f"{tmp_path}/cache/mlp-bench/{job.config.dataset.name}"
    )


def test_a_node_without_the_dataset_refuses(request_of, runes, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, _ = request_of("dataset=idx", f"dataset.path={runes}", "batch_size=10")
    runes.rename(tmp_path / "elsewhere")
    assert node.main(folder, "") == 1
    assert outcome_in(folder).status == "refused"
    assert outcome_in(folder).reason.startswith("no dataset: ")


def test_a_node_with_too_few_cores_refuses(request_of):
    folder, _ = request_of("launcher=slurm", "threads=4000")
    assert node.main(folder, "") == 1
    assert outcome_in(folder).status == "refused"
    assert outcome_in(folder).reason.startswith("threads=4000: must be auto, or 1 to ")
