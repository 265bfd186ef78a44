"""index.html for every reader: any width, scheme, aid or paper, no JavaScript, hostile records."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.console import printable
from bench.records import RunError
from tests.report.browsing import drawn, needs_chromium, painted
from tests.report.conftest import make_record, write_sweep

pytestmark = needs_chromium
HOSTILE = (
    "<script>document.title='stolen'</script>", "</script><img src=x onerror=alert(1)>",
    "quotes ' \" ` and \\", "\u202eright to left \u05d0\u05d1", "smile \U0001f600", "*bold* [a](http://b)",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_charts_are_drawn_without_error_or_request(visit, ordinary, width, scheme):
    page = visit(ordinary, width, color_scheme=scheme)
    assert page.messages == []
    assert [url for url in page.requests if not url.startswith("data:")] == [ordinary.as_uri()]
    assert page.locator(".panel canvas").count() == page.locator(".panel:visible").count() >= 16
    assert painted(page, "[data-chart=accuracy_by_seconds]") > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_there_are_pictures_and_commands_in_black_on_white(visit, ordinary, scheme):
    page = visit(ordinary, color_scheme=scheme)
    page.get_by_role("checkbox", name="keras").uncheck()
    drawn(page, 2)
    page.emulate_media(media="print", color_scheme=scheme)
    page.set_viewport_size({"width": 980, "height": 700})  # Letter between its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 980
    n_charts = page.locator("figure.chart:visible").count()
    assert page.locator("figure.chart img:visible").count() == n_charts >= 8
    assert page.locator("canvas:visible, #filters:visible, .numbers:visible").count() == 0
    assert page.get_by_text("bench -m implementation=keras,numpy").first.is_visible()
    assert "the pictures show all" in page.locator("#paper:visible").inner_text()
    style = "getComputedStyle(document.body)"
    assert page.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(f"{style}.color") == "rgb(26, 26, 26)"
    assert page.evaluate("getComputedStyle(document.querySelector('img.still')).filter") == "none"
    assert len(page.pdf()) > 100_000


def test_without_javascript_there_are_pictures_and_tables(visit, ordinary):
    page = visit(ordinary, java_script_enabled=False)
    n_charts = page.locator("figure.chart:visible").count()
    assert page.locator("figure.chart img:visible").count() == n_charts >= 8
    assert page.locator("table:visible").count() >= 6
    assert page.locator("#filters").is_hidden()
    assert page.locator(".panels:visible, .live:visible").count() == 0
    assert "A point is a run" in page.locator("#training_speed figcaption").inner_text()
    assert page.get_by_text("slowest epoch").first.is_hidden()
    page.get_by_label("All columns").first.check()
    assert page.locator("th", has_text="slowest epoch").is_visible()
    page.get_by_text("More learning curves").click()
    assert page.locator("#loss_by_epochs img").is_visible()


@pytest.mark.parametrize("width", [1100, 1400])
def test_the_comparison_fits_the_width_of_the_page(visit, ordinary, width):
    page = visit(ordinary, width)
    box = page.locator("[aria-label=Comparison]")
    assert box.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_rows_are_cards_on_a_phone(visit, ordinary):
    page = visit(ordinary, 390)
    box = page.locator("[aria-label=Comparison]")
    assert box.evaluate("element => element.scrollWidth <= element.clientWidth")
    speeds = box.locator("td[data-label='examples/s']")
    label = speeds.first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"examples/s"'


def test_a_failed_implementation_keeps_its_row_with_the_reason(visit, ordinary):
    page = visit(ordinary)
    row = page.locator("[aria-label=Comparison] tr", has_text="torch")
    assert "failed" in row.inner_text()
    assert "no luck" in row.inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "dark")])
def test_axe_finds_nothing_serious(visit, ordinary, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(ordinary, width, color_scheme=scheme, bypass_csp=True)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.locator("#training_speed .numbers table").wait_for()
    page.locator("#loss_by_epochs canvas").first.wait_for()
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
    assert page.messages == []
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("main a").count() == 0
    text = page.locator("body").inner_text()
    for words in HOSTILE:
        assert printable(words) in text


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
