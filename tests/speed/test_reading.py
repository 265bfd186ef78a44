"""How long it takes to load the data, and to report on many records."""

import pytest

from bench import datasets, fetching, store
from bench.datasets import DatasetSettings
from bench.report import command
from tests.report.conftest import SUMMARY, make_record, make_verdict

N_RECORDS = 200


def test_loading_fashion_mnist(benchmark):
    folder = fetching.find()
    if folder is None:
        pytest.skip("Fashion-MNIST is not here; make data")
    settings = DatasetSettings(name="fashion_mnist")
    benchmark.pedantic(datasets.load, args=(settings, folder), rounds=5)


def test_a_report_over_many_records(benchmark, tmp_path):
    for number in range(N_RECORDS):
        name = ("numpy", "keras", "jax", "torch")[number % 4]
        record = make_record(name, learning_rate=(0.01, 0.1)[number // 4 % 2], seed=number // 8)
        store.write_record(tmp_path, record)
        path = store.verdict_path(tmp_path, make_verdict(name))
        store.write_atomically(path, store.encode(make_verdict(name)))
    path = store.dataset_path(tmp_path, SUMMARY.name, SUMMARY.fingerprint)
    store.write_atomically(path, store.encode(SUMMARY))
    sweep = store.read_sweep(tmp_path)
    benchmark.pedantic(command.write_report, args=(sweep, tmp_path / "report"), rounds=2)
