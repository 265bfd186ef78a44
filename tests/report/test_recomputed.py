"""Every number of report.md's tables, recomputed from the record files by other means."""

from __future__ import annotations

import json
import math
import re
import statistics
import sys

import pytest

from bench.report.command import main
from tests.report.conftest import make_record

SPEEDS = {"numpy": 1200.0, "keras": 310.0}


@pytest.fixture
def told(write, monkeypatch):
    """The page and, as plain JSON, the records that it was made from."""
    records = [
        make_record(
            name, architecture, rate, seed, accuracy=0.8 + rate / 10 + seed / 1000,
            test_accuracy=0.78 + rate / 10 + seed / 500, examples_per_second=speed + 10 * seed,
        )
        for name, speed in SPEEDS.items()
        for architecture in ("one_hidden", "two_hidden")
        for rate in (0.01, 0.1)
        for seed in (0, 1, 2)
    ]  # fmt: skip
    folder = write(*records)
    monkeypatch.setattr(sys, "argv", ["bench-report", str(folder), "--format=md"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    stored = [json.loads(path.read_text()) for path in folder.glob("*/record.json")]
    return (folder / "report" / "report.md").read_text(), stored


def tables(page):
    """The first table of each section, as lists of rows by heading."""
    found = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        first = (section.partition("\n|")[1] + section.partition("\n|")[2]).strip()
        lines = first.partition("\n\n")[0].splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        found[title] = [dict(zip(cells[0], row, strict=True)) for row in cells[2:]] if cells else []
    return found


def mine(stored, row, rate=None):
    """The records that a row is about."""
    return [
        record
        for record in stored
        if record["config"]["implementation"]["name"] == row["implementation"]
        and record["config"]["architecture"]["name"]
        == row.get("architecture", record["config"]["architecture"]["name"]).replace("\\", "")
        and (rate is None or record["config"]["learning_rate"] == rate)
    ]


def mean(records, get):
    return statistics.fmean(get(record) for record in records)


def test_the_comparison(told):
    page, stored = told
    rows = tables(page)["Comparison"]
    assert len(rows) == 4
    for row in rows:
        by_rate = {rate: mine(stored, row, rate) for rate in (0.01, 0.1)}
        best = max(
            by_rate, key=lambda rate: mean(
                by_rate[rate], lambda record: record["epochs"][-1]["validation_accuracy"])
        )  # fmt: skip
        group = by_rate[best]
        speeds = [
            record["examples_per_epoch"] / epoch["train_seconds"]
            for record in group for epoch in record["epochs"] if epoch["train_seconds"]
        ]  # fmt: skip
        speed = statistics.median(record["examples_per_second"] for record in group)
        rivals = [mine(stored, row | {"implementation": name}, best) for name in SPEEDS]
        fastest = max(
            statistics.median(record["examples_per_second"] for record in rival) for rival in rivals
        )
        tests = [record["test_accuracy"] for record in group]
        # Student's t for 2 degrees of freedom at 0.975, from a printed table.
        margin = 4.302653 * statistics.stdev(tests) / math.sqrt(3)
        reached = [
            sum(e["train_seconds"] for e in record["epochs"][: number + 1])
            for record in group
            for number in [next(
                n for n, e in enumerate(record["epochs"])
                if e["validation_accuracy"] >= float(row["target"]))]
        ]  # fmt: skip
        assert row["learning rate"] == f"{best:g}"
        assert row["seeds"] == "3"
        validation = mean(group, lambda record: record["epochs"][-1]["validation_accuracy"])
        assert row["validation accuracy"] == f"{validation:.4f}"
        assert row["test accuracy"] == f"{statistics.fmean(tests):.4f} ± {margin:.4f}"
        assert row["examples/s"] == f"{speed:,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f})"
        assert row["ratio"] == f"{speed / fastest:.2f}"
        assert row["rank"] == ("1" if speed == fastest else "2")
        assert row["ceiling"] == f"{mean(group, lambda record: record['flops_utilisation']):.0%}"
        assert row["s to target"] == f"{statistics.median(reached):.1f}"
        warm_up = mean(group, lambda record: record["seconds"]["warm_up"])
        assert row["with warm-up"] == f"{statistics.median(reached) + warm_up:.1f}"
        assert row["warm-up s"] == f"{warm_up:.2f}"
        assert row["train s"] == f"{mean(group, lambda record: record['seconds']['train']):.1f}"
        assert row["total s"] == f"{mean(group, lambda record: record['seconds']['total']):.1f}"
        assert row["peak memory MB"] == "123"


def test_accuracy_by_rate(told):
    page, stored = told
    for row in tables(page)["Test accuracy by learning rate"]:
        for rate in (0.01, 0.1):
            expected = mean(mine(stored, row, rate), lambda record: record["test_accuracy"])
            assert row[f"rate {rate:g}"].strip("*") == f"{expected:.4f}"


def test_the_ledger(told):
    page, stored = told
    for row in tables(page)["Where the time goes"]:
        group = mine(stored, row)
        assert row["runs"] == str(len(group))
        for part in ("train", "warm_up", "evaluate"):
            expected = statistics.fmean(record["seconds"][part] for record in group)
            assert row[part.replace("_", " ")] == f"{expected:.2f}"


def test_the_runs(told):
    page, stored = told
    listed = {row["run"].strip("`"): row for row in tables(page)["Runs"]}
    assert set(listed) == {record["run_id"] for record in stored}
    for record in stored:
        row = listed[record["run_id"]]
        assert row["test accuracy"] == f"{record['test_accuracy']:.4f}"
        assert row["examples/s"] == f"{record['examples_per_second']:,.0f}"
        assert row["train s"] == f"{record['seconds']['train']:.1f}"
        assert row["epochs"] == str(len(record["epochs"]) - 1)


def test_the_ratio_in_words_and_its_interval(told):
    page, stored = told
    sentence = re.search(r"one\\_hidden: \*\*numpy\*\* is fastest, ([\d.]+) .*?over (\d+) pairs of "
                         r"runs: ([\d.]+) to ([\d.]+)", page)  # fmt: skip
    speed = {
        name: {
            (record["config"]["learning_rate"], record["config"]["seed"]): record[
                "examples_per_second"
            ]
            for record in mine(stored, {"implementation": name, "architecture": "one_hidden"})
        }
        for name in SPEEDS
    }
    logs = [math.log(speed["numpy"][key] / speed["keras"][key]) for key in speed["numpy"]]
    # Student's t for 5 degrees of freedom at 0.975.
    margin = 2.570582 * statistics.stdev(logs) / math.sqrt(6)
    middle = statistics.fmean(logs)
    assert sentence[2] == "6"
    assert sentence[3] == f"{math.exp(middle - margin):.2f}"
    assert sentence[4] == f"{math.exp(middle + margin):.2f}"
