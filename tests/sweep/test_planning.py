"""Planning: positions, folders, fingerprints."""

from __future__ import annotations

import dataclasses
import itertools
import os

import msgspec
import pytest

from bench import provenance
from bench.config.compose import compose_runs
from bench.config.errors import ConfigError
from bench.results import checksummed, store
from bench.results.plan import PLAN_NAME, SweepPlan
from bench.sweep import jobs, planning
from tests.conftest import TINY
from tests.sweep.conftest import REQUESTED_AT, record_of


def elsewhere(job, **changes):
    """Return the fingerprints of a job on another machine."""
    return dict(job.fingerprints) | changes


def test_jobs_have_their_position_in_the_whole_sweep(plan):
    assert [(job.number, job.n_runs) for job in plan(0, 1)] == [(1, 2), (2, 2)]
    assert [(job.number, job.n_runs) for job in plan(1, 2)] == [(2, 3), (3, 3)]


def test_a_position_stays_where_the_plan_is_damaged_later(plan, executed, capsys):
    (job,) = plan(0)
    (job.sweep_folder / PLAN_NAME).write_text("{")
    (other,) = plan(7)
    assert "sweep.json: damaged" in capsys.readouterr().out
    assert (job.number, other.number) == (1, 1)
    assert checksummed.read(job.sweep_folder / PLAN_NAME, SweepPlan).run_ids == (other.run_id,)


def test_labels_name_the_settings_that_vary(configure):
    configs = [configure(batch_size=size, threads=1) for size in (16, 32)]
    labels = [job.label for job in planning.plan(configs, "unnamed", REQUESTED_AT)[0]]
    assert labels == [
        f"numpy one_hidden learning rate 0.1, seed 0, batch_size {size}" for size in (16, 32)
    ]


def test_labels_name_what_varies_within_a_group(configure, composed):
    configs = [
        configure(architecture=msgspec.structs.replace(composed.architecture, hidden_sizes=sizes))
        for sizes in ((4,), (8, 4))
    ]
    labels = [job.label for job in planning.plan(configs, "unnamed", REQUESTED_AT)[0]]
    assert [label.rpartition(", ")[2] for label in labels] == [
        "architecture.hidden_sizes [4]",
        "architecture.hidden_sizes [8,4]",
    ]


def test_each_unnamed_sweep_gets_a_new_folder(plan, tmp_path):
    names = [plan(0, 1, sweep_name="unnamed")[1].config.sweep_name for _ in range(3)]
    assert names == ["unnamed", "unnamed-2", "unnamed-3"]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == sorted(names)


def test_a_named_sweep_keeps_its_folder(plan):
    assert {plan(0)[0].config.sweep_name for _ in range(2)} == {"night"}


def test_an_unnamed_sweep_without_a_writable_folder_is_refused(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(store.StoreError, match="file"):
        plan(0, sweep_name="unnamed", results_folder=str(tmp_path / "file" / "results"))


def test_a_lock_that_is_a_link_is_named(plan, tmp_path):
    folder = tmp_path / "results" / "night"
    folder.mkdir(parents=True)
    (folder / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(store.StoreError, match="night"):
        plan(0)
    assert not (tmp_path / "elsewhere").exists()


def test_a_shuffled_sweep_has_the_same_order_every_time(plan):
    orders = [[job.config.seed for job in plan(*range(20), shuffle_runs=True)] for _ in range(2)]
    assert orders[0] == orders[1] != list(range(20))


def test_a_block_has_all_implementations_and_rates_of_a_condition_and_a_seed(tmp_path):
    names, rates = ("numpy", "notebook"), (0.01, 0.1)
    words = ["implementation=numpy,notebook", "learning_rate=0.01,0.1", "batch_size=16,32"]
    configs = compose_runs(
        [*TINY, *words, "seed=0,1", "sweep_name=night", f"results_folder={tmp_path}"],
        default_name="unnamed",
        multirun=True,
    )
    jobs = planning.plan(configs, "unnamed", REQUESTED_AT)[0]
    blocks = [list(members) for _, members in itertools.groupby(jobs, key=lambda job: job.block)]
    assert len(blocks) == len({job.block for job in jobs}) == 4
    orders = set()
    for block in blocks:
        assert len({(job.config.batch_size, job.config.seed) for job in block}) == 1
        runs = [(job.config.implementation.name, job.config.learning_rate) for job in block]
        assert sorted(runs) == sorted(itertools.product(names, rates))
        assert [job.position for job in block] == [1, 2, 3, 4]
        orders.add(tuple(runs))
    assert len(orders) > 1  # drawn for each block
    again = planning.plan(configs[::-1], "unnamed", REQUESTED_AT)[0]
    assert {job.run_id: job.position for job in again} == {job.run_id: job.position for job in jobs}


def test_a_name_with_records_is_refused_where_nothing_is_to_be_resumed(plan, write):
    (job,) = plan(0, resume=False)
    write(job)
    with pytest.raises(ConfigError, match="sweep_name=night"):
        plan(0, resume=False)


@pytest.mark.parametrize("key", ["processor", "number of cores"])
def test_a_run_next_to_a_record_of_another_machine_gets_a_separate_folder(plan, write, capsys, key):
    (job,) = plan(0)
    theirs = write(job, made_with=elsewhere(job, **{key: "other"}))
    (ours,) = plan(0)
    assert ours.run_id.startswith(f"{job.run_id}-on-")
    assert (ours.number, ours.n_runs) == (2, 2)
    assert "1 of 1 runs have records from another processor" in capsys.readouterr().out
    write(ours)
    assert plan(0)[0].run_id == ours.run_id
    there = dataclasses.replace(job, fingerprints=theirs.made_with)
    assert jobs.is_current(theirs, there)
    assert not jobs.is_of_another_machine(theirs, there)


def test_a_record_with_other_code_or_without_a_result_is_replaced(plan, write):
    for seed, changes in enumerate(({"status": "failed"}, {"status": "skipped"})):
        (job,) = plan(seed)
        write(job, made_with=elsewhere(job, processor="other"), **changes)
        assert plan(seed)[0].run_id == job.run_id
    (job,) = plan(2)
    write(job, made_with=elsewhere(job, **{provenance.IMPLEMENTATION: "other"}))
    assert plan(2)[0].run_id == job.run_id


def test_a_first_edition_record_that_names_no_machine_is_of_no_other_machine(plan):
    (job,) = plan(0)
    assert not jobs.is_of_another_machine(record_of(job, made_with={}), job)


def test_fingerprints_are_taken_once_for_all_runs_that_share_them(configure, monkeypatch):
    calls = []
    monkeypatch.setattr(
        planning, "take_fingerprints", lambda config: calls.append(config) or ({}, None)
    )
    planning.plan([configure(seed=seed) for seed in range(50)], "unnamed", REQUESTED_AT)
    assert len(calls) == 1


def test_a_file_edited_after_planning_is_noticed(plan, tmp_path, monkeypatch):
    source = tmp_path / "numpy_mlp.py"
    source.write_text("before")
    monkeypatch.setattr(
        provenance.registry, "sources", lambda module: {source: source.read_bytes()}
    )
    (job,) = plan(0)
    assert job.with_current_fingerprints().fingerprints == job.fingerprints
    assert job.with_current_fingerprints().pending_verdict.key == job.pending_verdict.key
    source.write_text("after!")
    os.utime(source, ns=(1, 1))
    assert job.with_current_fingerprints().fingerprints != job.fingerprints
    assert job.with_current_fingerprints().pending_verdict.key != job.pending_verdict.key


def test_a_run_on_another_gpu_is_of_another_machine(plan):
    (job,) = plan(0)
    job = dataclasses.replace(job, fingerprints=dict(job.fingerprints) | {"gpu": "A"})
    theirs = record_of(job, made_with=dict(job.fingerprints) | {"gpu": "B"})
    assert jobs.is_of_another_machine(theirs, job)
    assert not jobs.is_of_another_machine(record_of(job), job)
