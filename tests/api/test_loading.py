"""Records and frames of sweeps, from folders, records and frames."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import bench
from bench.records import RunError
from bench.report.frames import dataframes
from bench.report.frames.display_names import run_views
from bench.report.frames.runs import CURVE_COLUMNS, runs_frame
from tests.report.conftest import make_record, write, write_records  # noqa: F401  # a fixture


@pytest.fixture
def folder(write):  # noqa: F811
    return write(
        make_record("numpy"),
        make_record("keras", "two_hidden", 0.01, colour="#D55E00"),
        make_record("torch", status="failed", error=RunError(type="E", message="no")),
    )


def test_runs_are_those_of_the_report(folder):
    records = bench.load_records(folder)
    runs = bench.load_runs(folder)
    expected = runs_frame(run_views(records), records.sweep.verdicts)
    assert list(runs) == list(expected)
    numbers = expected.select_dtypes("number")
    pd.testing.assert_frame_equal(runs[list(numbers)], numbers)
    assert runs["implementation"].tolist() == expected["implementation"].tolist()
    assert runs["parity"].tolist() == ["passed", "passed", "passed"]


def test_words_are_categories_in_a_meaningful_order(folder):
    runs = bench.load_runs(folder)
    assert list(runs["implementation"].cat.categories) == ["keras", "numpy", "torch"]
    assert list(runs["status"].cat.categories) == ["done", "failed"]
    assert runs["quiet"].min() == "quiet"
    assert runs["parity"].cat.ordered
    assert str(runs["started_at"].dtype).startswith("datetime64")
    assert runs["started_at"][0] == pd.Timestamp("2026-01-01", tz="UTC")


def test_architectures_are_ordered_by_size(write):  # noqa: F811
    from dataclasses import replace

    large, small = make_record("numpy", "two_hidden"), make_record("numpy", "one_hidden")
    folder = write(replace(large, parameter_count=200), replace(small, parameter_count=100))
    architectures = bench.load_runs(folder)["architecture"]
    assert list(architectures.cat.categories) == ["one_hidden", "two_hidden"]


def test_curves_name_the_condition_of_their_run(folder):
    curves, runs = bench.load_curves(folder), bench.load_runs(folder)
    assert list(curves)[: len(CURVE_COLUMNS)] == list(CURVE_COLUMNS)
    assert set(curves) >= {"condition", *dataframes.CONDITIONS}
    assert curves.groupby("run_id").size().to_dict() == {
        record.run_id: len(record.epochs) for record in bench.load_records(folder)
    }
    one = curves[curves["run_id"] == runs["run_id"][0]]
    assert one["validation_loss"].tolist() == [2.5 / number for number in range(1, 5)]
    assert set(one["batch_size"]) == {32}


def test_curves_of_runs_without_epochs_have_all_columns(write):  # noqa: F811
    from dataclasses import replace

    folder = write(replace(make_record(status="skipped"), epochs=()))
    curves = bench.load_curves(folder)
    assert curves.empty
    assert set(curves) >= {*CURVE_COLUMNS, "condition"}


def test_a_folder_records_and_rows_of_a_frame_are_sources(folder):
    records, runs = bench.load_records(folder), bench.load_runs(folder)
    for source in (folder, str(folder), [folder], records, runs, bench.load_curves(records)):
        pd.testing.assert_frame_equal(bench.load_runs(source), runs)
    done = records.filter(lambda record: record.status == "done")
    assert [record.run_id for record in done] == [record.run_id for record in records[:2]]
    assert records[0].run_id == runs["run_id"][0]
    assert repr(done) == "<2 records of fixture: 2 done>"
    chosen = runs[runs["learning_rate"] == 0.01]
    assert bench.load_records(chosen) == records.filter(
        lambda record: record.config["learning_rate"] == 0.01
    )


def test_frames_can_be_stored_as_parquet_and_their_origin_is_text(folder):
    attributes = bench.load_runs(folder).attrs
    assert attributes["folders"] == [str(folder)]
    assert attributes["colours"]["keras"] == "#D55E00"


def test_several_sweeps_are_read_as_one(folder, tmp_path):
    write_records(tmp_path / "other", [make_record("numpy", seed=1)])
    runs = bench.load_runs([folder, tmp_path / "other"])
    assert len(runs) == 4
    assert runs["run_id"][3].startswith("other/numpy")
    assert len(bench.load_records(runs[runs["seed"] == 1])) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "nowhere: no such folder; 'bench' writes results/<sweep_name>"),
        ("", "is empty; give the folder of a sweep"),
        ([], "give a folder, a frame or Records"),
        ([make_record()], "a list of records lacks the parity verdicts"),
        (pd.DataFrame({"run_id": ["a"]}), "does not say which sweep it is from"),
    ],
)
def test_what_is_no_source_is_explained_without_internals(source, message):
    with pytest.raises(bench.BenchError, match=re.escape(message)) as caught:
        bench.load_runs(source)
    assert [entry.path.name for entry in caught.traceback] == ["test_loading.py", "plain_errors.py"]
    assert caught.value.__suppress_context__
