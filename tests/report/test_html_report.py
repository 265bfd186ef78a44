"""index.html in a browser: what its readers see and do, without a network."""

from __future__ import annotations

import csv

import pytest

from tests.report.browsing import (
    column,
    data_drawn,
    drawn,
    middle,
    needs_chromium,
    painted,
    values,
)
from tests.report.conftest import make_record, write_sweep

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def uncommon(tmp_path_factory):
    """The page of a sweep with a rate that is written 1e-05, and one at which all diverge."""
    records = [
        make_record(name, learning_rate=rate, accuracy=accuracy, status=status)
        for name in ("numpy", "keras")
        for rate, accuracy, status in ((1e-5, 0.8, "done"), (0.1, 0.7, "done"),
                                       (3e6, 0.1, "diverged"))
    ]  # fmt: skip
    return write_sweep(tmp_path_factory.mktemp("sweeps") / "uncommon", records)


def test_the_filter_is_for_all_charts_and_tables(visit, ordinary):
    page = visit(ordinary)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "keras", "torch"}
    before = painted(page, "[data-chart=loss]")
    page.get_by_role("checkbox", name="keras").uncheck()
    drawn(page, 2)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "torch"}
    assert all("keras" not in run for run in column(page, "Runs", "run"))
    assert painted(page, "[data-chart=loss]") != before
    page.get_by_role("checkbox", name="one_hidden").uncheck()
    drawn(page, 3)
    assert page.locator(".panel:visible").count() == page.locator(".panel").count() / 2
    page.get_by_role("checkbox", name="keras").check()
    page.get_by_role("checkbox", name="one_hidden").check()
    drawn(page, 5)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "keras", "torch"}


def test_the_keyboard_does_what_the_legend_does(visit, ordinary):
    page = visit(ordinary)
    chart = page.get_by_role(
        "img", name="Accuracy by epoch, one_hidden. Validation accuracy: keras 0.77"
    )
    assert chart.count() == 1
    box = page.get_by_role("checkbox", name="keras")
    box.focus()
    page.keyboard.press("Space")
    drawn(page, 2)
    assert not box.is_checked()
    assert {row["implementation"] for row in values(page, "accuracy")} == {"numpy", "torch"}
    assert page.locator("#count").inner_text() == "5 of 9 runs are shown."
    assert "Filtered" in chart.get_attribute("aria-label")


def test_the_numbers_of_a_chart_open_by_the_keyboard_and_follow_the_filter(visit, ordinary):
    page = visit(ordinary)
    page.locator("[data-chart=frontier] summary").first.focus()
    page.keyboard.press("Enter")
    table = page.locator("[data-chart=frontier] table").first
    table.wait_for()
    assert table.locator("tbody tr").count() == 4
    assert "validation accuracy" in table.locator("thead").inner_text()
    page.get_by_role("checkbox", name="0.01").uncheck()
    drawn(page, 2)
    assert page.locator("[data-chart=frontier] table").first.locator("tbody tr").count() == 2


def test_the_pareto_front_is_that_of_all_runs_whatever_is_shown(visit, ordinary):
    page = visit(ordinary)
    on_front = {row["run_id"] for row in values(page, "frontier") if row["pareto"]}
    assert not any(run.startswith("keras-one_hidden-lr0.01") for run in on_front)
    page.get_by_role("checkbox", name="numpy").uncheck()
    drawn(page, 2)
    assert values(page, "frontier")
    assert not any(row["pareto"] for row in values(page, "frontier"))


def test_many_changes_at_once_leave_one_drawing_of_the_last(visit, ordinary):
    page = visit(ordinary)
    page.evaluate(
        """() => {
            for (const value of ["keras", "one_hidden", "0.1", "keras"])
                document.querySelector(`input[value="${value}"]`).click();
        }"""
    )
    drawn(page, 5)
    for panel in page.locator(".panel:visible").all():
        assert panel.locator("canvas").count() == 1
    shown = values(page, "accuracy", condition=1)
    assert {row["implementation"] for row in shown} == {"numpy", "keras"}
    assert {row["learning_rate"] for row in shown} == {0.01}
    assert page.locator("[data-chart=accuracy]:visible").count() == 1


def test_rates_of_any_size_are_filtered_in_all_charts_and_tables(visit, uncommon):
    page = visit(uncommon)
    page.get_by_role("checkbox", name="0.00001").uncheck()
    drawn(page, 2)
    assert len(column(page, "Runs", "run")) == 4
    assert column(page, "Comparison", "learning rate") == []
    assert page.locator("[aria-label='Test accuracy by learning rate'] th:visible").count() == 4
    assert {row["learning_rate"] for row in values(page, "time_by_part")} == {0.1}
    seconds = sum(
        row["seconds"] for row in data_drawn(page, "time_by_part") if row["part"] == "train"
    )
    assert seconds == pytest.approx(2 * 6.0)


def test_a_rate_at_which_runs_diverged_says_so_in_charts(visit, uncommon):
    page = visit(uncommon)
    assert page.messages == []
    for chart in ("rates",):
        ended = {row["learning_rate"]: row["ended"] for row in values(page, chart)}
        assert ended == {1e-05: "done", 0.1: "done", 3e6: "diverged"}
        texts = page.evaluate(
            """(chart) => {
                const view = document.querySelector(`[data-chart=${chart}]`).drawn.view;
                const all = (item) => [item.text, ...(item.items ?? []).flatMap(all)];
                return all(view.scenegraph().root).filter((text) => text);
            }""",
            chart,
        )
        assert any("diverged" in text for text in texts)


def test_a_name_in_the_legend_is_clicked_to_see_it_alone(visit, ordinary):
    page = visit(ordinary)
    chart = page.locator("[data-chart=accuracy] canvas").first
    chart.scroll_into_view_if_needed()
    before = chart.screenshot()
    box = chart.bounding_box()
    x, y = middle(page, "accuracy", "legend-label")
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_timeout(300)
    selected = page.evaluate(
        "document.querySelector('[data-chart=accuracy]').drawn.view.data('clicked_store').length"
    )
    assert selected == 1
    assert chart.screenshot() != before


def test_hovering_tells_the_values(visit, ordinary):
    page = visit(ordinary)
    chart = page.locator("[data-chart=rates] canvas").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x, y = middle(page, "rates", "mark")
    page.mouse.move(box["x"] + x - 1, box["y"] + y - 1)
    page.mouse.move(box["x"] + x, box["y"] + y)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for(timeout=10_000)
    assert "learning rate" in tooltip.inner_text()


def test_a_table_is_sorted_by_a_click_and_by_the_keyboard(visit, ordinary):
    page = visit(ordinary)
    heading = page.locator("[aria-label=Runs] th", has_text="examples/s").get_by_role("button")
    heading.click()
    speeds = [value for value in column(page, "Runs", "examples/s") if value != "-"]
    assert speeds == sorted(speeds, key=float)
    assert column(page, "Runs", "examples/s")[-1] == "-"
    heading.focus()
    page.keyboard.press("Enter")
    speeds = [value for value in column(page, "Runs", "examples/s") if value != "-"]
    assert speeds == sorted(speeds, key=float, reverse=True)
    assert page.locator("[aria-label=Runs] th[aria-sort=descending]").count() == 1


def test_the_charts_show_the_runs_of_the_csv(visit, ordinary):
    page = visit(ordinary)
    columns = page.evaluate("JSON.parse(document.getElementById('data').textContent).runs")
    shown = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    with (ordinary.parent / "runs.csv").open() as file:
        listed = {row["run_id"]: row for row in csv.DictReader(file)}
    assert {row["run_id"] for row in shown} == set(listed)
    for row in shown:
        if row["status"] == "done":
            assert row["test_accuracy"] == float(listed[row["run_id"]]["test_accuracy"])
