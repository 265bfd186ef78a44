"""The findings of a report as a list."""

from __future__ import annotations

import json
import typing

import msgspec
import pytest

import bench
from bench.report import command
from tests.report.conftest import make_record, write  # noqa: F401  # a fixture


@pytest.fixture
def folder(write):  # noqa: F811
    return write(
        make_record("numpy", examples_per_second=2000.0),
        make_record("numpy", seed=1, examples_per_second=2020.0),
        make_record("keras", examples_per_second=1000.0, colour="#D55E00"),
        make_record("keras", seed=1, examples_per_second=1010.0, colour="#D55E00"),
    )


def test_findings_are_those_of_the_report(folder, call):
    found = bench.compare(bench.load_runs(folder))
    assert call(command.main, folder, "--format=json")[0] == 0
    written = json.loads((folder / "report" / "findings.json").read_text())["findings"]
    assert json.loads(msgspec.json.encode(found)) == written
    fastest = next(finding for finding in found if finding.claim == "fastest")
    assert (fastest.subject, fastest.value) == ("numpy", pytest.approx(2))


def test_findings_print_as_sentences_and_become_a_frame(folder):
    found = bench.compare(folder)
    assert str(found).splitlines() == found.sentences
    assert "**" not in str(found)
    assert found.headline.startswith("numpy is 2.00 times as fast as keras")
    assert found._repr_html_().count("<li>") == len(found.sentences)
    frame = found.to_frame()
    assert len(frame) == len(found)
    assert list(frame) == list(typing.get_type_hints(bench.Finding))


def test_names_from_records_are_no_markup(write):  # noqa: F811
    folder = write(make_record("<b>"), make_record("numpy", examples_per_second=10.0))
    assert "<b>" in str(bench.compare(folder))
    assert "<b>" not in bench.compare(folder)._repr_html_()


def test_only_the_chosen_runs_are_compared(folder):
    runs = bench.load_runs(folder)
    found = bench.compare(runs[runs["implementation"] == "keras"])
    assert {run_id for finding in found for run_id in finding.run_ids} <= {
        run_id for run_id in runs["run_id"] if run_id.startswith("keras")
    }
    assert any(finding.claim == "only" for finding in found)
