"""How long it takes to load the data, and to report on many records."""

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
        pytest.skip("Fashion-MNIST is not here; make data")
    settings = DatasetSettings(name="fashion_mnist")
    benchmark.pedantic(datasets.load, args=(settings, folder), rounds=5)


@pytest.mark.parametrize("n_records", [200, 1000, 10_000])
def test_a_report_over_many_records(benchmark, tmp_path, capsys, n_records):
    """The command as its users run it, from its start to its end, over twelve conditions."""
    write_many(tmp_path, n_records)
    seconds, memory_megabytes = benchmark.pedantic(report, args=(tmp_path,), rounds=1)
    page_megabytes = (tmp_path / "report" / "index.html").stat().st_size / 1e6
    benchmark.extra_info["peak_memory_megabytes"] = memory_megabytes
    benchmark.extra_info["page_megabytes"] = page_megabytes
    with capsys.disabled():
        print(
            f"\n{n_records:,} records: {seconds:.1f} s, {memory_megabytes:,.0f} MB of memory at "
            f"most, a page of {page_megabytes:.1f} MB"
        )
    assert memory_megabytes < MAX_MEGABYTES
    assert n_records > 200 or page_megabytes < 3


def report(folder):
    """Report on a folder; return seconds, and megabytes of all its processes together at most."""
    started = time.perf_counter()
    most = 0
    with subprocess.Popen([SCRIPTS / "bench-report", folder], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, memory(process.pid))
            time.sleep(0.1)
    assert process.returncode == 0
    return time.perf_counter() - started, most / 1e6


def memory(process):
    """Return the bytes of a process and of those it has started; what they share counts once."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    mine = sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return mine + sum(map(memory, children))


def write_many(folder, n_records):
    chance = np.random.default_rng(0)
    for number in range(n_records):
        place, name = divmod(number, len(NAMES))
        place, architecture = divmod(place, len(ARCHITECTURES))
        place, rate = divmod(place, len(RATES))
        seed, batch_size = divmod(place, 4)
        record = make_record(
            NAMES[name], ARCHITECTURES[architecture], RATES[rate], seed,
            accuracy=0.7 + 0.2 * chance.random(), examples_per_second=1000 + chance.random(),
            n_epochs=10,
        )  # fmt: skip
        record.config["batch_size"] = 32 << batch_size
        record = replace(record, run_id=f"{record.run_id}-{number:08x}")
        write(folder / record.run_id / store.RECORD_NAME, record)
    for name in NAMES:
        write(store.verdict_path(folder, make_verdict(name)), make_verdict(name))
    write(store.dataset_path(folder, SUMMARY.name, SUMMARY.fingerprint), SUMMARY)


def write(path, contents):
    """Write without waiting for the disk, which thousands of records would take minutes for."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(checksummed.encode(contents))
