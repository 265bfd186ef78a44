"""Files of figures are drawn from the specifications of the page's charts."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from PIL import Image

from bench.files import FileError
from bench.report.charts import figures
from bench.report.charts.drawing import Drawing
from bench.report.charts.renderer import Renderer
from bench.report.contents.blocks import FIGURES
from bench.report.frames.analysis import analyse
from bench.results.merging import read_sweeps
from tests.report.conftest import make_record


@pytest.fixture
def draw(write, tmp_path):
    """Draw the figures of some records; return the figures by name, and the folder of the files."""

    def draw_records(*records):
        analysis = analyse(read_sweeps([write(*records)]), None)
        drawing = Drawing(analysis, [], tmp_path)
        with Renderer(tmp_path / FIGURES) as renderer:
            renderer.draw(drawing.specifications())
            by_section = drawing.figures()
            renderer.wait()
        names = {figure.name: figure for section in by_section.values() for figure in section}
        return names, tmp_path / FIGURES

    return draw_records


def test_a_chart_has_a_panel_for_each_of_the_first_conditions(draw):
    names, folder = draw(
        *(
            replace(make_record(name, batch_size=8 << place), run_id=f"{name}{place}")
            for place in range(8)
            for name in ("numpy", "keras")
        )
    )
    chart = names["training_speed"]
    assert len(chart.panels) == 8
    assert "first 4 of 8 conditions" in chart.drawn_of
    with Image.open(folder / "training_speed.png") as picture:
        assert picture.width > 2 * figures.PANEL_PIXELS
        assert len(picture.convert("L").getcolors() or range(1000)) > 2  # it is not blank
    svg = (folder / "training_speed.svg").read_text(encoding="utf-8")
    assert svg.count("batch size") >= figures.MAX_PICTURED
    assert "batch size 128" not in svg


def test_every_figure_is_a_png_and_an_svg(draw):
    names, folder = draw(make_record("numpy"), make_record("keras"))
    assert {path.stem for path in folder.glob("*.png")} == set(names)
    assert {path.stem for path in folder.glob("*.svg")} == set(names)


def test_names_from_records_are_text_in_a_figure(draw):
    _, folder = draw(make_record("<script>alert(1)</script>"), make_record("$x_1$"))
    svg = (folder / "training_speed.svg").read_text(encoding="utf-8")
    assert "<script" not in svg
    assert "$x_1$" in svg


def test_characters_that_xml_forbids_are_escaped_in_a_figure(draw):
    _, folder = draw(replace(make_record(architecture="a\uffff"), run_id="run \x1b[31m\uffff"))
    for path in folder.glob("*.svg"):
        ElementTree.parse(path)  # noqa: S314  # made by this test
    assert len(list(folder.glob("*.svg"))) > 5


def test_a_chart_without_data_has_no_file(draw):
    names, folder = draw(make_record(status="failed"))
    assert not {"training_speed", "time_by_part"} & set(names)
    assert not list(folder.glob("training_speed*"))


def test_figures_of_an_earlier_report_are_removed_and_other_files_stay(draw, tmp_path):
    folder = tmp_path / FIGURES
    folder.mkdir()
    for name in ("confusion_of_old.png", "confusion_of_old.svg", "notes.txt"):
        (folder / name).write_text("old")
    draw(make_record())
    assert not list(folder.glob("confusion_of_old*"))
    assert (folder / "notes.txt").exists()


def test_a_file_has_nothing_for_the_mouse():
    specification = {"layer": [{"mark": "point", "params": [1], "encoding": {"tooltip": [1]}}]}
    drawn = figures._without_mouse(specification)
    assert drawn == {"layer": [{"mark": "point", "encoding": {}}]}


def test_a_chart_that_cannot_be_written_is_an_error_in_one_line(tmp_path):
    with Renderer(tmp_path / "file" / "figures") as renderer:
        (tmp_path / "file").touch()
        renderer.draw({"chart": '{"data": {"values": []}, "mark": "point"}'})
        with pytest.raises(FileError, match=r"can't write chart\.svg: Not a directory$"):
            renderer.wait()


def test_a_killed_renderer_is_an_error(tmp_path):
    with Renderer(tmp_path) as renderer:
        renderer._process.kill()
        renderer.draw({"chart": "x" * 2**20})
        with pytest.raises(FileError, match=f"^{tmp_path}: the process that draws was killed"):
            renderer.wait()
