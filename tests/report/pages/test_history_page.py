"""history.html: the speed over commits as a page of its own."""

from __future__ import annotations

import html
import re

import pytest

from bench.report.pages import history_page
from tests.results.test_history import entry

POINT = re.compile(r'aria-roledescription="point"[^>]*transform="translate\([\d.]+,([\d.]+)\)"')


@pytest.fixture
def write(tmp_path):
    """Write the page of some entries; return its text without tags."""

    def write_page(entries):
        page = history_page.write_page(entries, tmp_path / "site").read_text()
        return page, html.unescape(re.sub(r"<[^>]*>", " ", page))

    return write_page


def test_changes_are_named_with_the_subject_of_their_commit(write):
    ratios = [1.0, 1.0, 1.0, 1.08, 1.08, 1.08]
    entries = [entry(n, ratio, subject=f"Change {n}") for n, ratio in enumerate(ratios)]
    page, text = write(entries)
    assert "8.0 % slower from 0000000 (Change 3) on" in text
    assert ">+8%</text>" in page
    places = [float(y) for y in POINT.findall(page)]
    assert len(places) == 6
    assert places[0] == places[2] > places[3] == places[5]


def test_every_metric_and_case_has_a_chart(write):
    entries = [entry(n, metric=metric) for n in range(3) for metric in ("step", "memory")]
    _, text = write(entries)
    assert "numpy-one_hidden-32, memory" in text
    assert "numpy-one_hidden-32, time of a step" in text
    assert "no change in 3 commits" in text


def test_what_is_learned_differently_is_shown_until_it_is_accepted(write):
    entries = [entry(0), entry(1, learns_something_else=True, subject="Sum")]
    page, text = write(entries)
    points = re.findall(r'<path[^>]*aria-roledescription="point"[^>]*>', page)
    assert ["fill=" in point for point in points] == [True, False]
    assert "learns something else from 0000000 (Sum) on" in text
    entries.append(entry(2, learns_something_else=True, accepted="float64", subject="Sum"))
    _, text = write(entries)
    assert "accepted with 0000000 (Sum): float64" in text
    assert "learns something else from" not in text


def test_a_subject_with_markup_is_text(write):
    page, _ = write([entry(0, subject="<script>alert(1)</script>")])
    assert "<script" not in page


def test_a_history_of_one_commit_or_none_has_a_page(write):
    assert "0000000" in write([entry(0)])[1]
    assert "No commit is recorded yet." in write([])[1]
