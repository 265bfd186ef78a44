"""What report.md holds of sweeps of any size and shape, without drawing anything."""

import dataclasses

import msgspec
import pytest

from bench.records import RunError, RunRecord
from bench.report.charts.chart_data import chart_data
from bench.report.contents.document import document
from bench.report.findings.findings import findings
from bench.report.frames.analysis import analyse
from bench.report.pages import markdown_report
from bench.report.pages.terminal_report import print_comparison
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of

ARCHITECTURES = [f"mlp_{number}" for number in range(10)]
RATES = [0.001 * 2**number for number in range(8)]
NAMES = ("numpy", "keras", "torch", "jax")


def page(tmp_path, *records, missing=(), unreadable=()):
    sweep = sweep_of(*records, missing=missing, unreadable=unreadable)
    return page_of(analyse(sweep))


def page_of(analysis):
    return markdown_report.page(document(analysis, findings(analysis), {}, []))


def test_many_cells_fit_into_a_pull_request(tmp_path):
    records = [
        make_record(name, architecture, rate)
        for name in NAMES for architecture in ARCHITECTURES for rate in RATES
    ]  # fmt: skip
    text = page(tmp_path, *records)
    assert 20_000 < len(text) < 65_000
    assert "has the highest speed" in text
    assert "more rows: see runs.csv." in text


@pytest.mark.parametrize("length", [300, 5_000])
def test_failures_that_escape_to_many_times_their_length_fit(tmp_path, length):
    records = [
        make_record(
            f"{number}{'<' * length}", seed=number, status="failed",
            error=RunError(type="E", message="<" * length, traceback=f"{number}" + "<" * length),
        )
        for number in range(40)
    ]  # fmt: skip
    missing = tuple("<" * length + str(number) for number in range(1000))
    text = page(tmp_path, *records, unreadable=("<" * length,) * 1000, missing=missing)
    assert len(text) < 65_000
    assert "40 failed" in text


def test_what_does_not_fit_is_cut_and_the_page_says_so(tmp_path):
    text = page(tmp_path, make_record(recipe={"name": "x", "added": "a" * 70_000}))
    assert len(text) < 65_000
    assert text.endswith(
        "**Cut here** to fit into a pull request. index.html contains everything.\n"
    )


def test_every_folded_part_ends(tmp_path):
    error = RunError(type="E", message="m", traceback="t")
    text = page(tmp_path, make_record(), make_record("keras", status="failed", error=error))
    assert text.count("<details>") == text.count("</details>") == 7


def test_each_traceback_is_shown_once_with_the_runs_that_ended_in_it(tmp_path):
    records = [
        make_record(name, seed=seed, status="failed",
                    error=RunError(type="E", message=name, traceback=f"at {name}\n</details>"))
        for name in NAMES for seed in range(5)
    ]  # fmt: skip
    text = page(tmp_path, *records)
    assert text.count("```text\nat numpy\n</details>\n```") == 1
    assert "and 2 more:\n\n```text\nat numpy" in text
    assert "index.html contains more." in text


@pytest.mark.parametrize(
    "missing",
    [
        {"epochs": ()}, {"confusion_matrix": None}, {"examples_per_second": None},
        {"examples_per_epoch": None}, {"test_accuracy": None}, {"peak_memory_bytes": None},
        {"flops_utilisation": None}, {"environment": {}},
        {"dataset_fingerprint": None}, {"parity_key": None},
    ],
    ids=lambda missing: next(iter(missing)),
)  # fmt: skip
def test_a_finished_run_that_lacks_something_has_dashes_and_no_numbers_made_of_nothing(
    tmp_path, missing
):
    records = [make_record(), make_record("keras"), make_record("keras", seed=1)]
    for record in records:
        for name, value in missing.items():
            object.__setattr__(record, name, value)
    text = page(tmp_path, *records)
    assert not {"nan", "None", "inf"} & set(text.replace("*", " ").replace(",", "").split())
    assert "## All runs" in text


ODD_VALUES = (
    [[]], [], {}, {"name": None}, {"name": [1]}, {"name": {"a": 1}}, "x", 7, -1.5, True, None,
)  # fmt: skip
KEYS = (
    "implementation", "architecture", "recipe", "dataset", "learning_rate", "batch_size", "seed",
    "epochs", "threads", "device", "validation_fraction", "share_machine",
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_odd_but_well_formed_settings_never_break_a_report(tmp_path, key, capsys):
    records = [
        replace_setting(make_record(name, seed=number), key, value)
        for number, value in enumerate(ODD_VALUES) for name in ("numpy", "keras")
    ]  # fmt: skip
    records = tuple(
        dataclasses.replace(record, run_id=f"run-{number}")
        for number, record in enumerate((make_record(), *records))
    )
    analysis = analyse(sweep_of(*records))
    text = page_of(analysis)
    assert f"Runs: {len(records)} done" in text
    assert chart_data(analysis).packed()
    print_comparison(analysis)
    assert "numpy" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["cpu_model", "gpu", "limits", "caches", "cores", "noisy"])
def test_odd_but_well_formed_environments_never_break_a_report(tmp_path, key):
    records = [
        dataclasses.replace(make_record(environment=ENVIRONMENT | {key: value}), run_id=str(number))
        for number, value in enumerate(ODD_VALUES)
    ]  # fmt: skip
    assert f"Runs: {len(records)} done" in page(tmp_path, *records)


def replace_setting(record, key, value):
    return dataclasses.replace(record, config=record.config | {key: value})


def test_a_record_of_an_older_schema_has_its_place(tmp_path):
    content = msgspec.to_builtins(make_record())
    later = (
        "made_with", "parity_key", "sample_predictions", "dataset_fingerprint",
        "peak_memory_bytes", "flops_utilisation", "examples_per_epoch",
    )  # fmt: skip
    for key in later:
        del content[key]
    del content["seconds"]["ceiling"]
    for key in ("validation_fraction", "device", "threads"):
        del content["config"][key]
    content["environment"] = {"cpu_model": "A processor"}
    old = msgspec.convert(content, RunRecord)
    text = page(tmp_path, old, make_record("keras"))
    assert "Whether the machine was quiet is unknown** for 1 of 2 runs" in text
    assert "nan" not in text
    assert "numpy-one_hidden" in text
