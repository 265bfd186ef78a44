"""The record of one run, also of a run that fails."""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import contextmanager

import msgspec
import pytest

from bench.process.training_process import Outcome
from bench.records import Seconds
from bench.sweep import jobs, single_run
from bench.training.result import Result


@pytest.fixture
def execute(plan, monkeypatch):
    """Execute one run with changes to its config; `process` replaces its process."""

    def execute_run(process=None, on_wait=lambda: None, on_release=lambda: None, **changes):
        (job,) = plan(0)
        job.folder.mkdir(parents=True, exist_ok=True)
        job = dataclasses.replace(job, config=msgspec.structs.replace(job.config, **changes))

        @contextmanager
        def reserved(*_, **__):
            on_wait()
            yield
            on_release()

        monkeypatch.setattr(single_run.lock, "reserved", reserved)
        monkeypatch.setattr(single_run, "train_in_child", process)
        return single_run.execute_run(job, None)[0]

    return execute_run


def done(*_):
    return Outcome(result=Result(status="done"), seconds=Seconds(total=1.0))


def test_a_run_that_is_impossible_here_is_skipped_with_the_remedy(execute, composed):
    def like(**changes):
        return {"implementation": msgspec.structs.replace(composed.implementation, **changes)}

    no_sgd = msgspec.structs.replace(composed.implementation.claims, optimizer=("adam",))
    for message, changes in {
        "no_such_framework not installed; make setup": like(requires=("no_such_framework",)),
        "no device=gpu: numpy runs on cpu": like(devices=("cpu",)) | {"device": "gpu"},
        "numpy does not compute optimizer sgd": like(claims=no_sgd),
    }.items():
        record = execute(seed=len(message), **changes)
        assert record.status == "skipped"
        assert message in record.error.message
        assert record.parity_key is None


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_run_whose_folder_is_deleted_has_failed(execute, when):
    def process(request, log_path, *_):
        if when == "during":
            log_path.touch()
        shutil.rmtree(log_path.parents[1])
        log_path.stat()

    record = execute(process)
    assert record.status == "failed"
    assert "deleted while the run was using it" in record.error.message


def test_a_file_that_is_missing_for_another_reason_is_no_deleted_folder(execute):
    def process(request, log_path, *_):
        log_path.touch()
        raise FileNotFoundError("python")

    with pytest.raises(FileNotFoundError, match="python"):
        execute(process)


def test_fingerprints_are_taken_after_waiting_for_the_machine(execute, monkeypatch):
    fingerprints = jobs.take_fingerprints

    def edited(config):
        made_with, pending = fingerprints(config)
        return made_with | {"code": "edited"}, dataclasses.replace(pending, key="edited")

    record = execute(
        done,
        on_wait=lambda: monkeypatch.setattr(jobs, "take_fingerprints", edited),
    )
    assert record.made_with["code"] == "edited"
    assert record.parity_key == "edited"


def test_the_record_is_built_before_the_machine_is_released(execute, monkeypatch):
    events = []
    monkeypatch.setattr(
        single_run.facts, "versions_of_modules", lambda _: events.append("versions") or {}
    )
    execute(done, on_release=lambda: events.append("release"))
    assert "versions" in events
    assert events[-1] == "release"
