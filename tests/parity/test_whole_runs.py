"""Rung 4: which runs are paired, and which runs are lost. No test starts a process."""

from dataclasses import replace

import pytest

from bench.parity import whole_runs
from tests.report.conftest import make_record


def made_on(record, processor="first", cores="4"):
    return replace(record, made_with={"processor": processor, "number of cores": cores})


def with_options(record, **options):
    implementation = record.config["implementation"] | {"options": options}
    return replace(record, config=record.config | {"implementation": implementation})


@pytest.mark.parametrize("changed", [{"learning_rate": 0.2}, {"device": "gpu"}, {"threads": 1}])
def test_runs_under_other_settings_are_no_pair(changed):
    record = make_record("other")
    other = replace(record, config=record.config | changed)
    (pairing,) = whole_runs.compare([make_record("one"), other], "one")
    assert pairing.differences == ()
    assert pairing.n_lost == 2


def test_conditions_that_an_implementation_skipped_are_left_out():
    skipped = make_record("other", status="skipped")
    assert list(whole_runs.compare([make_record("one"), skipped], "one")) == []
    assert list(whole_runs.compare([make_record("one"), skipped], "other")) == []


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("machine", [{}, {"processor": "second"}, {"cores": "8"}])
def test_a_failed_run_counts_also_if_the_same_run_is_done_elsewhere(machine, reverse):
    records = [
        made_on(make_record("one")),
        made_on(make_record("other")),
        made_on(make_record("other", status="failed"), **machine),
    ]
    (pairing,) = whole_runs.compare(records[::-1] if reverse else records, "one")
    assert pairing.n_lost == 1
    assert not pairing.passed


def test_all_records_of_one_kind_count():
    others = [make_record("other", test_accuracy=accuracy) for accuracy in (0.80, 0.84)]
    (pairing,) = whole_runs.compare([make_record("one", test_accuracy=0.85), *others], "one")
    assert pairing.differences == pytest.approx([-3.0])
    assert pairing.n_lost == 0


def test_runs_are_paired_with_those_of_the_same_machine():
    accuracies = {"first": {"one": 0.80, "other": 0.81}, "second": {"one": 0.85, "other": 0.87}}
    records = [
        made_on(make_record(name, test_accuracy=accuracy), processor)
        for processor, by_name in accuracies.items()
        for name, accuracy in by_name.items()
    ]
    (pairing,) = whole_runs.compare(records, "one")
    assert sorted(pairing.differences) == pytest.approx([1.0, 2.0])
    assert pairing.n_lost == 0


def test_a_run_that_is_skipped_on_one_machine_is_left_out_there():
    records = [made_on(make_record(name), cores) for name in ("one", "other") for cores in "48"]
    records[-1] = replace(records[-1], status="skipped")
    (pairing,) = whole_runs.compare(records, "one")
    assert (len(pairing.differences), pairing.n_lost) == (1, 0)


def test_options_under_one_name_are_different_implementations():
    good, bad = (
        [with_options(make_record("other", seed=seed, **result), fast=fast) for seed in range(5)]
        for fast, result in ((False, {}), (True, {"status": "failed"}))
    )
    records = [*(make_record("one", seed=seed) for seed in range(5)), *bad, *good]
    names = ['other {"fast":false}', 'other {"fast":true}']
    assert whole_runs.implementations(records) == ["one", *reversed(names)]
    pairings = list(whole_runs.compare(records, "one"))
    assert [pairing.implementation for pairing in pairings] == names
    assert [pairing.passed for pairing in pairings] == [True, False]
    assert len(list(whole_runs.compare(records, names[0]))) == 2


def test_runs_on_different_data_are_not_paired():
    other = replace(make_record("other"), dataset_fingerprint="other")
    (pairing,) = whole_runs.compare([make_record("one"), other], "one")
    assert (pairing.differences, pairing.n_lost) == ((), 1)


def test_a_diverged_run_is_not_paired_even_with_a_test_accuracy():
    other = replace(make_record("other"), status="diverged")
    (pairing,) = whole_runs.compare([make_record("one"), other], "one")
    assert (pairing.differences, pairing.n_lost) == ((), 1)
