"""One run: its record, whatever happens to it."""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import contextmanager

import msgspec
import pytest

from bench.process.isolation import Outcome
from bench.records import Seconds
from bench.sweep import jobs, single_run
from bench.training.result import Result


class NoSupervisor:
    """Stands for one where no process is started."""


@pytest.fixture
def make(plan, monkeypatch):
    """Make one run with changes to its config; `process` stands for its process."""

    def make_run(process=None, on_wait=lambda: None, **changes):
        (job,) = plan(0)
        job.folder.mkdir(parents=True, exist_ok=True)
        job = dataclasses.replace(job, config=msgspec.structs.replace(job.config, **changes))

        @contextmanager
        def reserved(*_, **__):
            on_wait()
            yield

        monkeypatch.setattr(single_run.lock, "reserved", reserved)
        monkeypatch.setattr(single_run, "run_isolated", process)
        return single_run.make(job, NoSupervisor())[0]

    return make_run


def test_a_run_that_is_impossible_here_is_skipped_with_the_remedy(make, composed):
    def like(**changes):
        return {"implementation": msgspec.structs.replace(composed.implementation, **changes)}

    no_sgd = msgspec.structs.replace(composed.implementation.claims, optimizer=("adam",))
    for message, changes in {
        "no_such_framework not installed; make setup": like(requires=("no_such_framework",)),
        "numpy has no device=gpu; it runs on cpu": like(devices=("cpu",)) | {"device": "gpu"},
        "numpy does not compute optimizer sgd": like(claims=no_sgd),
    }.items():
        record = make(seed=len(message), **changes)
        assert record.status == "skipped"
        assert message in record.error.message
        assert record.parity_key is None


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_run_whose_folder_is_deleted_has_failed(make, when):
    def process(request, log_path, *_):
        if when == "during":
            log_path.touch()
        shutil.rmtree(log_path.parents[1])
        log_path.stat()

    record = make(process)
    assert record.status == "failed"
    assert "deleted while the run was using it" in record.error.message


def test_a_file_that_is_missing_for_another_reason_is_no_deleted_folder(make):
    def process(request, log_path, *_):
        log_path.touch()
        raise FileNotFoundError("python")

    with pytest.raises(FileNotFoundError, match="python"):
        make(process)


def test_fingerprints_are_those_of_after_the_wait_for_the_machine(make, monkeypatch):
    fingerprints = jobs.take_fingerprints

    def edited(config):
        made_with, pending = fingerprints(config)
        return made_with | {"code": "edited"}, dataclasses.replace(pending, key="edited")

    record = make(
        lambda *_: Outcome(result=Result(status="done"), seconds=Seconds(total=1.0)),
        on_wait=lambda: monkeypatch.setattr(jobs, "take_fingerprints", edited),
    )
    assert record.made_with["code"] == "edited"
    assert record.parity_key == "edited"
