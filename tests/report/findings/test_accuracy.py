"""Whether implementations learn the same."""

import pytest

from bench.report.findings.findings import findings
from bench.report.findings.tiles import tiles
from bench.report.frames.analysis import analyse
from tests.report.conftest import make_record, sweep_of
from tests.report.findings.asking import found_in, words_of


@pytest.mark.parametrize(
    ("differences", "claim", "answer"),
    [
        ((0.0, 0.0001, -0.0001), "equal", "keras and numpy are equally accurate within 0.3 points"),
        ((0.0001, 0.0001, 0.0001), "equal", "are equally accurate within 0.3 points (+0.01 points"),
        ((0.02, 0.021, 0.02), "better", "**keras is more accurate than numpy, by more than 0.3 p"),
        ((-0.02, -0.021, -0.02), "worse", "**keras is less accurate than numpy, by more than 0.3"),
        ((0.003, 0.004, 0.002), "better", "keras is more accurate than numpy (+0.30 points, 95 %"),
        (
            (0.01, -0.01, 0.0),
            "cant_tell",
            "**No difference in test accuracy was found** between keras and numpy, but equality "
            "within 0.3 points is not shown (keras minus n",
        ),
    ],
)
def test_accuracies_are_compared_with_what_parity_allows(differences, claim, answer):
    theirs = [make_record("numpy", seed=seed, test_accuracy=0.8) for seed in range(3)]
    ours = [
        make_record("keras", seed=seed, test_accuracy=0.8 + difference, examples_per_second=1.0)
        for seed, difference in enumerate(differences)
    ]
    found = found_in(*theirs, *ours)["accuracy", claim, "keras", "numpy"]
    assert found.value == pytest.approx(100 * sum(differences) / 3)
    assert (found.n_pairs, found.unit) == (3, "points")
    words = words_of(*theirs, *ours)
    assert answer in words
    assert "; 3 seeds, learning rate 0.1)" in words


def test_accuracies_are_compared_at_the_same_learning_rate():
    records = [
        make_record(name, learning_rate=rate, accuracy=accuracy, test_accuracy=accuracy,
                    examples_per_second=speed, seed=seed)
        for name, speed, accuracies in (("numpy", 9.0, (0.80, 0.81)), ("keras", 1.0, (0.84, 0.83)))
        for rate, accuracy in zip((0.01, 0.1), accuracies, strict=True)
        for seed in (0, 1)
    ]  # fmt: skip
    found = found_in(*records)["accuracy", "better", "keras", "numpy"]
    assert found.value == pytest.approx(2.0)  # at 0.1, not 3.0 at each one's best
    assert found.learning_rates == (0.1, 0.1)
    assert {name.split("lr")[1] for name in found.run_ids} == {
        f"0.1-seed{seed}-fashion_" for seed in (0, 1)
    }
    (tile,) = [one for one in tiles(findings(analyse(sweep_of(*records)))) if one.question ==
               "accuracy"]  # fmt: skip
    assert tile.detail.endswith("learning rate 0.1")


def test_without_a_common_rate_the_best_are_compared_and_named():
    records = [
        make_record("numpy", learning_rate=0.1, test_accuracy=0.8, examples_per_second=9.0),
        make_record("keras", learning_rate=0.03, test_accuracy=0.9, examples_per_second=1.0),
        make_record("keras", learning_rate=0.1, status="diverged"),
    ]
    found = found_in(*records)["accuracy", "better", "keras", "numpy"]
    assert found.learning_rates == (0.03, 0.1)
    assert "best against best: learning rates 0.03 and 0.1)" in words_of(*records)


def test_agreement_is_decided_at_the_best_rates_of_each_condition():
    records = [
        make_record(name, architecture, rate, seed, accuracy=0.8 + rate, test_accuracy=accuracy,
                    examples_per_second=speed)
        for name, speed, architecture, rate, accuracy in (
            ("numpy", 9.0, "one_hidden", 0.1, 0.80), ("keras", 1.0, "one_hidden", 0.1, 0.80),
            ("numpy", 9.0, "one_hidden", 0.01, 0.50), ("keras", 1.0, "one_hidden", 0.01, 0.70),
            ("numpy", 9.0, "two_hidden", 0.1, 0.80), ("keras", 1.0, "two_hidden", 0.1, 0.90),
        )
        for seed in (0, 1)
    ]  # fmt: skip
    words = words_of(*records)
    assert "one_hidden: keras and numpy are equally accurate within 0.3 points (+0.00" in words
    assert "two_hidden: **keras is more accurate than numpy, by more than 0.3 points**" in words


def test_an_accuracy_of_guessing_is_named():
    words = words_of(make_record(accuracy=0.1003, test_accuracy=0.1), make_record("keras"))
    assert "**No more accurate than guessing**: numpy." in words
