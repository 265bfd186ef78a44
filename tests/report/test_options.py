"""The options of `bench-report`."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from bench.records import RunError
from bench.report import command
from bench.results import history, store
from tests.report.conftest import make_record
from tests.results.test_history import entry


@pytest.fixture
def report(call, leave_out_pictures):
    """Run the command; return its exit status and what it printed."""

    def run(*words, pictures=False):
        if not pictures:  # which take most of the time
            leave_out_pictures()
        status, out, err = call(command.main, *words)
        return status, out + err

    return run


def names(folder):
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.mark.parametrize(
    ("formats", "written", "not_written"),
    [
        ("csv", {"runs.csv", "curves.csv"}, {"report.md", "index.html"}),
        ("md", {"report.md"}, {"index.html", "runs.csv", "curves.csv"}),
        ("html,csv", {"index.html", "runs.csv"}, {"report.md"}),
        ("all", {"index.html", "report.md", "runs.csv", "curves.csv"}, set()),
    ],
)
def test_only_the_given_formats_are_written(report, write, formats, written, not_written):
    folder = write(make_record("numpy"), make_record("keras"))
    status, printed = report(folder, f"--format={formats}")
    assert status == 0, printed
    assert written <= names(folder / "report")
    assert not not_written & names(folder / "report")
    assert ("examples/s" in printed) == (formats == "all")


def test_a_page_that_it_has_not_written_is_never_overwritten(report, write, tmp_path):
    folder, site = write(make_record()), tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("mine")
    status, printed = report(folder, "--format=html", f"--output={site}")
    assert status == 2
    assert f"{site / 'index.html'}: not written by bench-report" in printed
    assert (site / "index.html").read_text() == "mine"
    assert [report(folder, "--format=html")[0] for _ in range(2)] == [0, 0]


def test_the_terminal_needs_no_folder(report, write):
    folder = write(make_record("numpy"), make_record("keras"))
    status, printed = report(folder, "--format=terminal")
    assert status == 0
    assert "keras" in printed
    assert "report" not in names(folder)


def test_an_unknown_format_is_refused(report, write):
    status, printed = report(write(make_record()), "--format=md,pdf")
    assert status == 2
    assert "argument --format: 'pdf': must be one of html, md, csv, json, terminal, all" in printed


def test_failed_runs_can_fail_the_command(report, write):
    failed = make_record("keras", status="failed", error=RunError(type="E", message="planted"))
    folder = write(make_record("numpy"), failed)
    assert report(folder, "--format=terminal")[0] == 0
    assert report(folder, "--format=terminal", "--fail-on=failed")[0] == 1


@pytest.mark.parametrize("content", [None, "{"])
def test_a_missing_or_damaged_record_can_fail_the_command(report, write, content):
    folder = write(make_record("numpy"), planned=("lost",))
    if content is not None:
        (folder / "lost").mkdir()
        (folder / "lost" / "record.json").write_text(content)
    status, printed = report(folder, "--format=terminal", "--fail-on=failed")
    assert status == 1
    words = "Not finished: 1 planned run, such as lost" if content is None else "Not read: "
    assert words in printed
    assert report(folder, "--format=terminal")[0] == 0


def test_several_sweeps_are_one_report(report, write, tmp_path):
    first = write(make_record("numpy"))
    second = first.rename(first.with_name("second"))
    third = write(make_record("keras"))
    status, printed = report(second, third, "--format=md", "--output", tmp_path / "both")
    assert status == 0, printed
    page = (tmp_path / "both" / "report.md").read_text()
    assert "second/numpy" in page
    assert "fixture/keras" in page


def test_the_time_to_the_given_accuracy(report, write):
    folder = write(make_record("numpy", accuracy=0.8), make_record("keras", accuracy=0.6))
    status, printed = report(folder, "--format=md", "--target=0.79")
    assert status == 0, printed
    page = (folder / "report" / "report.md").read_text()
    assert "| s to validation accuracy 0.79 |" in page
    assert "not reached" in page


def test_speed_over_commits_is_drawn_with_its_changes(report, write):
    folder = write(make_record("numpy"))
    ratios = [1.0, 1.0, 0.8, 0.8, 0.8]
    entries = [entry(number, ratio) for number, ratio in enumerate(ratios)]
    history.append(folder.parent / "history.jsonl", entries)
    status, printed = report(folder, "--format=md,html", pictures=True)
    assert status == 0, printed
    for page in ("report.md", "index.html"):
        content = (folder / "report" / page).read_text()
        assert "25.0 % faster from 0000000 on" in content


def test_a_pipe_as_history_is_refused(report, write):
    folder = write(make_record("numpy"))
    path = folder.parent / "history.jsonl"
    os.mkfifo(path)
    assert report(folder, "--format=md") == (2, f"bench-report: {path}: not a plain file\n")


def test_a_damaged_history_is_named_and_the_report_is_made(report, write):
    folder = write(make_record("numpy"))
    damaged = folder.parent / "history.jsonl"
    damaged.write_bytes(msgspec.json.encode({"cell": 1}) + b"\n")
    history.append(damaged, [entry(0, 1.0)])
    for words in ([], [f"--history={damaged}"]):
        status, printed = report(folder, "--format=md", *words, pictures=True)
        assert status == 0
        assert "history.jsonl, line 1: left out" in printed
        assert "speed_over_commits.png" in (folder / "report" / "report.md").read_text()
    assert report(folder, "--history=nowhere", "--format=md") == (
        2, "bench-report: nowhere: no such file\n"
    )  # fmt: skip


def test_a_history_alone_is_written_as_a_page(report, tmp_path):
    path = tmp_path / "history.jsonl"
    assert report(path) == (2, f"bench-report: {path}: no such file\n")
    history.append(path, [entry(0)])
    assert report(path) == (0, f"Report: {tmp_path / 'history.html'}\n")
    assert report(path, "--output", tmp_path / "site")[0] == 0
    assert (tmp_path / "site" / "history.html").is_file()
    for words in (["--format=md"], ["--target=0.8"], [f"--history={path}"], [tmp_path]):
        assert report(path, *words) == (
            2, f"bench-report: {path}: with a history, only --output has an effect\n"
        )  # fmt: skip


@pytest.mark.parametrize("target", ["80", "-0.1", "nan", "much"])
def test_a_target_outside_0_to_1_is_refused(report, write, target):
    status, printed = report(write(make_record()), f"--target={target}")
    assert status == 2
    assert f"--target: '{target}': must be a number from 0 to 1, such as 0.85" in printed


def test_a_planned_sweep_without_records_is_a_page_that_says_so(report, write):
    folder = write(planned=("never-run",))
    status, printed = report(folder)
    assert status == 2
    assert "no records, so there is nothing to report; planned and not finished: 1" in printed
    for page in ("report.md", "index.html"):
        content = (folder / "report" / page).read_text()
        assert "There is no record here" in content
        assert "never-run" in content


def test_sweeps_of_the_same_name_get_distinct_names_and_common_records_count_once(
    report, write, tmp_path
):
    folder = write(make_record("numpy", seed=0), make_record("keras"))
    twice = tmp_path / "elsewhere" / "fixture"
    shutil.copytree(folder, twice)
    shutil.rmtree(next(twice.glob("keras-*")))
    store.write_record(twice, make_record("numpy", seed=1, test_accuracy=0.8))
    status, printed = report(
        folder, twice, folder, "--format=md,csv", "--output", tmp_path / "both"
    )
    assert status == 0, printed
    listed = pd.read_csv(tmp_path / "both" / "runs.csv")["run_id"]
    assert sorted(listed.str.partition("/numpy")[0].str.partition("/keras")[0]) == [
        "elsewhere/fixture", "results/fixture", "results/fixture",
    ]  # fmt: skip
    page = (tmp_path / "both" / "report.md").read_text()
    assert "1 duplicate record is ignored" in page


def test_a_sweep_given_as_a_dot_has_its_folders_name(report, write, monkeypatch):
    monkeypatch.chdir(write(make_record()))
    assert report(".", "--format=md")[0] == 0
    assert Path("report/report.md").read_text().startswith("# fixture\n")


def test_a_folder_that_is_no_sweep_gets_a_hint_and_no_report(report, write):
    folder = write(make_record())
    (run_folder,) = (path.parent for path in folder.glob("*/record.json"))
    for wrong in (folder.parent, run_folder):
        status, printed = report(wrong)
        assert status == 2
        assert f"bench-report: {wrong}: " in printed
        assert str(folder) in printed
        assert "report" not in names(wrong)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format=csv", "--target=0.8"], "--target needs the format html or md; --format is csv"),
        (
            ["--format=csv,terminal", "--history=h.jsonl"],
            "--history needs the format html or md; --format is csv,terminal",
        ),
        (
            ["--format=terminal", "--output=x"],
            "--output needs a format with files: html, md, csv or json",
        ),
    ],
)
def test_an_option_without_effect_is_refused(report, write, words, message):
    status, printed = report(write(make_record()), *words)
    assert status == 2
    assert message in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("words", [[""], ["sweep", "--output="], ["sweep", "--history="]])
def test_an_empty_path_is_refused(report, words):
    status, printed = report(*words)
    assert status == 2
    assert "is empty" in printed


def test_a_full_disk_is_named_and_leaves_no_half_written_file(report, write, monkeypatch):
    folder = write(make_record())

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, printed = report(folder, "--format=csv,terminal")
    assert status == 2
    assert f"{folder / 'report'}: can't write runs.csv: No space left on device" in printed
    assert names(folder / "report") == set()


def test_a_run_folder_that_cannot_be_read_does_not_cost_the_report(report, write):
    folder = write(make_record())
    (folder / "broken").symlink_to(folder / "broken")
    status, printed = report(folder, "--format=md")
    assert status == 0, printed
    page = (folder / "report" / "report.md").read_text()
    assert "**Left out: 1 file or folder that cannot be used**" in page
    assert "broken" in page
