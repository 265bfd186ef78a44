"""Runs are executed, kept, repeated or left to another process. No test starts a process."""

from __future__ import annotations

import pytest

from bench import files
from bench.results import checksummed, store
from bench.sweep import jobs, scheduler
from bench.sweep.progress import TimeLeft
from tests.sweep.conftest import REQUESTED_AT, record_of


@pytest.fixture
def execute(capsys):
    """Execute a job; returns what was printed."""

    def run(job, *, wait=False):
        finished = scheduler.execute_job(job, None, TimeLeft([job], []), wait=wait)
        return finished, capsys.readouterr().out

    return run


def earlier(job):
    return sorted(path.name for path in job.folder.glob("earlier-*"))


def test_a_run_is_executed_once_and_then_kept(plan, executed, execute):
    (job,) = plan(0)
    assert execute(job)[0]
    before = job.record_path.read_bytes()
    finished, out = execute(job)
    assert finished
    assert out == f"[1/1] {job.label}  (finished earlier, kept)\n"
    assert executed == [job.run_id]
    assert job.record_path.read_bytes() == before


@pytest.mark.parametrize("status", ["failed", "timeout", "out_of_memory"])
def test_a_run_without_a_result_is_repeated_by_the_next_command(
    plan, executed, execute, write, status
):
    (job,) = plan(0)
    write(job, status=status)
    out = execute(job)[1]
    assert f"renamed, the run is repeated: it was {status.replace('_', ' ')}" in out
    assert store.read_record(job.record_path).status == "done"
    assert len(earlier(job)) == 1


def test_a_run_that_failed_in_another_process_of_this_sweep_is_not_repeated(
    plan, executed, execute, write
):
    (job,) = plan(0)
    write(job, status="timeout", finished_at=REQUESTED_AT)
    out = execute(job)[1]
    assert out == f"[1/1] {job.label}  (ended with timeout during this command, kept)\n"
    assert executed == []


def test_a_failed_record_with_a_time_in_the_future_is_not_kept(plan, executed, execute, write):
    (job,) = plan(0)
    write(job, status="timeout", finished_at="9999-01-01T00:00:00.000+00:00")
    assert "renamed, the run is repeated: it was timeout" in execute(job)[1]
    assert executed == [job.run_id]


@pytest.mark.parametrize("status", ["done", "failed"])
@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "another-run"},
        {"config_hash": "0" * 64},
        {"run_id": "another-run", "made_with": {"processor": "another"}},
    ],
)
def test_a_record_of_another_run_is_renamed_and_the_run_executed(
    plan, executed, execute, status, change
):
    (job,) = plan(0)
    record = record_of(job, status=status, finished_at=REQUESTED_AT, **change)
    job.folder.mkdir(parents=True)
    job.record_path.write_bytes(checksummed.encode(record))
    out = execute(job)[1]
    assert "renamed, the run is repeated: it is the record of another run" in out
    assert executed == [job.run_id]
    new = store.read_record(job.record_path)
    assert (new.run_id, new.config_hash, new.status) == (job.run_id, job.config.hash, "done")
    assert len(earlier(job)) == 1


def test_of_skipped_records_only_the_latest_earlier_one_is_kept(plan, executed, execute):
    (job,) = plan(0)
    executed.changes[0] = {"status": "skipped"}
    for _ in range(3):
        execute(job)
    assert len(executed) == 3
    assert earlier(job) == ["earlier-skipped.json"]


def test_a_damaged_record_is_renamed_with_its_log(plan, executed, execute):
    (job,) = plan(0)
    job.folder.mkdir(parents=True)
    job.record_path.write_text("{")
    job.log_path.write_text("log")
    assert "renamed" in execute(job)[1]
    assert store.read_record(job.record_path).status == "done"
    assert sorted(path.read_text() for path in job.folder.glob("earlier-*")) == ["log", "{"]


def test_a_record_of_other_code_is_renamed(plan, executed, execute, write):
    (job,) = plan(0)
    write(job, made_with=dict(job.fingerprints) | {"python": "2.7"})
    assert "python was 2.7" in execute(job)[1]
    assert executed == [job.run_id]


def test_a_record_of_a_later_version_is_kept_unchanged(plan, executed, execute):
    (job,) = plan(0)
    job.folder.mkdir(parents=True)
    job.record_path.write_text('{"schema_version": 99, "status": "splendid"}')
    finished, out = execute(job)
    assert finished
    assert "kept unchanged" in out
    assert f"{job.record_path}: schema_version 99" in out
    assert job.record_path.read_text() == '{"schema_version": 99, "status": "splendid"}'
    assert executed == []
    assert not earlier(job)


def test_a_run_in_another_process_is_left_to_it(plan, executed, execute):
    (job,) = plan(0)
    with files.locked(job.folder):
        finished, out = execute(job)
    assert not finished
    assert "another process is executing it" in out
    assert executed == []


def test_a_run_that_another_machine_has_executed_since_gets_a_separate_folder(
    plan, executed, execute, write
):
    (job,) = plan(0)
    write(job, made_with=dict(job.fingerprints) | {"processor": "other"})
    record_before = job.record_path.read_bytes()
    for _ in range(2):
        assert execute(job)[0]
    assert executed == [job.in_separate_folder().run_id]
    assert job.record_path.read_bytes() == record_before
    assert not earlier(job)
    assert len(store.read_sweep(job.sweep_folder).records) == 2
    assert "kept" in execute(job)[1]


def test_temporary_files_of_killed_writers_are_deleted(plan, executed, execute):
    (job,) = plan(0)
    job.folder.mkdir(parents=True)
    (job.folder / ".record.json.abc").write_text("half")
    execute(job)
    assert not list(job.folder.glob(".record.json.*"))


def test_a_record_of_edited_code_by_another_process_is_kept(
    plan, executed, execute, write, monkeypatch
):
    (job,) = plan(0)
    edited = dict(job.fingerprints) | {"code": "edited"}
    write(job, made_with=edited)
    monkeypatch.setattr(jobs, "take_fingerprints", lambda config: (edited, job.pending_verdict))
    assert "finished earlier, kept" in execute(job)[1]
    assert executed == []


def test_fingerprints_are_not_taken_again_for_runs_that_are_kept(
    plan, executed, execute, write, monkeypatch
):
    (job,) = plan(0)
    write(job)
    monkeypatch.delattr(jobs, "take_fingerprints")
    assert "finished earlier, kept" in execute(job)[1]
