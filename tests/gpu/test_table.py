"""The table: medians, the share of the card's peak, and rows for what did not run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.gpu.table import HEADINGS, page
from bench.records import RunError
from bench.results.store import Sweep
from tests.report.conftest import make_record, verdicts_for

CARD = {"gpu": "NVIDIA H100", "gpu_peak_flops_per_second": 6.69e13, "imported": {"torch": "2.11"}}


def on_card(name, speed, seed=0, **changes):
    record = make_record(name, seed=seed, environment=CARD)
    made_with = {"gpu driver": "580.1", "processor": "A processor", "number of cores": "4"}
    return replace(
        record, peak_memory_bytes=3_200_000_000 + seed, examples_per_epoch=54_000,
        examples_per_second=speed, flops_per_example=407_040, made_with=made_with, **changes,
    )  # fmt: skip


def sweep_of(*records, verdicts=None):
    return Sweep(
        folder=Path("gpu"), name="gpu", plan=None, records=records, unreadable=(), missing=(),
        datasets=(), verdicts=verdicts_for(records) if verdicts is None else verdicts, copies=(),
        n_without_checksum=0,
    )  # fmt: skip


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("| 784")]
    return [
        dict(zip(HEADINGS, (cell.strip() for cell in line.strip("|").split("|")), strict=True))
        for line in lines
    ]


def test_a_row_has_the_median_of_the_runs_and_the_share_of_the_peak():
    records = [on_card("torch", speed, seed) for seed, speed in enumerate((1e6, 3e6, 2e6))]
    text = page(sweep_of(*records), {})
    (row,) = rows(text)
    assert row["examples/s"] == "2,000,000"
    assert row["epoch (ms)"] == "27.0"
    assert row["memory (MB)"] == "3,200"
    assert row["parity"] == "passed"
    assert row["runs"] == "3"
    share = float(row["share of the card's float32 peak"].rstrip("%")) / 100
    assert share == pytest.approx(2e6 * 407_040 / 6.69e13, abs=5e-5)
    for fact in ("NVIDIA H100", "66.9 TFLOP/s", "580.1", "A processor", "torch 2.11"):
        assert fact in text.replace("\\", "")


def test_an_implementation_that_did_not_run_has_a_row_with_the_reason():
    error = RunError(type="Unavailable", message="CuPy finds no GPU")
    skipped = replace(make_record("numpy", status="skipped", error=error), environment={})
    (row,) = rows(page(sweep_of(skipped), {}))
    assert row["parity"] == "skipped: CuPy finds no GPU"
    assert (row["examples/s"], row["runs"]) == ("-", "0")


def test_a_row_shows_that_parity_was_not_proved():
    record = on_card("torch", 1e6)
    assert rows(page(sweep_of(record, verdicts=()), {}))[0]["parity"] == "not checked"
    (verdict,) = verdicts_for([record])
    failed = replace(verdict, rungs=(replace(verdict.rungs[0], distance=1.0),))
    assert rows(page(sweep_of(record, verdicts=(failed,)), {}))[0]["parity"] == "**not passed**"


def test_a_run_without_a_known_peak_or_memory_has_dashes():
    record = replace(on_card("torch", 1e6), environment={}, peak_memory_bytes=None)
    (row,) = rows(page(sweep_of(record), {}))
    assert (row["memory (MB)"], row["share of the card's float32 peak"]) == ("-", "-")


def test_the_end_of_the_other_outputs_is_a_part_of_the_page():
    text = page(sweep_of(), {"Parity": "x" * 9000 + "\n9 of 9 passed"})
    assert "## Parity" in text
    assert "9 of 9 passed" in text
    assert len(text) < 9000
