"""Which machines the runs are from, whether they were quiet, whether equal runs agree."""

from dataclasses import replace

import pytest

from bench.records import Seconds
from bench.report.contents.all_runs import all_runs
from bench.report.findings.findings import findings
from bench.report.findings.tiles import tiles
from bench.report.frames.analysis import analyse
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of
from tests.report.findings.asking import found_in, runs_of, words_of


@pytest.mark.parametrize(
    ("noisy", "settings", "sentence"),
    [
        (False, {}, "No other work was seen in 1 run."),
        (True, {}, "**The machine was not quiet** in 1 of 1 run"),
        (None, {}, "**Whether the machine was quiet is unknown** for 1 of 1 run"),
        (False, {"share_machine": True}, "**1 of 1 run shared the machine**"),
    ],
)
def test_how_quiet_the_machine_was_is_stated_even_if_it_is_not_known(noisy, settings, sentence):
    record = make_record(environment=ENVIRONMENT | {"noisy": noisy}, **settings)
    words = words_of(record)
    assert sentence in words
    assert words.count("uiet") == (0 if settings or noisy is False else 1)


def test_repeats_that_differ_in_speed_are_named_or_counted():
    steady, uneven = runs_of("numpy", (100.0, 101.0)), runs_of("keras", (100.0, 130.0))
    assert "equally fast" not in words_of(*steady)
    assert (
        "**Runs of keras that should be equally fast differ** by up to 1.3 times (50 to 65"
    ) in words_of(*uneven)
    more = [*runs_of("jax", (100.0, 150.0)), *runs_of("torch", (100.0, 200.0))]
    words = words_of(*steady, *uneven, *more)
    assert "by more than 1.25 times in 3 of 4 cases, by up to 2.0 times (torch)" in words
    assert "Runs of" not in words
    assert "No other work was seen in 8 runs, **yet equal runs differ**: the mac" in words
    (tile,) = [one for one in tiles(findings(analyse(sweep_of(*steady, *uneven))))
               if one.question == "quiet"]  # fmt: skip
    assert (tile.answer, tile.level) == ("only roughly", "attention")
    assert tile.detail.startswith("one run of keras was 1.3 times slower than another like it")


def test_the_run_that_differs_from_its_repeats_is_named():
    records = [*runs_of("numpy", (1000.0, 500.0, 1100.0)), *runs_of("keras", (90.0, 100.0, 100.0))]
    slow = records[1].run_id
    assert f"`{slow}` is the outlier." in words_of(*records)
    analysis = analyse(sweep_of(*records))
    ((_, rows),) = all_runs(analysis).blocks[0].groups
    was = {row.cells[0].text: row.cells[-1].text for row in rows}
    assert was.pop(slow) == "none seen, but slower than similar runs"
    assert set(was.values()) == {"none seen"}
    tile = tiles(findings(analysis))[0]
    assert (tile.answer, tile.level) == ("numpy", "neutral")
    assert tile.detail.endswith("; 11.06 instead of 8.49 without an outlier")


def test_a_run_that_is_faster_than_its_repeats_is_no_outlier():
    records = [*runs_of("numpy", (500.0, 510.0, 1100.0)), *runs_of("keras", (90.0, 100.0, 100.0))]
    words = words_of(*records)
    assert "Runs of numpy that should be equally fast differ** by up to 2.2 times" in words
    assert "outlier" not in words


def test_a_run_that_trained_longer_than_its_repeats_is_named():
    records = runs_of("numpy", (100.0, 100.0, 101.0))
    seconds = replace(records[1].seconds, train=1.5 * records[1].seconds.train)
    records[1] = replace(records[1], seconds=seconds)
    found = found_in(*records)["repeats", "different", "numpy", ""]
    assert found.value == pytest.approx(1.5)
    assert found.sentence.startswith("**A run of numpy trained 1.5 times as long** as the median")
    assert f"`{records[1].run_id}`" in found.sentence
    ((_, rows),) = all_runs(analyse(sweep_of(*records))).blocks[0].groups
    assert rows[0].cells[-1].text == "none seen, but longer than similar runs"


def test_the_recorded_reasons_of_noise_are_counted():
    reasons = (["others used 12% of the cores"], ["others used 30% of the cores", "quota"], "odd")
    records = [
        make_record(seed=seed, environment=ENVIRONMENT | {"noisy": True, "noisy_reasons": some})
        for seed, some in enumerate(reasons)
    ]
    assert (
        "**The machine was not quiet** in 3 of 3 runs: others used 12% to 30% of the cores "
        "(2 runs); quota (1 run). Their speeds may be too low."
    ) in words_of(*records)


def test_machines_cores_and_versions_that_differ_are_named():
    other = {"cpu_model": "Other <b>", "cores": [0], "noisy": False}
    records = [make_record(), make_record("keras", environment=other), make_record(seed=1)]
    object.__setattr__(records[0], "made_with", {"numpy": "1.0"})
    object.__setattr__(records[2], "made_with", {"numpy": "2.0"})
    words = words_of(*records)
    assert "**The runs are from 2 kinds of machine** (A processor; Other &#60;b&#62;)" in words
    assert "**The runs had different numbers of cores** (1, 2)" in words
    assert "Runs of numpy used different code or versions** (numpy 1.0, 2.0)" in words


def test_pairs_of_different_times_are_counted():
    early = [make_record(name, seed=seed) for name in ("numpy", "keras") for seed in (0, 1)]
    at = {"started_at": "2026-01-01T02:30:00+00:00"}
    edited = [*early[:3], replace(early[3], **at)]
    assert "different times" not in words_of(*early)
    # All runs of the other seed were made later: no pair has a pause in it.
    assert "different times" not in words_of(early[0], replace(early[1], **at), *edited[2:])
    # A run that ended without a result lies between them.
    slow = replace(make_record("torch", seed=1, status="timeout"), seconds=Seconds(total=9000.0))
    assert "different times" not in words_of(*edited, slow)
    sentence = "**Compared runs were made at different times**, up to 2.5 hours apart, in 1 of 2 c"
    assert sentence in words_of(*edited)
    found = found_in(*edited)["machine", "apart", "", ""]
    assert set(found.run_ids) == {early[1].run_id, early[3].run_id}
    found = tiles(findings(analyse(sweep_of(*edited))))
    (tile,) = [one for one in found if one.question == "quiet"]
    assert (tile.answer, tile.level) == ("only roughly", "attention")
