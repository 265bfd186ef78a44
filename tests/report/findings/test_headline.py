"""The sentences at the top of a report."""

import pytest

from bench.report.findings.findings import findings, sentences
from bench.report.findings.headline import further_sentences, headline
from bench.report.frames.analysis import analyse
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of
from tests.report.findings.asking import SAME, runs_of, words_of


def test_the_headline_names_the_fastest_of_each_condition():
    def of(architectures, *speeds):
        records = [
            make_record(name, architecture, seed=seed, examples_per_second=speed * (1 + seed / 100))
            for architecture in architectures
            for name, speed in speeds
            for seed in (0, 1)
        ]
        return headline(findings(analyse(sweep_of(*records)))).replace("\\", "")

    two = (("numpy", 1100.0), ("keras", 100.0))
    assert of(["one_hidden"], *two).startswith("numpy is 11.0 times as fast as keras (2 seeds")
    three = of(["one_hidden"], *two, ("torch", 550.0))
    assert three == (
        "numpy is the fastest, at 553 examples/s: 2.00 times as fast as torch, the next (2 seeds, "
        f"95 % interval 2.00 to 2.00), and 11.0 times as fast as keras, the slowest. {SAME}"
    )
    both = of(["one_hidden", "two_hidden"], *two)  # the same in each
    assert both.startswith("numpy is 11.0 times as fast as keras (2 seeds")
    records = [
        make_record(name, architecture, seed=seed, examples_per_second=speed * (1 + seed / 100))
        for architecture, ratio in (("one_hidden", 11.0), ("two_hidden", 6.2))
        for name, speed in (("numpy", 100 * ratio), ("keras", 100.0))
        for seed in (0, 1)
    ]
    assert headline(findings(analyse(sweep_of(*records)))).replace("\\", "") == (
        "numpy is the fastest: 11.0 times as fast as keras with one_hidden (95 % interval 11.0 to "
        "11.0), 6.20 times with two_hidden (6.20 to 6.20); 2 seeds each. "
        f"{SAME}"
    )


def test_the_headline_on_a_single_implementation_names_its_cores_once():
    record = make_record("numpy", environment=ENVIRONMENT | {"cores_kept_busy": 1.9})
    found = findings(analyse(sweep_of(record)))
    assert headline(found).endswith(" Kept busy while training: numpy 1.9 of 2 cores.")


def test_the_headline_ends_with_the_cores_that_were_kept_busy():
    busy = {"numpy": 1.94, "torch": 1.5, "keras": 1.02}
    records = [
        make_record(name, seed=seed, examples_per_second=100 * count * (1 + seed / 100),
                    environment=ENVIRONMENT | {"cores_kept_busy": count})
        for name, count in busy.items() for seed in (0, 1)
    ]  # fmt: skip
    found = findings(analyse(sweep_of(*records)))
    assert headline(found).endswith(" Kept busy while training: numpy 1.9 of 2 cores, torch 1.5.")
    assert "Kept busy while training: keras 1.0 of 2 cores, numpy 1.9, torch 1.5." in words_of(
        *records
    )
    values = {one.subject: one.value for one in found if one.question == "cores"}
    assert values == pytest.approx(busy | {"": 2.0})


def test_the_findings_below_a_headline_do_not_repeat_it():
    records = [*runs_of("numpy", (1000.0, 1010.0)), *runs_of("keras", (500.0, 500.0))]
    found = findings(analyse(sweep_of(*records)))
    assert headline(found) == f"{sentences(found)[0]} {SAME}"
    assert sentences(found)[1:] == further_sentences(found)


def test_the_headline_says_that_speeds_are_rough_if_equal_runs_differ():
    records = [*runs_of("numpy", (1000.0, 1010.0)), *runs_of("keras", (100.0, 130.0))]
    rough = "Speeds are rough: equal runs of keras differ by up to 1.3 times."
    assert rough in headline(findings(analyse(sweep_of(*records))))
    records[3:] = runs_of("keras", (101.0,), learning_rate=0.2)
    assert "rough" not in headline(findings(analyse(sweep_of(*records))))
