"""The end of a sweep: its table and the exit status."""

from __future__ import annotations

import pytest

from bench.sweep import planning
from bench.sweep.exit_status import ExitStatus
from bench.sweep.summary import print_summary
from tests.sweep.conftest import REQUESTED_AT


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), ExitStatus.OK),
        (("done",), ExitStatus.OK),
        (("done", "diverged"), ExitStatus.OK),
        (("done", "skipped"), ExitStatus.OK),
        (("skipped", "skipped"), ExitStatus.NOTHING_TRAINED),
        (("skipped", "failed"), ExitStatus.RUN_FAILED),
        (("done", "timeout"), ExitStatus.RUN_FAILED),
        (("done", "out_of_memory"), ExitStatus.RUN_FAILED),
    ],
)
def test_the_exit_status_depends_on_the_statuses_of_the_runs(
    plan, write, capsys, statuses, expected
):
    planned = plan(*range(len(statuses)), 99)
    for job, status in zip(planned, statuses, strict=False):
        write(job, status=status)
    assert print_summary(planned) is expected
    out = capsys.readouterr().out
    assert ("Nothing was trained" in out) == (expected is ExitStatus.NOTHING_TRAINED)
    assert ("validation" in out) == bool(statuses)  # no table without runs


def test_only_the_runs_of_this_command_count(plan, write):
    planned = plan(0, 1)
    write(planned[0], status="failed")
    write(planned[1])
    assert print_summary(planned[1:]) is ExitStatus.OK


def test_rows_of_runs_that_differ_are_never_the_same(configure, write, capsys):
    configs = [
        configure(batch_size=size, validation_fraction=share)
        for size in (16, 32)
        for share in (0.1, 0.2)
    ]
    planned, _ = planning.plan(configs, "unnamed", REQUESTED_AT)
    for job in planned:
        write(job)
    print_summary(planned)
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if " done " in line]
    assert len(set(rows)) == 4
    assert "batch size" in " ".join(out.split())
