"""Panels: one for each condition, up to as many as can be read."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from bench import plotting
from bench.report import frames, panels
from bench.report.labels import run_views
from tests.report.conftest import make_record


def test_conditions_that_are_not_drawn_are_said(tmp_path):
    records = [make_record("numpy", f"{number}_hidden") for number in range(14)]
    runs = frames.runs_frame(run_views(records))
    everything = pd.Series(True, runs.index)
    with panels.figure(tmp_path / "a.png", "title", runs, everything) as (drawn, cut):
        assert len(drawn) == panels.MAX_PICTURED
    assert cut == " Drawn for the first 6 of 14 conditions; the tables hold all."
    one = runs["architecture"] == "3_hidden"
    with panels.figure(tmp_path / "b.png", "title", runs, one) as (drawn, cut):
        ((panel, group),) = drawn
        assert panel.get_title() == "3_hidden"
        assert group["architecture"].tolist() == ["3_hidden"]
    assert cut == ""
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg", "b.png", "b.svg"}


@pytest.mark.parametrize(("values", "shown"), [([0.3, 0.5], "0.4"), ([1e-4, 1e3], "1")])
def test_a_logarithmic_axis_has_ticks_in_plain_digits_whatever_it_spans(values, shown):
    with plt.rc_context(plotting.RC):
        drawn, panel = plt.subplots()
        panel.plot(values, values)
        panels.logarithmic(panel, "y")
        drawn.canvas.draw()
        labels = [label.get_text() for label in panel.get_yticklabels()]
        plt.close(drawn)
    assert shown in labels
