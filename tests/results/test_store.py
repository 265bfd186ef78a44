"""Records are written completely or not at all, and read or refused with their name."""

import json
import math
import os
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import files
from bench.records import EpochRecord, RunError, RunRecord, Seconds
from bench.results import checksummed, store
from bench.results.merging import merged
from bench.results.plan import add_to_plan
from tests.report.conftest import make_verdict

FIRST_EDITION = Path(__file__).parent / "first_edition"
finite = st.floats(allow_nan=False, allow_infinity=False)
shares, amounts = st.floats(0, 1), st.floats(0, 1e18)
text = st.text(st.characters(exclude_categories=["Cs"]))
epochs = st.builds(
    EpochRecord,
    epoch=st.integers(0, 1000),
    train_loss=finite | st.none(),
    validation_loss=finite | st.none(),
    validation_accuracy=shares | st.none(),
    train_seconds=amounts,
    evaluate_seconds=amounts,
)
records = st.builds(
    RunRecord,
    schema_version=st.just(checksummed.SCHEMA_VERSION),
    run_id=st.just("a-run"),
    sweep_name=text,
    status=st.sampled_from(["done", "diverged", "failed", "timeout", "out_of_memory", "skipped"]),
    error=st.none() | st.builds(RunError, type=text, message=text, traceback=st.none() | text),
    started_at=text,
    finished_at=text,
    config=st.dictionaries(text, finite | text | st.none()),
    config_hash=text,
    environment=st.dictionaries(text, text),
    seconds=st.builds(Seconds, total=amounts, train=amounts, other=finite),
    parameter_count=st.integers(0, 10**9),
    flops_per_example=st.integers(0, 10**12),
    epochs=st.lists(epochs, max_size=3).map(tuple),
    test_loss=finite | st.none(),
    test_accuracy=shares | st.none(),
    confusion_matrix=st.none() | st.just(((1,) * 10,) * 10),
    test_mistakes=st.none() | st.binary(max_size=20),
    sample_predictions=st.lists(st.integers(0, 9)).map(tuple),
)


def epoch_with(validation_accuracy=0.5, train_seconds=1.0) -> EpochRecord:
    return EpochRecord(
        epoch=1, train_loss=1.0, validation_loss=1.0, validation_accuracy=validation_accuracy,
        train_seconds=train_seconds, evaluate_seconds=1.0,
    )  # fmt: skip


@pytest.fixture
def record() -> RunRecord:
    return RunRecord(
        schema_version=checksummed.SCHEMA_VERSION,
        run_id="numpy-one_hidden-lr0.1-seed0-00000000",
        sweep_name="trial",
        status="done",
        error=None,
        started_at="2026-01-01T00:00:00+00:00",
        finished_at="2026-01-01T00:00:09+00:00",
        config={"learning_rate": 0.1},
        config_hash="0" * 64,
        environment={},
        seconds=Seconds(train=8.0, other=1.0, total=9.0),
        parameter_count=101_770,
        flops_per_example=409_088,
        test_loss=0.4,
    )


@given(record=records)
def test_a_written_record_is_read_unchanged(record, tmp_path_factory):
    path = store.write_record(tmp_path_factory.mktemp("sweep"), record)
    assert store.read_record(path) == record


def test_a_record_has_the_documented_keys_and_values(record, tmp_path):
    content = json.loads(store.write_record(tmp_path, record).read_text())
    assert set(content) >= {
        "schema_version",
        "run_id",
        "sweep_name",
        "status",
        "error",
        "started_at",
        "finished_at",
        "config",
        "config_hash",
        "environment",
        "parameter_count",
        "flops_per_example",
        "seconds",
        "epochs",
        "test_loss",
        "test_accuracy",
        "confusion_matrix",
        "examples_per_second",
        "flops_utilisation",
        "peak_memory_bytes",
    }
    assert set(content["seconds"]) >= {
        "start_up",
        "data",
        "setup",
        "warm_up",
        "train",
        "evaluate",
        "other",
        "total",
    }


def test_the_keys_of_a_record_are_documented(record, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
    content = json.loads(store.write_record(tmp_path, record).read_text())
    assert set(re.findall(r"^\| `(\w+)` \| ", page, re.MULTILINE)) == set(content)


def test_numbers_that_are_not_finite_are_written_as_null(record, tmp_path):
    path = store.write_record(tmp_path, replace(record, test_loss=math.nan))
    assert json.loads(path.read_text())["test_loss"] is None
    assert store.read_record(path).test_loss is None


def test_a_record_is_never_overwritten(record, tmp_path):
    path = store.write_record(tmp_path, record)
    before = path.read_bytes()
    with pytest.raises(store.StoreError, match="never overwritten"):
        store.write_record(tmp_path, replace(record, status="failed"))
    assert path.read_bytes() == before


def test_a_record_cut_off_anywhere_is_refused_by_name(record, tmp_path):
    path = store.write_record(tmp_path, record)
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(store.StoreError, match=store.RECORD_NAME):
            store.read_record(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": checksummed.SCHEMA_VERSION + 1}, "upgrade"),
        ({"schema_version": "one"}, r"\$.schema_version"),
        ({"status": "splendid"}, r"\$.status"),
        ({"epochs": 5}, r"\$.epochs"),
        ({"test_loss": "low"}, r"\$.test_loss"),
    ],
)
def test_a_record_of_another_shape_is_refused(change, message, record, tmp_path):
    path = tmp_path / store.RECORD_NAME
    path.write_text(json.dumps(asdict(record) | change))
    with pytest.raises(store.StoreError, match=message):
        store.read_record(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b'{"test_loss": NaN}', b"\xff\xfe", b"[" * 100_000, b"<html>", b"{}"],
)
def test_a_file_that_is_no_record_is_refused(content, tmp_path):
    path = tmp_path / store.RECORD_NAME
    path.write_bytes(content)
    with pytest.raises(store.StoreError, match=store.RECORD_NAME):
        store.read_record(path)


def test_records_with_unknown_keys_are_read(record, tmp_path):
    path = tmp_path / store.RECORD_NAME
    path.write_bytes(checksummed.encode(asdict(record) | {"remark": "new"}))
    assert store.read_record(path) == record


def test_a_sweep_with_a_damaged_record_is_read_without_it(record, tmp_path):
    names = ("c-run", "a-run", "b-run", "never-run")
    add_to_plan(tmp_path, names)
    for name in names[:3]:
        store.write_record(tmp_path, replace(record, run_id=name))
    (tmp_path / "b-run" / store.RECORD_NAME).write_text("{")
    sweep = store.read_sweep(tmp_path)
    assert [record.run_id for record in sweep.records] == ["c-run", "a-run"]
    assert sweep.missing == ("never-run",)
    assert len(sweep.unreadable) == 1
    assert "b-run" in sweep.unreadable[0]


def test_a_folder_that_is_a_file_is_named(record, tmp_path):
    (tmp_path / "sweep").write_text("")
    with pytest.raises(store.StoreError, match="sweep"):
        store.write_record(tmp_path / "sweep", record)
    with pytest.raises(store.StoreError, match="no such folder"):
        store.read_sweep(tmp_path / "sweep")


def test_a_changed_value_is_refused_and_a_changed_layout_is_not(record, tmp_path):
    path = store.write_record(tmp_path, record)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(sorted(content.items(), reverse=True)), indent=8))
    assert store.read_record(path) == record
    path.write_text(json.dumps(content | {"test_loss": 0.39}))
    with pytest.raises(store.StoreError, match="damaged or edited"):
        store.read_record(path)


def test_a_copied_run_folder_counts_once_and_is_named(record, tmp_path):
    original = store.write_record(tmp_path, record).parent
    shutil.copytree(original, tmp_path / "a-copy")
    (tmp_path / "z-link").symlink_to(original)
    sweep = store.read_sweep(tmp_path)
    assert sweep.records == (record,)
    assert [line.partition(": ")[0] for line in sweep.copies] == [
        str(tmp_path / name) for name in ("a-copy", "z-link")
    ]
    assert all("duplicate of run" in line for line in sweep.copies)


def test_another_record_with_the_same_run_id_is_not_called_a_duplicate(record, tmp_path):
    original = store.write_record(tmp_path, record).parent
    shutil.copytree(original, tmp_path / "a-copy")
    different = replace(record, test_loss=0.1)
    (tmp_path / "a-copy" / store.RECORD_NAME).write_bytes(checksummed.encode(different))
    sweep = store.read_sweep(tmp_path)
    assert sweep.records == (record,)
    assert sweep.copies == (
        f"{tmp_path / 'a-copy'}: another record with the run_id {record.run_id}, of {original}; "
        "ignored",
    )


def test_a_run_whose_folder_was_renamed_counts_and_is_not_missing(record, tmp_path):
    add_to_plan(tmp_path, [record.run_id])
    folder = store.write_record(tmp_path, record).parent
    folder.rename(tmp_path / "renamed")
    sweep = store.read_sweep(tmp_path)
    assert (sweep.records, sweep.missing, sweep.copies) == ((record,), (), ())


def test_a_record_that_several_sweeps_hold_counts_once_and_is_named(record, tmp_path):
    other = replace(record, run_id="other", test_loss=0.5)
    for name in ("first", "second"):
        store.write_record(tmp_path / name, replace(record, sweep_name=name))
    store.write_record(tmp_path / "second", other)
    (tmp_path / "link").symlink_to("first")
    names = ("first", "second", "link", "first")
    sweep = merged([store.read_sweep(tmp_path / name) for name in names])
    assert [record.run_id for record in sweep.records] == [
        f"first/{record.run_id}", "second/other",
    ]  # fmt: skip
    assert sweep.copies == (
        f"second/{record.run_id}: duplicate of run first/{record.run_id}; ignored",
    )


@pytest.mark.parametrize("kind", ["forbidden", "link to itself"])
def test_a_run_folder_that_cannot_be_read_is_named_and_the_others_are_read(kind, record, tmp_path):
    add_to_plan(tmp_path, ["a-run", record.run_id])
    store.write_record(tmp_path, record)
    folder = tmp_path / "a-run"
    if kind == "forbidden":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        folder.mkdir(mode=0)
    else:
        folder.symlink_to(folder)
    sweep = store.read_sweep(tmp_path)
    assert sweep.records == (record,)
    assert sweep.missing == ()
    assert len(sweep.unreadable) == 1
    assert "a-run" in sweep.unreadable[0]
    assert "can't be read" in sweep.unreadable[0]


def test_a_sweep_of_the_first_edition_is_read(run_in, tmp_path):
    sweep = store.read_sweep(FIRST_EDITION)
    (record,), (verdict,) = sweep.records, sweep.verdicts
    assert (sweep.unreadable, sweep.missing, sweep.copies) == ((), (), ())
    assert (record.status, record.test_accuracy, len(record.epochs)) == ("done", 0.08, 3)
    assert (verdict.key, verdict.passed) == (record.parity_key, True)
    folder = shutil.copytree(FIRST_EDITION, tmp_path / "first")
    completed = run_in(tmp_path, "bench-report", str(folder), "--format=terminal,csv")
    assert completed.returncode == 0, completed.stderr
    assert "numpy" in completed.stdout


@pytest.mark.parametrize(
    "changes",
    [
        {"test_accuracy": 7.0},
        {"examples_per_second": -5.0},
        {"examples_per_second": 1e308},
        {"seconds": Seconds(train=-1.0)},
        {"confusion_matrix": ((1,) * 10,) * 9 + ((1, 2),)},
        {"confusion_matrix": ((1,) * 9,) * 9},
        {"epochs": (epoch_with(validation_accuracy=1e308),)},
        {"epochs": (epoch_with(train_seconds=1e308),)},
        {"parameter_count": -1},
    ],
)
def test_a_record_with_an_impossible_number_is_named_as_unreadable(record, tmp_path, changes):
    path = store.write_record(tmp_path, replace(record, **changes))
    with pytest.raises(store.StoreError, match=r"damaged or not a RunRecord: Expected .* at `\$\."):
        store.read_record(path)
    sweep = store.read_sweep(tmp_path)
    assert (sweep.records, len(sweep.unreadable)) == ((), 1)


def test_a_record_without_a_checksum_is_counted_if_it_is_old_and_refused_if_not(record, tmp_path):
    path = store.write_record(tmp_path, record)
    content = json.loads(path.read_text())
    del content[checksummed.CHECKSUM]
    path.write_text(json.dumps(content))
    with pytest.raises(store.StoreError, match="its sha256 checksum is missing"):
        store.read_record(path)
    del content[checksummed.YOUNGER_KEY]
    path.write_text(json.dumps(content))
    sweep = store.read_sweep(tmp_path)
    assert (len(sweep.records), sweep.n_without_checksum) == (1, 1)


def test_a_failed_verdict_wins_in_one_sweep_and_in_several(tmp_path):
    passed = make_verdict("numpy")
    failed = replace(make_verdict("numpy", "failed"), key=passed.key)
    for folder, *verdicts in (("a", passed), ("b", failed), ("c", failed, passed)):
        for number, verdict in enumerate(verdicts):
            files.write_atomically(
                tmp_path / folder / f"parity-{number}.json", checksummed.encode(verdict)
            )
    a, b, c = (store.read_sweep(tmp_path / name) for name in "abc")
    assert merged([a, b]).verdicts == merged([b, a]).verdicts == (failed,)
    assert c.verdicts == (failed,)
