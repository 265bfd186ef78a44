"""Jobs and records without processes, and the command in the tests' own process."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from bench.config.compose import compose_runs
from bench.machine import lock
from bench.records import RunRecord, Seconds
from bench.results import checksummed, store
from bench.sweep import command, planning, scheduler, single_run
from tests.conftest import TINY

REQUESTED_AT = "2026-01-02T00:00:00.000+00:00"


@pytest.fixture(autouse=True)
def lock_of_its_own(monkeypatch, tmp_path):
    """Do not wait for timed runs of other tests."""
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "machine.lock")


@pytest.fixture(scope="session")
def composed():
    """A configuration, composed once."""
    (config,) = compose_runs([*TINY, "sweep_name=night"], default_name="unnamed")
    return config


@pytest.fixture
def configure(composed, tmp_path):
    """Return the configuration with changes; its results go to the test's folder."""

    def change(**changes):
        changes = {"results_folder": str(tmp_path / "results")} | changes
        return msgspec.structs.replace(composed, **changes)

    return change


@pytest.fixture
def plan(configure):
    """Plan runs, by default one per seed, and return them as jobs."""

    def plan_runs(*seeds, **changes):
        configs = [configure(seed=seed, **changes) for seed in seeds]
        return planning.plan(configs, "unnamed", REQUESTED_AT)[0]

    return plan_runs


def record_of(job, **changes):
    """Return the record of a job that is done."""
    record = RunRecord(
        schema_version=checksummed.SCHEMA_VERSION,
        run_id=job.run_id,
        sweep_name=job.config.sweep_name,
        status="done",
        error=None,
        started_at="2026-01-01T00:00:00.000+00:00",
        finished_at="2026-01-01T00:00:01.000+00:00",
        config=msgspec.to_builtins(job.config),
        config_hash=job.config.hash,
        environment={},
        seconds=Seconds(total=1.0),
        parameter_count=1,
        flops_per_example=1,
        parity_key=job.pending_verdict.key,
        made_with=dict(job.fingerprints),
    )
    return dataclasses.replace(record, **changes)


@pytest.fixture
def write():
    """Write a job's record."""

    def write_record(job, **changes):
        record = record_of(job, **changes)
        store.write_record(job.sweep_folder, record)
        return record

    return write_record


@pytest.fixture
def executed(monkeypatch):
    """Execute runs without processes; return the ids of the executed runs.

    `executed.changes` contains changes to records, by seed.
    """

    class Executed(list):
        def __init__(self):
            super().__init__()
            self.changes = {}

    runs = Executed()

    def execute_run(job, supervisor):
        runs.append(job.run_id)
        return record_of(job, **runs.changes.get(job.config.seed, {})), job

    monkeypatch.setattr(single_run, "execute_run", execute_run)
    monkeypatch.setattr(scheduler, "ensure_verdict", lambda *_: None)
    return runs


@pytest.fixture
def main(call, monkeypatch, tmp_path):
    """Run the command in this process, in the test's folder; returns status, output, errors."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: call(command.main, *words)
