"""The estimate of the time that is left."""

from __future__ import annotations

import msgspec
import pytest

from bench.records import Seconds
from bench.sweep import planning, scheduler
from bench.sweep.progress import MAX_DURATIONS, TimeLeft
from tests.sweep.conftest import REQUESTED_AT, record_of


def lasting(job, seconds, **changes):
    return record_of(job, seconds=Seconds(total=seconds), **changes)


def test_nothing_is_estimated_before_a_run_has_finished(plan):
    planned = plan(0, 1)
    assert str(TimeLeft(planned, [])) == ""
    assert str(TimeLeft(planned, [lasting(planned[0], 9, status="failed")])) == ""


def test_only_unfinished_runs_count(plan):
    planned = plan(*range(1000))
    # The last ones of the plan are finished: the first three runs are left.
    records = [lasting(job, 4) for job in planned[3:]]
    time_left = TimeLeft(planned, records)
    assert time_left.seconds == pytest.approx(12)
    assert str(time_left) == "about 12 s left"
    for job in planned[3:]:
        time_left.count(job)
    assert time_left.seconds == pytest.approx(12)
    time_left.count(planned[0], lasting(planned[0], 4))
    assert time_left.seconds == pytest.approx(8)
    for job in planned[1:3]:
        time_left.count(job, lasting(job, 4))
    assert time_left.seconds == 0


def test_the_records_of_a_renamed_sweep_count(plan):
    planned = plan(0, 1)
    assert TimeLeft(planned, [lasting(planned[0], 4, sweep_name="before")]).seconds == 4


def test_records_that_will_be_replaced_count_as_unfinished(plan):
    planned = plan(0, 1)
    records = [lasting(job, 100, made_with={"code": "older"}) for job in planned]
    assert str(TimeLeft(planned, records)) == "about 3 min left"


def test_a_run_is_estimated_from_similar_runs(configure, composed):
    def like(implementation, architecture, seed):
        return configure(
            seed=seed,
            implementation=msgspec.structs.replace(composed.implementation, name=implementation),
            architecture=msgspec.structs.replace(composed.architecture, name=architecture),
        )

    kinds = [("fast", "small"), ("fast", "large"), ("slow", "small")]
    configs = [like(*kind, seed) for kind in kinds for seed in (0, 1)]
    planned, _ = planning.plan(configs, "unnamed", REQUESTED_AT)
    seconds = dict(zip(kinds, (1, 10, 100), strict=True))

    first = {}
    for job in planned:
        first.setdefault((job.config.implementation.name, job.config.architecture.name), job)

    def left_after(*finished):
        records = [lasting(first[kind], seconds[kind]) for kind in finished]
        return TimeLeft(planned, records).seconds

    assert left_after(*kinds) == 111
    assert left_after(kinds[0], kinds[2]) == 1 + 100 + 2 * 1  # "fast large" as "fast small"
    assert left_after(kinds[0]) == 1 + 4 * 1  # "slow" as the mean of all


def test_the_latest_durations_count(plan):
    planned = plan(*range(100))
    time_left = TimeLeft(planned, [])
    for job in planned[:50]:
        time_left.count(job, lasting(job, 1000))
    for job in planned[50 : 50 + MAX_DURATIONS]:
        time_left.count(job, lasting(job, 1))
    assert time_left.seconds == 50 - MAX_DURATIONS


@pytest.mark.parametrize("reasons", [[], ["other processes used 50% of the run's cores", "b"]])
def test_the_reasons_of_a_noisy_run_are_printed(capsys, plan, reasons):
    (job,) = plan(0)
    scheduler._print_problems(job, record_of(job, environment={"noisy_reasons": reasons}))
    printed = capsys.readouterr().out
    assert bool(printed) == bool(reasons)
    assert "; ".join(reasons) in printed
