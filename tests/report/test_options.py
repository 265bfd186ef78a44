"""What `bench-report` may be asked for besides a folder."""

from __future__ import annotations

import sys

import msgspec
import pytest

from bench.contract import RunError
from bench.regression import history
from bench.report.command import main
from tests.regression.test_history import entry
from tests.report.conftest import make_record


@pytest.fixture
def report(monkeypatch, capsys):
    """Run the command; return its exit status and what it printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["bench-report", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return run


def names(folder):
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.mark.parametrize(
    ("formats", "written", "not_written"),
    [
        ("csv", {"runs.csv", "curves.csv"}, {"report.md", "index.html"}),
        ("md", {"report.md", "runs.csv"}, {"index.html"}),
        ("html,csv", {"index.html", "runs.csv"}, {"report.md"}),
        ("all", {"index.html", "report.md", "runs.csv", "curves.csv"}, set()),
    ],
)
def test_only_what_is_asked_for_is_written(report, write, formats, written, not_written):
    folder = write(make_record("numpy"), make_record("keras"))
    status, printed = report(folder, f"--format={formats}")
    assert status == 0, printed
    assert written <= names(folder / "report")
    assert not not_written & names(folder / "report")
    assert ("examples/s" in printed) == (formats == "all")


def test_the_terminal_needs_no_folder(report, write):
    folder = write(make_record("numpy"), make_record("keras"))
    status, printed = report(folder, "--format=terminal")
    assert status == 0
    assert "keras" in printed
    assert "report" not in names(folder)


def test_a_format_that_there_is_not_is_refused(report, write):
    status, printed = report(write(make_record()), "--format=md,pdf")
    assert status == 2
    assert "--format=pdf: must be one of html, md, csv, terminal, all" in printed


def test_failed_runs_can_fail_the_command(report, write):
    failed = make_record("keras", status="failed", error=RunError(type="E", message="planted"))
    folder = write(make_record("numpy"), failed)
    assert report(folder, "--format=terminal")[0] == 0
    assert report(folder, "--format=terminal", "--fail-on=failed")[0] == 1


def test_several_sweeps_are_one_report(report, write, tmp_path):
    first = write(make_record("numpy"))
    second = first.rename(first.with_name("second"))
    third = write(make_record("keras"))
    status, printed = report(second, third, "--format=md", "--output", tmp_path / "both")
    assert status == 0, printed
    page = (tmp_path / "both" / "report.md").read_text()
    assert "second/numpy" in page
    assert "fixture/keras" in page


def test_time_is_taken_to_the_accuracy_asked_for(report, write):
    folder = write(make_record("numpy", accuracy=0.8), make_record("keras", accuracy=0.6))
    status, printed = report(folder, "--format=md", "--target=0.79")
    assert status == 0, printed
    page = (folder / "report" / "report.md").read_text()
    assert "| 0.79 |" in page
    assert "not reached" in page


def test_speed_over_commits_is_drawn_with_its_changes(report, write):
    folder = write(make_record("numpy"))
    ratios = [1.0, 1.001, 0.8, 0.801, 0.799]
    entries = [entry(number, ratio) for number, ratio in enumerate(ratios)]
    history.append(folder.parent / "history.jsonl", entries)
    status, printed = report(folder, "--format=md,html")
    assert status == 0, printed
    for page in ("report.md", "index.html"):
        content = (folder / "report" / page).read_text()
        assert "25% faster from 0000000 on" in content
    assert (folder / "report" / "speed_over_commits.png").stat().st_size > 10_000


def test_a_damaged_history_is_named(report, write):
    folder = write(make_record("numpy"))
    (folder.parent / "history.jsonl").write_bytes(msgspec.json.encode({"cell": 1}))
    status, printed = report(folder, "--format=md")
    assert status == 2
    assert "history.jsonl, line 1: not an entry" in printed
    assert report(folder, "--history=nowhere", "--format=md") == (
        2, "bench-report: --history=nowhere: no such file\n"
    )  # fmt: skip
