"""Time loading the data, and a report of many records."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.data import datasets, locate
from bench.data.datasets import DatasetSettings
from bench.results import checksummed, store
from tests.conftest import SCRIPTS
from tests.report.conftest import SUMMARY, make_record, make_verdict

MAX_MEGABYTES = 500
NAMES = ("numpy", "keras", "jax", "torch")
ARCHITECTURES = ("one_hidden", "two_hidden", "three_hidden")
RATES = (0.01, 0.03, 0.1, 0.3)


def test_loading_fashion_mnist(benchmark):
    folder = locate.find()
    if folder is None:
        pytest.skip("Fashion-MNIST was not found; run: make data")
    settings = DatasetSettings(name="fashion_mnist")
    benchmark.pedantic(datasets.load, args=(settings, folder), rounds=5)


@pytest.mark.parametrize("n_records", [200, 1000, 10_000])
def test_report_of_many_records(benchmark, tmp_path, capsys, n_records):
    """Time the whole command as users run it, with twelve conditions."""
    write_records(tmp_path, n_records)
    seconds, memory_megabytes = benchmark.pedantic(report, args=(tmp_path,), rounds=1)
    page_megabytes = (tmp_path / "report" / "index.html").stat().st_size / 1e6
    benchmark.extra_info["peak_memory_megabytes"] = memory_megabytes
    benchmark.extra_info["page_megabytes"] = page_megabytes
    with capsys.disabled():
        print(
            f"\n{n_records:,} records: {seconds:.1f} s, peak memory {memory_megabytes:,.0f} MB, "
            f"page {page_megabytes:.1f} MB"
        )
    assert memory_megabytes < MAX_MEGABYTES
    assert n_records > 200 or page_megabytes < 3


def report(folder):
    """Run bench-report; return its seconds, and the peak memory of its processes in megabytes."""
    start = time.perf_counter()
    peak_bytes = 0
    with subprocess.Popen([SCRIPTS / "bench-report", folder], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak_bytes = max(peak_bytes, memory_bytes(process.pid))
            time.sleep(0.1)
    assert process.returncode == 0
    return time.perf_counter() - start, peak_bytes / 1e6


def memory_bytes(process):
    """Return the memory of a process and its descendants; shared pages are counted once."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # the process has exited
        return 0
    own = sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return own + sum(map(memory_bytes, children))


def write_records(folder, n_records):
    generator = np.random.default_rng(0)
    for number in range(n_records):
        rest, name = divmod(number, len(NAMES))
        rest, architecture = divmod(rest, len(ARCHITECTURES))
        rest, rate = divmod(rest, len(RATES))
        seed, batch_size = divmod(rest, 4)
        record = make_record(
            NAMES[name], ARCHITECTURES[architecture], RATES[rate], seed,
            accuracy=0.7 + 0.2 * generator.random(), examples_per_second=1000 + generator.random(),
            n_epochs=10,
        )  # fmt: skip
        record.config["batch_size"] = 32 << batch_size
        record = replace(record, run_id=f"{record.run_id}-{number:08x}")
        write(folder / record.run_id / store.RECORD_NAME, record)
    for name in NAMES:
        write(store.verdict_path(folder, make_verdict(name)), make_verdict(name))
    write(store.dataset_path(folder, SUMMARY.name, SUMMARY.fingerprint), SUMMARY)


def write(path, contents):
    """Write without fsync, which would take minutes for thousands of records."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(checksummed.encode(contents))
