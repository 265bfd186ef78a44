import pytest

from bench.results import checksummed
from bench.results.plan import PLAN_NAME, SweepPlan, add_to_plan


def test_a_damaged_plan_is_reported_and_a_newer_one_is_left_alone(tmp_path):
    add_to_plan(tmp_path, ["first"])
    (tmp_path / PLAN_NAME).write_text("{")
    (tmp_path / f".{PLAN_NAME}.left").write_text("by one that was killed")
    assert PLAN_NAME in add_to_plan(tmp_path, ["second"])[1]
    assert checksummed.read(tmp_path / PLAN_NAME, SweepPlan).run_ids == ("second",)
    assert not list(tmp_path.glob(f".{PLAN_NAME}.*"))
    (tmp_path / PLAN_NAME).write_text('{"schema_version": 99}')
    with pytest.raises(checksummed.NewerError):
        add_to_plan(tmp_path, ["third"])
    assert (tmp_path / PLAN_NAME).read_text() == '{"schema_version": 99}'
