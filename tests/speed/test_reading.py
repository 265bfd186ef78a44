"""How long it takes to load the data, and to report on many records."""

import resource

import pytest

from bench import datasets, fetching, store
from bench.datasets import DatasetSettings
from bench.report import command
from tests.report.conftest import SUMMARY, make_record, make_verdict


def test_loading_fashion_mnist(benchmark):
    folder = fetching.find()
    if folder is None:
        pytest.skip("Fashion-MNIST is not here; make data")
    settings = DatasetSettings(name="fashion_mnist")
    benchmark.pedantic(datasets.load, args=(settings, folder), rounds=5)


@pytest.mark.parametrize("n_records", [200, 1000, 10_000])
def test_a_report_over_many_records(benchmark, tmp_path, n_records):
    """From the files to the page: under 10 s for 1,000 records, under 60 s for 10,000."""
    for number in range(n_records):
        name = ("numpy", "keras", "jax", "torch")[number % 4]
        record = make_record(name, learning_rate=(0.01, 0.1)[number // 4 % 2], seed=number // 8)
        write(tmp_path / record.run_id / store.RECORD_NAME, record)
        write(store.verdict_path(tmp_path, make_verdict(name)), make_verdict(name))
    write(store.dataset_path(tmp_path, SUMMARY.name, SUMMARY.fingerprint), SUMMARY)

    def report():
        return command.write_report(
            store.read_sweep(tmp_path), tmp_path / "report", set(command.FORMATS)
        )

    page = benchmark.pedantic(report, rounds=1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + max(
        0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    )
    benchmark.extra_info["peak_memory_megabytes"] = memory / 1000
    assert len(page.with_name("report.md").read_text()) < 65_000


def write(path, contents):
    """Write without waiting for the disk, which thousands of records would take minutes for."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(store.encode(contents))
