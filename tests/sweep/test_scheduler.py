"""Which runs are kept, set aside, made, left to others; no process is started here."""

from __future__ import annotations

import pytest

from bench import files
from bench.results import store
from bench.sweep import jobs, scheduler
from bench.sweep.progress import TimeLeft
from tests.sweep.conftest import REQUESTED_AT


@pytest.fixture
def execute(capsys):
    """Execute a job; returns what was printed."""

    def run(job, *, wait=False):
        finished = scheduler.execute(job, None, TimeLeft([job], []), wait=wait)
        return finished, capsys.readouterr().out

    return run


def earlier(job):
    return sorted(path.name for path in job.folder.glob("earlier-*"))


def test_a_run_is_made_once_and_then_kept(plan, made, execute):
    (job,) = plan(0)
    assert execute(job)[0]
    before = job.record_path.read_bytes()
    finished, out = execute(job)
    assert finished
    assert out == f"[1/1] {job.label}  (finished earlier, kept)\n"
    assert made == [job.run_id]
    assert job.record_path.read_bytes() == before


@pytest.mark.parametrize("status", ["failed", "timeout", "out_of_memory"])
def test_a_run_without_a_result_is_made_again_by_the_next_command(
    plan, made, execute, write, status
):
    (job,) = plan(0)
    write(job, status=status)
    out = execute(job)[1]
    assert f"set aside, the run is made again: it was {status.replace('_', ' ')}" in out
    assert store.read_record(job.record_path).status == "done"
    assert len(earlier(job)) == 1


def test_a_run_that_failed_in_another_process_of_this_sweep_is_not_made_again(
    plan, made, execute, write
):
    (job,) = plan(0)
    write(job, status="failed", finished_at=REQUESTED_AT)
    execute(job)
    assert made == []


def test_a_skipped_run_leaves_one_earlier_record_however_often_it_is_skipped(plan, made, execute):
    (job,) = plan(0)
    made.changes[0] = {"status": "skipped"}
    for _ in range(3):
        execute(job)
    assert len(made) == 3
    assert earlier(job) == ["earlier-skipped.json"]


def test_a_damaged_record_is_set_aside_with_its_log(plan, made, execute):
    (job,) = plan(0)
    job.folder.mkdir(parents=True)
    job.record_path.write_text("{")
    job.log_path.write_text("log")
    assert "set aside" in execute(job)[1]
    assert store.read_record(job.record_path).status == "done"
    assert sorted(path.read_text() for path in job.folder.glob("earlier-*")) == ["log", "{"]


def test_a_record_made_with_other_code_is_set_aside(plan, made, execute, write):
    (job,) = plan(0)
    write(job, made_with=dict(job.made_with) | {"python": "2.7"})
    assert "python was 2.7" in execute(job)[1]
    assert made == [job.run_id]


def test_a_record_of_a_later_version_is_left_as_it_is(plan, made, execute):
    (job,) = plan(0)
    job.folder.mkdir(parents=True)
    job.record_path.write_text('{"schema_version": 99, "status": "splendid"}')
    finished, out = execute(job)
    assert finished
    assert "left as it is" in out
    assert f"{job.record_path}: schema_version 99" in out
    assert job.record_path.read_text() == '{"schema_version": 99, "status": "splendid"}'
    assert made == []
    assert not earlier(job)


def test_a_run_in_another_process_is_left_to_it(plan, made, execute):
    (job,) = plan(0)
    with files.locked(job.folder):
        finished, out = execute(job)
    assert not finished
    assert "another process is making it" in out
    assert made == []


def test_a_run_that_another_machine_has_made_meanwhile_is_made_beside_it(
    plan, made, execute, write
):
    (job,) = plan(0)
    write(job, made_with=dict(job.made_with) | {"processor": "other"})
    theirs = job.record_path.read_bytes()
    for _ in range(2):
        assert execute(job)[0]
    assert made == [job.beside().run_id]
    assert job.record_path.read_bytes() == theirs
    assert not earlier(job)
    assert len(store.read_sweep(job.sweep_folder).records) == 2
    assert "kept" in execute(job)[1]


def test_temporary_files_of_killed_writers_are_deleted(plan, made, execute):
    (job,) = plan(0)
    job.folder.mkdir(parents=True)
    (job.folder / ".record.json.abc").write_text("half")
    execute(job)
    assert not list(job.folder.glob(".record.json.*"))


def test_a_record_made_after_an_edit_by_another_process_is_kept(
    plan, made, execute, write, monkeypatch
):
    (job,) = plan(0)
    edited = dict(job.made_with) | {"code": "edited"}
    write(job, made_with=edited)
    monkeypatch.setattr(jobs, "take_fingerprints", lambda config: (edited, job.pending))
    assert "finished earlier, kept" in execute(job)[1]
    assert made == []


def test_fingerprints_are_not_taken_again_for_runs_that_are_kept(
    plan, made, execute, write, monkeypatch
):
    (job,) = plan(0)
    write(job)
    monkeypatch.delattr(jobs, "take_fingerprints")
    assert "finished earlier, kept" in execute(job)[1]
