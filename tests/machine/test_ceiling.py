"""The ceiling is the fastest of several products; the highest one of a machine is stored."""

import json
import time

import pytest

from bench.machine import ceiling, facts

LIBRARIES = [{"internal_api": "openblas", "version": "1", "architecture": "Zen", "num_threads": 2}]


def test_the_ceiling_is_a_rate_that_a_processor_can_have_in_every_shape():
    readings = ceiling.measure()
    assert list(readings) == ["1024 x 1024 x 1024", "512 x 784 x 128", "784 x 512 x 128"]
    assert all(1e8 < reading < 1e14 for reading in readings.values())


def test_a_rate_is_the_arithmetic_of_the_fastest_product_over_its_seconds(monkeypatch):
    ticks = iter([0.0, 0.5, 1.0, 1.25, 2.0, 2.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    assert ceiling._flops_per_second(4, 3, 2, 3) == 2 * 4 * 3 * 2 / 0.25


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_best_ceiling_is_remembered_for_each_machine_and_kernel(cache, monkeypatch):
    assert ceiling.best(100.0, LIBRARIES) == 100.0
    assert ceiling.best(50.0, LIBRARIES) == 100.0
    assert ceiling.best(50.0, [*LIBRARIES, {"internal_api": "mkl"}]) == 100.0
    assert ceiling.best(50.0, [LIBRARIES[0] | {"architecture": "Haswell"}]) == 50.0
    monkeypatch.setattr(facts, "usable_cores", lambda: tuple(range(77)))
    assert ceiling.best(60.0, LIBRARIES) == 60.0
    assert ceiling.best(120.0, LIBRARIES) == ceiling.best(70.0, LIBRARIES) == 120.0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"flops_per_second": null}'])
def test_a_damaged_file_is_written_again(cache, content):
    ceiling.best(100.0, LIBRARIES)
    (path,) = cache.glob("mlp-bench/ceilings/*.json")
    path.write_text(content)
    assert ceiling.best(50.0, LIBRARIES) == 50.0
    assert json.loads(path.read_text())["flops_per_second"] == 50.0


def test_without_a_writable_cache_nothing_is_remembered(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert ceiling.best(100.0, LIBRARIES) == 100.0
    assert ceiling.best(50.0, LIBRARIES) == 50.0
