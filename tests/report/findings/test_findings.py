"""The findings on learning rates and parity, and how findings become sentences."""

from dataclasses import replace

import pytest

from bench.report.findings.findings import findings
from bench.report.findings.tiles import tiles
from bench.report.frames.analysis import analyse
from tests.report.conftest import make_record, sweep_of
from tests.report.findings.asking import words_of


@pytest.mark.parametrize(
    ("best", "words"),
    [(0.01, "It is the lowest rate tried: a lower one may be better."), (0.03, ""),
     (0.1, "It is the highest rate tried: a higher one may be better.")],
)  # fmt: skip
def test_a_best_rate_at_the_edge_of_the_rates_tried_is_named(best, words):
    records = [
        make_record(name, learning_rate=rate, accuracy=0.9 if rate == best else 0.8)
        for name in ("numpy", "keras") for rate in (0.01, 0.03, 0.1)
    ]  # fmt: skip
    ending = f" **{words}**" if words else ""
    assert f"The best learning rate is {best}.{ending}\n" in words_of(*records)
    (tile,) = [one for one in tiles(findings(analyse(sweep_of(*records)))) if one.question ==
               "learning_rate"]  # fmt: skip
    assert tile.level == "neutral"


def test_a_rate_that_diverged_is_a_rate_tried():
    records = [make_record(learning_rate=rate, accuracy=0.8 + rate) for rate in (0.03, 0.1)]
    assert "may be better" in words_of(*records)
    records.append(make_record(learning_rate=3.0, status="diverged"))
    assert "may be better" not in words_of(*records)


@pytest.mark.parametrize(("rate", "number"), [(0.1, 0), (0.2, 1)])
def test_a_best_rate_is_a_finding_only_where_several_were_tried(rate, number):
    words = words_of(make_record(learning_rate=0.1), make_record(learning_rate=rate, seed=1))
    assert words.count("best learning rate") == number


def test_without_a_validation_set_the_training_loss_chooses_the_rate():
    records = []
    for rate, loss in ((0.001, 0.9), (0.1, 0.4), (1.0, 2.3)):
        record = make_record("notebook", learning_rate=rate)
        epochs = [replace(one, validation_accuracy=None, train_loss=loss) for one in record.epochs]
        records.append(replace(record, epochs=tuple(epochs)))
    assert (
        "The best learning rate of notebook is 0.1 by training loss, since there is no validation "
        "set.\n"
    ) in words_of(*records)


def test_a_best_rate_that_all_share_is_one_sentence():
    records = [
        make_record(name, learning_rate=rate, accuracy=0.8 + rate)
        for name in ("numpy", "keras")
        for rate in (0.01, 0.1)
    ]
    assert "\nThe best learning rate is 0.1. **It is the highest" in words_of(*records)


def test_a_best_rate_at_which_seeds_failed_is_named():
    records = [make_record(seed=seed, status="diverged") for seed in range(1, 5)]
    words = words_of(make_record(), *records)
    assert "best learning rate of numpy is 0.1. **Only 1 of 5 seeds have a result.**" in words
    assert "4 runs of numpy diverged" in words


def test_proven_and_failed_parity_are_stated():
    words = words_of(make_record(), make_record("keras", parity="failed"))
    assert "Parity checks passed for numpy: the equations are those of the recipe" in words
    assert "Without a rank: keras; the equations are **not those of the recipe**" in words


def test_conditions_are_sorted_by_number():
    records = [make_record(batch_size=size) for size in (512, 2048, 128, 32)]
    assert [label.split()[-1] for label in analyse(sweep_of(*records)).conditions] == [
        "32", "128", "512", "2048",
    ]  # fmt: skip


def test_many_conditions_get_few_sentences():
    words = words_of(*(
        make_record(architecture=f"mlp_{number}", examples_per_second=100.0 * number + 100)
        for number in range(40)
    ))  # fmt: skip
    assert "For 28 more conditions: see the comparison." in words
    assert words.count("the only implementation with a rank") == 12


def test_a_sweep_without_records_is_stated():
    assert words_of() == "**There is no record here**, so there is nothing to report."
