"""index.html in a browser: what its readers see and do, without a network."""

from __future__ import annotations

import csv
import functools
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import store
from bench.contract import RunError
from tests.conftest import SCRIPTS
from tests.report.conftest import SUMMARY, make_record, verdicts_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = (
    "<script>document.title='stolen'</script>", "</script><img src=x onerror=alert(1)>",
    "quotes ' \" ` and \\", "\u202eright to left \u05d0\u05d1", "smile \U0001f600", "*bold* [a](http://b)",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: make browser")


def write_sweep(folder: Path, records) -> Path:
    """Write a sweep and its report; return the page."""
    for record in records:
        store.write_record(folder, record)
    for number, verdict in enumerate(verdicts_for(tuple(records))):
        store.write_atomically(folder / f"parity-{number}.json", store.encode(verdict))
    path = store.dataset_path(folder, SUMMARY.name, SUMMARY.fingerprint)
    store.write_atomically(path, store.encode(SUMMARY))
    subprocess.run([SCRIPTS / "bench-report", folder], check=True, capture_output=True)
    return folder / "report" / "index.html"


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    """The page of an ordinary sweep: two implementations, architectures and rates; one failure."""
    error = RunError(type="ValueError", message="no luck\nmore", traceback="t" * 5000)
    records = [
        make_record(name, architecture, rate, accuracy=0.8 + rate / 10, examples_per_second=speed,
                    colour=colour)
        for name, speed, colour in (("numpy", 1200.0, "#0072B2"), ("keras", 300.0, "#D55E00"))
        for architecture in ("one_hidden", "two_hidden")
        for rate in (0.01, 0.1)
    ]  # fmt: skip
    records.append(make_record("torch", status="failed", error=error))
    return write_sweep(tmp_path_factory.mktemp("sweeps") / "ordinary", records)


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


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Open a page from disk, with all that it prints and asks for, and wait for its charts."""
    contexts = []

    def visit_page(path, width=1400, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            drawn(page, 1)
        return page

    yield visit_page
    for context in contexts:
        context.close()


def drawn(page, times):
    page.wait_for_function(f"document.documentElement.dataset.drawn >= {times}", timeout=60_000)


def painted(page, selector):
    """How many colours there are on the chart's canvas."""
    return page.eval_on_selector(
        f"{selector} canvas",
        """canvas => new Set(new Uint32Array(canvas.getContext("2d")
               .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size""",
    )


def column(page, table, heading):
    """The visible cells of a table's column."""
    return page.evaluate(
        """([table, heading]) => {
            const element = document.querySelector(`[aria-label="${table}"] table`);
            const place = [...element.tHead.rows[0].cells]
                .findIndex((cell) => cell.textContent.trim() === heading);
            return [...element.tBodies[0].rows].filter((row) => !row.hidden)
                .map((row) => row.cells[place].textContent.trim());
        }""",
        [table, heading],
    )


def values(page, chart, condition=0):
    """The rows that a chart draws under a condition."""
    return page.evaluate(
        "([chart, condition]) => document.querySelector("
        "`[data-chart=${chart}][data-condition='${condition}']`).values",
        [chart, condition],
    )


def data_drawn(page, chart):
    """The rows behind the first marks of a chart, after all that was computed of them."""
    return page.evaluate(
        """(chart) => {
            const view = document.querySelector(`[data-chart=${chart}]`).drawn.view;
            const all = (item) => item.mark?.marktype === "rect" && item.datum?.part
                ? [item.datum] : (item.items ?? []).flatMap(all);
            return all(view.scenegraph().root).map(({ part, sum_seconds, seconds }) =>
                ({ part, seconds: sum_seconds ?? seconds }));
        }""",
        chart,
    )


def middle(page, chart, role):
    """Where the middle of a chart's first symbol or text of this role is, on its canvas."""
    return page.evaluate(
        """([chart, role]) => {
            const view = document.querySelector(`[data-chart=${chart}]`).drawn.view;
            const search = (item, x, y) => {
                if (item.mark?.role === role && ["symbol", "text"].includes(item.mark.marktype))
                    return [x + (item.bounds.x1 + item.bounds.x2) / 2,
                            y + (item.bounds.y1 + item.bounds.y2) / 2];
                for (const inner of item.items ?? []) {
                    const found = search(inner, x + (item.x ?? 0), y + (item.y ?? 0));
                    if (found) return found;
                }
            };
            const [x, y] = search(view.scenegraph().root, 0, 0);
            const {left, top} = view.padding();
            return [x + left + view.origin()[0], y + top + view.origin()[1]];
        }""",
        [chart, role],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_charts_are_drawn_without_error_or_request(visit, ordinary, width, scheme):
    page = visit(ordinary, width, color_scheme=scheme)
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [ordinary.as_uri()]
    assert page.locator(".panel canvas").count() == page.locator(".panel:visible").count() >= 18
    assert painted(page, "[data-chart=loss]") > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_filter_is_for_all_charts_and_tables(visit, ordinary):
    page = visit(ordinary)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "keras"}
    before = painted(page, "[data-chart=loss]")
    page.get_by_role("checkbox", name="keras").uncheck()
    drawn(page, 2)
    assert set(column(page, "Comparison", "implementation")) == {"numpy"}
    assert all("keras" not in run for run in column(page, "Runs", "run"))
    assert painted(page, "[data-chart=loss]") != before
    page.get_by_role("checkbox", name="one_hidden").uncheck()
    drawn(page, 3)
    assert page.locator(".panel:visible").count() == page.locator(".panel").count() / 2
    page.get_by_role("checkbox", name="keras").check()
    page.get_by_role("checkbox", name="one_hidden").check()
    drawn(page, 5)
    assert set(column(page, "Comparison", "implementation")) == {"numpy", "keras"}


def test_the_keyboard_does_what_the_legend_does(visit, ordinary):
    page = visit(ordinary)
    chart = page.get_by_role("img", name="Accuracy by epoch, one_hidden. keras: highest 0.8100")
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


def test_the_pareto_front_is_that_of_the_runs_shown(visit, ordinary):
    page = visit(ordinary)
    on_front = {row["run_id"] for row in values(page, "frontier") if row["pareto"]}
    assert not any(run.startswith("keras-one_hidden-lr0.01") for run in on_front)
    page.get_by_role("checkbox", name="numpy").uncheck()
    drawn(page, 2)
    on_front = {row["run_id"] for row in values(page, "frontier") if row["pareto"]}
    assert any(run.startswith("keras-one_hidden-lr0.01") for run in on_front)


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
    assert {row["learning_rate"] for row in values(page, "ledger")} == {0.1}
    seconds = sum(row["seconds"] for row in data_drawn(page, "ledger") if row["part"] == "train")
    assert seconds == pytest.approx(2 * 6.0)


def test_a_rate_at_which_runs_diverged_says_so_in_charts(visit, uncommon):
    page = visit(uncommon)
    assert page.said == []
    for chart in ("rates", "heat"):
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_there_are_pictures_and_commands_in_black_on_white(visit, ordinary, scheme):
    page = visit(ordinary, color_scheme=scheme)
    page.get_by_role("checkbox", name="keras").uncheck()
    drawn(page, 2)
    page.emulate_media(media="print", color_scheme=scheme)
    page.set_viewport_size({"width": 980, "height": 700})  # Letter between its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 980
    assert page.locator("figure.chart img:visible").count() == 10
    assert page.locator("canvas:visible, #filters:visible, .numbers:visible").count() == 0
    assert page.get_by_text("bench implementation=numpy").first.is_visible()
    assert "the pictures show all" in page.locator("#paper:visible").inner_text()
    style = "getComputedStyle(document.body)"
    assert page.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(f"{style}.color") == "rgb(26, 26, 26)"
    assert page.evaluate("getComputedStyle(document.querySelector('img.still')).filter") == "none"
    assert len(page.pdf()) > 100_000


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


def test_without_javascript_there_are_pictures_and_tables(visit, ordinary):
    page = visit(ordinary, java_script_enabled=False)
    assert page.locator("figure.chart").count() == 10
    assert page.locator("figure.chart img:visible").count() == 10
    assert page.locator("table").count() >= 7
    assert page.locator("#filters").is_hidden()
    assert page.locator(".panels:visible, .live:visible").count() == 0
    captions = page.locator("#chart-speed figcaption").inner_text()
    assert "A dot is one epoch" in captions
    assert "Click a name" not in captions


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "dark")])
def test_axe_finds_nothing_serious(visit, ordinary, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(ordinary, width, color_scheme=scheme, bypass_csp=True)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.locator(".numbers table").first.wait_for()
    found = Axe().run(page).response["violations"]
    assert [one for one in found if one["impact"] in {"serious", "critical"}] == []
    assert page.locator("[role=img]:not([aria-label])").count() == 0
    assert page.locator("img:not([alt])").count() == 0


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    records = []
    for number, words in enumerate(HOSTILE):
        error = RunError(type=words, message=words + "\nsecond line", traceback=words * 100)
        status = "failed" if number % 2 else "done"
        record = make_record(words, words, seed=number, status=status,
                             error=error if status == "failed" else None)  # fmt: skip
        object.__setattr__(record, "run_id", f"run-{number}")
        records.append(record)
    records[0].config["recipe"]["name"] = HOSTILE[0]
    return write_sweep(tmp_path_factory.mktemp("sweeps") / "hostile", records)


def test_what_records_say_is_text_and_never_markup(visit, hostile):
    page = visit(hostile)
    assert "stolen" not in page.title()
    assert page.said == []
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("main a").count() == 0
    text = page.locator("body").inner_text()
    for words in HOSTILE:
        assert words in text, words


def test_long_names_do_not_widen_the_page_of_a_phone(visit, hostile):
    page = visit(hostile, 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#filters label").count() >= len(HOSTILE)
    for label in page.locator("#filters label").all():
        box = label.bounding_box()
        assert box["x"] + box["width"] <= 390


def test_two_hundred_runs_are_a_page_under_three_megabytes(tmp_path):
    """With digits, environments and commands as long as those of real runs."""
    chance = np.random.default_rng(0)
    libraries = {f"library_{number}": f"{number}.{number}.0" for number in range(20)}
    records = []
    for number in range(200):
        record = make_record(
            ("numpy", "keras", "tensorflow", "torch", "jax")[number % 5],
            ("one_hidden", "two_hidden")[number // 5 % 2],
            (0.001, 0.01, 0.03, 0.1, 0.3)[number // 10 % 5],
            seed=number // 50,
            n_epochs=20,
        )
        epochs = [
            replace(
                epoch, train_loss=chance.random(), validation_loss=chance.random(),
                validation_accuracy=chance.random(), train_seconds=chance.random(),
            )
            for epoch in record.epochs
        ]  # fmt: skip
        wrong = [int(chance.integers(100)) for _ in range(100)]
        matrix = tuple(tuple(wrong[10 * row : 10 * row + 10]) for row in range(10))
        records.append(
            replace(
                record,
                run_id=f"{record.run_id}-{chance.integers(2**32):08x}",
                epochs=tuple(epochs),
                environment=record.environment | {"libraries": libraries},
                examples_per_second=1e5 * chance.random(),
                flops_utilisation=chance.random(),
                test_accuracy=chance.random(),
                confusion_matrix=matrix,
                sample_predictions=tuple(range(3)),
            )
        )
    page = write_sweep(tmp_path / "large", records)
    assert 1_000_000 < page.stat().st_size < 3_000_000


@functools.cache
def page_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_policy_lets_nothing_be_loaded_or_made_into_code(ordinary):
    policy = page_of(ordinary).partition('Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src &#39;none&#39;; img-src data:;")
    assert "unsafe" not in policy
    assert "http" not in policy


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
