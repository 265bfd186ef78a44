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
    before = painted(page, "[data-chart=accuracy_by_seconds]")
    page.get_by_role("checkbox", name="keras").uncheck()
    drawn(page, 2)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "torch"}
    assert all("keras" not in run for run in column(page, "Runs", "run"))
    assert painted(page, "[data-chart=accuracy_by_seconds]") != before
    shown = page.locator(".panel:visible").count()
    page.get_by_role("checkbox", name="one_hidden").uncheck()
    drawn(page, 3)
    assert page.locator(".panel:visible").count() < shown
    page.get_by_role("checkbox", name="keras").check()
    page.get_by_role("checkbox", name="one_hidden").check()
    drawn(page, 5)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "keras", "torch"}


def test_one_button_shows_an_implementation_alone_and_all_again(visit, ordinary):
    page = visit(ordinary)
    page.get_by_role("button", name="only keras").click()
    drawn(page, 2)
    assert set(column(page, "Comparison", "implementation")) == {"keras"}
    page.get_by_role("button", name="only keras").click()
    drawn(page, 3)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "keras", "torch"}


def test_an_address_keeps_the_choices(visit, ordinary):
    page = visit(ordinary)
    page.get_by_role("button", name="only keras").click()
    page.get_by_role("link", name="Learning rates").click()
    assert page.url.endswith("#rates?implementation=numpy&implementation=torch")
    page.goto("about:blank")
    page.goto(f"{ordinary.as_uri()}#rates?implementation=numpy&implementation=torch")
    drawn(page, 1)
    assert set(column(page, "Comparison", "implementation")) == {"keras"}
    assert not page.get_by_role("checkbox", name="numpy").is_checked()


def test_a_tile_leads_to_the_section_with_its_numbers(visit, ordinary):
    page = visit(ordinary)
    page.get_by_role("checkbox", name="keras").uncheck()
    page.get_by_role("link", name="Are the speeds reliable?").click()
    assert page.url.endswith("#runs?implementation=keras")


def test_values_of_a_filter_are_in_the_order_of_their_numbers(visit, uncommon):
    page = visit(uncommon)
    boxes = page.locator("#filters input[data-field=learning_rate]").all()
    assert [box.get_attribute("value") for box in boxes] == ["0.00001", "0.1", "3000000"]


def test_the_keyboard_filters_and_the_description_of_a_chart_follows(visit, ordinary):
    page = visit(ordinary)
    chart = page.get_by_role("img", name="Accuracy by time, one_hidden. Validation accuracy:")
    assert chart.count() == 1
    box = page.get_by_role("checkbox", name="keras")
    box.focus()
    page.keyboard.press("Space")
    drawn(page, 2)
    assert not box.is_checked()
    assert {row["implementation"] for row in values(page, "accuracy_by_seconds")} == {"numpy"}
    assert page.locator("#count").inner_text() == "5 of 9 runs are shown."
    assert "Filtered" in chart.get_attribute("aria-label")


def test_the_numbers_of_a_chart_open_by_the_keyboard_and_follow_the_filter(visit, ordinary):
    page = visit(ordinary)
    page.locator("#training_speed .numbers summary").focus()
    page.keyboard.press("Enter")
    table = page.locator("#training_speed .numbers table")
    table.wait_for()
    assert table.locator("tbody tr").count() == 8
    assert "examples per second" in table.locator("thead").inner_text()
    page.get_by_role("checkbox", name="0.01").uncheck()
    drawn(page, 2)
    assert page.locator("#training_speed .numbers tbody tr").count() == 4


def test_the_pareto_front_is_that_of_all_runs_whatever_is_shown(visit, ordinary):
    page = visit(ordinary)
    front = [
        row["implementation"] for row in values(page, "accuracy_against_speed") if row["pareto"]
    ]
    assert front == ["numpy"]
    page.get_by_role("checkbox", name="numpy").uncheck()
    drawn(page, 2)
    assert [row["pareto"] for row in values(page, "accuracy_against_speed")] == [False]


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
    shown = values(page, "training_speed", condition=1)
    assert {row["implementation"] for row in shown} == {"numpy", "keras"}
    assert {row["learning_rate"] for row in shown} == {0.01}
    assert page.locator("[data-chart=training_speed]:visible").count() == 1


def test_folded_charts_are_drawn_when_they_are_opened(visit, ordinary):
    page = visit(ordinary)
    assert page.locator("#loss_by_epochs canvas").count() == 0
    page.get_by_text("More learning curves").click()
    page.locator("#loss_by_epochs canvas").first.wait_for()
    assert page.messages == []


def test_rates_of_any_size_are_filtered_in_all_charts_and_tables(visit, uncommon):
    page = visit(uncommon)
    page.get_by_role("checkbox", name="0.00001").uncheck()
    drawn(page, 2)
    assert len(column(page, "Runs", "run")) == 4
    assert column(page, "Comparison", "learning rate") == []
    assert (
        page.locator("[aria-label='Test accuracy by learning rate'] thead th:visible").count() == 3
    )
    assert {row["learning_rate"] for row in values(page, "time_by_part")} == {0.1}
    seconds = sum(
        row["seconds"] for row in data_drawn(page, "time_by_part") if row["part"] == "training"
    )
    assert seconds == pytest.approx(2 * 6.0)


def test_a_rate_at_which_runs_diverged_says_so_in_its_chart(visit, uncommon):
    page = visit(uncommon)
    assert page.messages == []
    chart = "accuracy_by_learning_rate"
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


def test_hovering_tells_the_values(visit, ordinary):
    page = visit(ordinary)
    chart = page.locator("[data-chart=accuracy_by_learning_rate] canvas").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x, y = middle(page, "accuracy_by_learning_rate")
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


def test_a_table_in_groups_is_sorted_within_its_groups(visit, ordinary):
    page = visit(ordinary)
    heading = page.locator("[aria-label=Comparison] th", has_text="compared").get_by_role("button")
    heading.click()
    heading.click()
    names = column(page, "Comparison", "implementation")
    assert names == ["torch", "keras", "numpy", "keras", "numpy"] or names == [
        "keras", "numpy", "torch", "keras", "numpy",
    ]  # fmt: skip


def test_the_charts_show_the_runs_of_the_csv(visit, ordinary):
    page = visit(ordinary)
    columns = page.evaluate(
        "JSON.parse(document.getElementById('chart-data').textContent).tables.runs"
    )
    shown = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    with (ordinary.parent / "runs.csv").open() as file:
        listed = {row["run_id"]: row for row in csv.DictReader(file)}
    assert {row["run_id"] for row in shown} == set(listed)
    for row in shown:
        if row["status"] == "done":
            assert row["test_accuracy"] == float(listed[row["run_id"]]["test_accuracy"])
