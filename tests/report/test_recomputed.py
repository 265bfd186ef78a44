"""Every number of report.md, recomputed from the record files by other means."""

from __future__ import annotations

import json
import math
import re
import statistics
from dataclasses import replace

import pytest

from bench.records import RunError, Seconds
from bench.report.pages.writing import write_report
from bench.results import store
from tests.report.conftest import ENVIRONMENT, make_record, verdicts_for, write_records

SPEEDS = {"numpy": 1200.0, "keras": 310.0}
MACHINE = {"python": "3.11", "platform": "Linux-6"}
PARTS = ("start_up", "data", "setup", "warm_up", "train", "evaluate", "ceiling", "other")
# Student's t at 0.975, from a printed table, by degrees of freedom.
T = {2: 4.302653}


def records():
    """Two implementations, architectures and rates, three seeds; and failed ones."""
    runs = [
        make_record(
            name, architecture, rate, seed, accuracy=0.8 + rate / 10 + seed / 1000,
            test_accuracy=0.78 + rate / 10 + seed * slope, examples_per_second=speed + 10 * seed,
        )
        for name, speed, slope in (
            ("numpy", SPEEDS["numpy"], 0.002), ("keras", SPEEDS["keras"], 0.0031),
        )
        for architecture in ("one_hidden", "two_hidden")
        for rate in (0.01, 0.1)
        for seed in (0, 1, 2)
    ]  # fmt: skip
    for number, record in enumerate(runs):
        parts = {part: 0.01371 * (number + 1) * (place + 1) for place, part in enumerate(PARTS)}
        readings = {"before": 1e11 + 1e9 * number, "after": 1.5e11 - 2e9 * number}
        environment = ENVIRONMENT | MACHINE | {
            "noisy": number % 7 == 3, "cores_kept_busy": 1 + number / 100,
            "ceiling_flops_per_second": readings,
            "linear_algebra": [
                {"internal_api": "openblas", "architecture": "Zen" if number else "Haswell"},
                {"internal_api": "mkl", "architecture": None},
            ],
        }  # fmt: skip
        runs[number] = replace(
            record, environment=environment, flops_utilisation=0.3 + number / 100,
            peak_memory_bytes=10**8 + 10**6 * number,
            seconds=Seconds(**parts, total=sum(parts.values())),
        )  # fmt: skip
    error = RunError(type="E", message="planted")
    return [
        *runs,
        make_record("torch", status="failed", error=error, environment=ENVIRONMENT | MACHINE),
        make_record("torch", seed=1, status="diverged", environment=ENVIRONMENT | MACHINE),
        make_record("torch", seed=2, status="skipped", error=error, environment={}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page_and_records(tmp_path_factory):
    """The page and, as plain JSON, the records that it was made from."""
    folder = tmp_path_factory.mktemp("results") / "fixture"
    write_records(folder, records())
    page = write_report(store.read_sweep(folder), folder / "report", {"md"})
    stored = [json.loads(path.read_text()) for path in folder.glob("*/record.json")]
    return page.read_text(), stored


def answers(page):
    """The sentences that the page opens with, without Markdown's backslashes."""
    return page.partition("\n## ")[0].replace("\\", "")


def tables(page):
    """The tables by the start of their captions, as lists of rows by heading."""
    found, name = {}, ""
    for caption, block in re.findall(r"^([A-Z<][^\n]*)\n\n((?:\|.*\n)+)", page, re.MULTILINE):
        lines = [line.strip("|").split("|") for line in block.splitlines()]
        cells = [[cell.strip() for cell in line] for line in lines]
        rows = [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]
        if caption.startswith("<details>"):  # more columns of the table before it
            for row, more in zip(found[name], rows, strict=True):
                row.update(more)
        else:
            name = re.match("[^:.]*", caption)[0]
            found[name] = rows
    return found


def records_of(stored, row, rate=None):
    """Return the records of a row."""
    return [
        record
        for record in stored
        if record["config"]["implementation"]["name"] == row["implementation"]
        and record["config"]["architecture"]["name"]
        == row.get("condition", record["config"]["architecture"]["name"]).replace("\\", "")
        and (rate is None or record["config"]["learning_rate"] == rate)
    ]


def mean(records, get):
    return statistics.fmean(get(record) for record in records)


def shared_start_up(stored, row):
    """The mean over all runs of the implementation that has been imported once."""
    alike = [
        record for record in stored
        if record["config"]["implementation"]["name"] == row["implementation"]
    ]  # fmt: skip
    return mean(alike, lambda record: record["seconds"]["start_up"])


def total_seconds(stored, row, group):
    """The mean total, with the shared seconds of the import."""
    own = mean(group, lambda r: r["seconds"]["total"] - r["seconds"]["start_up"])
    return own + shared_start_up(stored, row)


def test_the_comparison(page_and_records):
    page, stored = page_and_records
    rows = tables(page)["Comparison"]
    assert len(rows) == 5
    for row in rows:
        if row["implementation"] == "torch":
            assert row["examples/s"] == "**failed, diverged, skipped**"
            assert row["compared"] == "planted"
            continue
        by_rate = {rate: records_of(stored, row, rate) for rate in (0.01, 0.1)}
        best = max(
            by_rate, key=lambda rate: mean(
                by_rate[rate], lambda record: record["epochs"][-1]["validation_accuracy"])
        )  # fmt: skip
        group, every = by_rate[best], records_of(stored, row)
        speeds = [
            record["examples_per_epoch"] / epoch["train_seconds"]
            for record in every for epoch in record["epochs"] if epoch["train_seconds"]
        ]  # fmt: skip
        rivals = {
            name: statistics.geometric_mean(
                record["examples_per_second"]
                for record in records_of(stored, row | {"implementation": name})
            )
            for name in SPEEDS
        }
        speed, fastest = rivals[row["implementation"]], max(rivals.values())
        tests = [record["test_accuracy"] for record in group]
        margin = T[2] * statistics.stdev(tests) / math.sqrt(3)
        highest = min(
            max(epoch["validation_accuracy"] for record in records_of(stored, row | {
                "implementation": name}, best) for epoch in record["epochs"])
            for name in SPEEDS
        )  # fmt: skip
        target = int(round(100 * highest, 6)) / 100
        reached = [
            sum(e["train_seconds"] for e in record["epochs"][: number + 1])
            for record in group
            for number in [next(
                n for n, e in enumerate(record["epochs"])
                if e["validation_accuracy"] >= target)]
        ]  # fmt: skip
        assert row["learning rate"] == f"{best:g}"
        assert row["seeds"] == "3"
        validation = mean(group, lambda record: record["epochs"][-1]["validation_accuracy"])
        assert row["validation accuracy"] == f"{validation:.4f}"
        assert row["test accuracy"] == f"{statistics.fmean(tests):.4f} ±{margin:.4f}"
        assert row["examples/s"] == f"{speed:,.0f}"
        assert row["slowest epoch"] == f"{min(speeds):,.0f}"
        assert row["fastest epoch"] == f"{max(speeds):,.0f}"
        slower = f"{fastest / speed:.2f}x slower"
        assert row["compared"] == ("fastest" if speed == fastest else slower)
        assert row["rank"] == ("1" if speed == fastest else "2")
        assert row["ceiling"] == f"{mean(every, lambda record: record['flops_utilisation']):.0%}"
        assert row[f"s to validation accuracy {target:.2f}"] == f"{statistics.median(reached):.1f}"
        warm_up = mean(every, lambda record: record["seconds"]["warm_up"])
        cold = [
            seconds + record["seconds"]["warm_up"]
            for seconds, record in zip(reached, group, strict=True)
        ]
        assert row["target with warm-up"] == f"{statistics.median(cold):.1f}"
        assert row["warm-up s"] == f"{warm_up:.2f}"
        assert row["train s"] == f"{mean(every, lambda record: record['seconds']['train']):.1f}"
        assert row["total s"] == f"{total_seconds(stored, row, every):.1f}"
        peak = max(record["peak_memory_bytes"] for record in every)
        assert row["memory MB"] == f"{peak / 1e6:.0f}"
        noisy = any(record["environment"]["noisy"] for record in every)
        assert row["other work"] == ("**seen**" if noisy else "none seen")


def test_accuracy_by_rate(page_and_records):
    page, stored = page_and_records
    rows = tables(page)["Test accuracy by learning rate"]
    assert len(rows) == 5
    for row in rows:
        for rate in (0.01, 0.1):
            group = records_of(stored, row, rate)
            if row["implementation"] == "torch":
                assert row[f"rate {rate:g}"] == (
                    "-" if not group else "**failed, diverged, skipped**"
                )
                continue
            expected = mean(group, lambda record: record["test_accuracy"])
            assert row[f"rate {rate:g}"].strip("*") == f"{expected:.4f}"


def test_the_ledger(page_and_records):
    page, stored = page_and_records
    rows = tables(page)["Seconds by activity"]
    assert len(rows) == 5
    for row in rows:
        if row["implementation"] == "torch":
            assert row["runs"] == "**failed, diverged, skipped**"
            assert row["train"] == row["total"] == "-"
            continue
        group = records_of(stored, row)
        assert row["runs"] == str(len(group)) == "6"
        for part in PARTS:
            expected = mean(group, lambda record, part=part: record["seconds"][part])
            if part == "start_up":
                expected = shared_start_up(stored, row)
            assert row[part.replace("_", " ")] == f"{expected:.2f}"
        assert row["total"] == f"{total_seconds(stored, row, group):.2f}"


def test_the_mistakes(page_and_records):
    page, stored = page_and_records
    rows = tables(page)["Mistakes"]
    assert len(rows) == 4
    for row in rows:
        best = max(
            records_of(stored, row), key=lambda record: record["epochs"][-1]["validation_accuracy"]
        )
        matrix = best["confusion_matrix"]
        wrong = {
            (truth, predicted): matrix[truth][predicted]
            for truth in range(10) for predicted in range(10) if truth != predicted
        }  # fmt: skip
        assert row["all mistakes"] == f"{sum(wrong.values()):,} of 10,000"
        listed = re.findall(r"(\d+) Kind (\d) taken for Kind (\d)", row["most frequent"])
        assert len(listed) == 5
        for count, truth, predicted in listed:
            assert wrong[int(truth), int(predicted)] == int(count)
        least = min(int(count) for count, *_ in listed)
        assert sum(count > least for count in wrong.values()) <= 5


def test_the_runs(page_and_records):
    page, stored = page_and_records
    listed = {row["run"].strip("`"): row for row in tables(page)["Runs"]}
    assert set(listed) == {record["run_id"] for record in stored}
    for record in stored:
        row = listed[record["run_id"]]
        done = record["status"] == "done"
        assert row["status"].strip("*") == record["status"]
        assert row["reason"] == (record["error"]["message"] if record["error"] else "")
        assert row["test accuracy"] == (f"{record['test_accuracy']:.4f}" if done else "-")
        assert row["examples/s"] == (f"{record['examples_per_second']:,.0f}" if done else "-")
        assert row["ceiling"] == (f"{record['flops_utilisation']:.0%}" if done else "-")
        assert row["train s"] == f"{record['seconds']['train']:.1f}"
        assert row["total s"] == f"{record['seconds']['total']:.1f}"
        assert row["epochs"] == str(len(record["epochs"]) - 1)
        seen = "seen" if record["environment"].get("noisy") else "none seen"
        assert row["other work"].strip("*").split(", ")[0] == (seen if done else "-")


def test_parity(page_and_records):
    page, _ = page_and_records
    rows = tables(page)["Parity"]
    verdicts = {verdict.implementation: verdict for verdict in verdicts_for(tuple(records()))}
    assert {row["implementation"] for row in rows} == set(verdicts) == {*SPEEDS, "torch"}
    for row in rows:
        verdict = verdicts[row["implementation"]]
        for rung in verdict.rungs:
            name = ("gradients", "one step", "fifty steps")[rung.number - 1]
            cell = row[name].replace("\\", "")
            assert cell == f"{rung.distance:.1e} (limit {rung.bound:.1e})"
        assert row["parity"] == "passed"
        assert row["code"] == f"`{verdict.source[:8]}`"


def test_the_fairness_sheet(page_and_records):
    page, stored = page_and_records
    for row in tables(page)["Differences between implementations"]:
        busy = [
            record["environment"]["cores_kept_busy"]
            for record in records_of(stored, row) if "cores_kept_busy" in record["environment"]
        ]  # fmt: skip
        assert row["cores kept busy"] == (f"{min(busy):.2f} to {max(busy):.2f}" if busy else "-")
        assert row["cores given"] == "2"


def test_the_environment(page_and_records):
    page, stored = page_and_records
    section = page.partition("## Environment")[2]
    cells = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE))
    assert cells["processor"] == "A processor"
    assert cells["Python"] == "3.11"
    assert cells["system"] == "Linux-6"
    assert cells["libraries"] == "numpy 2.0"
    assert cells["BLAS"] == "mkl; openblas, kernels for Haswell; openblas, kernels for Zen"
    ceilings = [
        reading / 1e9 for record in stored
        for reading in record["environment"].get("ceiling_flops_per_second", {}).values()
    ]  # fmt: skip
    assert cells["ceiling, float32 matrix multiplication"] == (
        f"{min(ceilings):,.0f} to {max(ceilings):,.0f} GFLOP/s"
    )


def test_the_counts_in_words(page_and_records):
    page, stored = page_and_records
    words = answers(page)
    for status in ("done", "failed", "diverged", "skipped"):
        count = sum(record["status"] == status for record in stored)
        assert re.search(rf"\*\*Runs: [^*]*\b{count} {status}\b", words)
    done = [record for record in stored if record["status"] == "done"]
    noisy = sum(record["environment"]["noisy"] for record in done)
    assert f"**The machine was not quiet** in {noisy} of {len(done)} runs" in words
    assert len(re.findall(r"^- 1 run of torch ", words, re.MULTILINE)) == 3
    assert "\n- The best learning rate is 0.1. **It is the highest rate tried: " in words
