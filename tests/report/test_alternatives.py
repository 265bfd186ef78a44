"""What charts and pictures show, for those who can't see them."""

from __future__ import annotations

from bench.report import alternatives, frames
from bench.report.chart_data import chart_data
from bench.report.labels import run_views
from tests.report.conftest import SUMMARY, make_record

RECORDS = [
    make_record("numpy", learning_rate=0.1, accuracy=0.8, examples_per_second=1200.0),
    make_record("numpy", learning_rate=0.3, accuracy=0.7, examples_per_second=1200.0),
    make_record("keras", learning_rate=0.1, accuracy=0.6, examples_per_second=300.0),
    make_record("keras", learning_rate=0.3, status="diverged"),
]
VIEWS = run_views(RECORDS)
SHOWN = chart_data(VIEWS, frames.runs_frame(VIEWS)).tables


def test_the_median_speeds():
    assert alternatives.speeds(SHOWN["done"]) == "Median examples per second: keras 150, numpy 600."


def test_the_best_and_the_last_point_of_a_curve():
    text = alternatives.highest(SHOWN["curves"], "validation_accuracy")
    assert (
        "numpy: highest 0.8000 at epoch 3, after 5 seconds of training, with rate 0.1; "
        "0.8000 at the end"
    ) in text
    assert "keras: lowest 0.6250 at epoch 3" in alternatives.lowest(
        SHOWN["curves"], "validation_loss"
    )


def test_the_pareto_front():
    assert alternatives.front(SHOWN["done"]).startswith(
        "On the Pareto front: numpy with rate 0.1, 0.8000 after 5 seconds"
    )
    assert "keras" not in alternatives.front(SHOWN["done"])


def test_the_learning_rates_including_those_at_which_runs_diverged():
    text = alternatives.rates(SHOWN["rates"])
    assert "keras: 0.1 0.6000, 0.3 diverged; numpy: 0.1 0.8000, 0.3 0.7000" in text


def test_the_ledger():
    assert "keras: 20.25 seconds per run, of which train 20.00, warm up 0.25" in (
        alternatives.ledger(SHOWN["ledger"])
    )


def test_pictures_as_words_and_tables():
    text = alternatives.of_pictures(run_views(RECORDS), [SUMMARY])
    words, table = text["confusion_numpy.png"]
    assert words.startswith("7,900 of 10,000 are correct. The most frequent mistake, 210 times:")
    assert table.splitlines()[2] == "| Kind 0 | 790 | 210 |" + " 0 |" * 8
    words, table = text["class_distribution.png"]
    assert "6,000 to 6,000 training images a class. 1,000 to 1,000 test images" in words
    assert table.splitlines()[2] == "| Kind 0 | 6,000 | 1,000 |"
    assert text["predictions_numpy.png"][0] == (
        "2 of 3 are correct; image 3: Kind 3 predicted as Kind 2."
    )
