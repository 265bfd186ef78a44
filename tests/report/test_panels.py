"""Conditions and the sentence about those that are not drawn."""

from bench.report import frames, panels
from bench.report.labels import run_views
from tests.report.conftest import make_record


def test_each_condition_has_a_label_and_its_runs():
    records = [make_record(name, f"{n}_hidden") for n in range(3) for name in ("numpy", "keras")]
    conditions = panels.conditions(frames.runs_frame(run_views(records)))
    assert [label for label, _ in conditions] == ["0_hidden", "1_hidden", "2_hidden"]
    assert all(len(runs) == 2 for _, runs in conditions)


def test_conditions_that_are_not_drawn_are_counted():
    assert panels.cut(14, 6) == " Drawn for the first 6 of 14 conditions; the tables contain all."
    assert panels.cut(6, 6) == ""


def test_later_lines_are_thinner():
    widths = [panels.line_width(number, 4) for number in range(4)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] >= 1
