"""Pictures are drawn from the specifications of the page's charts."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from PIL import Image

from bench import plotting
from bench.report import charts, drawing
from bench.report.analysis import analyse
from bench.report.chart_data import MAX_PICTURED
from bench.results import store
from tests.report.conftest import make_record


@pytest.fixture
def draw(write, tmp_path):
    """Draw the pictures of some records; return pictures and the folder."""

    def draw_records(*records):
        analysis = analyse(store.read_sweeps([write(*records)]), None)
        folder = tmp_path / "pictures"
        folder.mkdir()
        return drawing.draw(analysis, folder), folder

    return draw_records


def test_every_chart_has_a_picture_with_a_panel_for_each_condition(draw):
    pictures, folder = draw(
        *(make_record(name, f"{n}_hidden") for n in range(8) for name in ("numpy", "keras"))
    )
    names = {chart.picture for chart in charts.charts(plotting.colours([("numpy", "")]), [0.1])}
    assert names <= set(pictures)
    for name in names:
        with Image.open(folder / name) as picture:
            assert picture.width > 2 * drawing.PANEL_PIXELS
            assert len(picture.convert("L").getcolors() or range(1000)) > 2  # it is not blank
        svg = (folder / name).with_suffix(".svg").read_text(encoding="utf-8")
        assert svg.count("_hidden") >= MAX_PICTURED
        assert "7_hidden" not in svg
        assert "first 6 of 8 conditions" in pictures[name].caption


def test_names_from_records_are_text_in_a_picture(draw):
    _, folder = draw(make_record("<script>alert(1)</script>"), make_record("$x_1$"))
    svg = (folder / "throughput.svg").read_text(encoding="utf-8")
    assert "<script" not in svg
    assert "$x_1$" in svg


def test_characters_that_xml_forbids_are_escaped_in_a_picture(draw):
    _, folder = draw(replace(make_record(architecture="a\uffff"), run_id="run \x1b[31m\uffff"))
    for path in folder.glob("*.svg"):
        ElementTree.parse(path)  # noqa: S314  # made by this test
    assert len(list(folder.glob("*.svg"))) > 5


def test_a_chart_without_data_has_no_picture(draw):
    pictures, folder = draw(make_record(status="failed"))
    assert not {"throughput.png", "ledger.png"} & set(pictures)
    assert not list(folder.glob("throughput*"))


def test_a_picture_has_nothing_for_the_mouse():
    for chart in charts.charts(plotting.colours([("numpy", "")]), [0.1]):
        text = repr(drawing._for_picture(chart.specification))
        assert "clicked" not in text
        assert "tooltip" not in text
