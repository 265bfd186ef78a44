"""Descriptions of charts and pictures in words."""

from __future__ import annotations

from bench.report import alt_texts, data_pictures
from bench.report.analysis import analyse
from bench.report.chart_data import chart_data
from bench.report.display_names import run_views
from tests.report.conftest import SUMMARY, make_record, sweep_of

RECORDS = [
    make_record("numpy", learning_rate=0.1, accuracy=0.8, examples_per_second=1200.0),
    make_record("numpy", learning_rate=0.3, accuracy=0.7, examples_per_second=1200.0),
    make_record("keras", learning_rate=0.1, accuracy=0.6, examples_per_second=300.0),
    make_record("keras", learning_rate=0.3, status="diverged"),
]
TABLES = chart_data(analyse(sweep_of(*RECORDS))).tables


def test_the_median_speeds():
    assert alt_texts.speeds(TABLES["done"]) == "Median examples per second: keras 150, numpy 600."


def test_the_best_and_the_last_point_of_a_curve():
    text = alt_texts.extremes(TABLES["curves"], "validation_accuracy", "highest")
    assert (
        "numpy: highest 0.8000 at epoch 3, after 5 seconds of training, with rate 0.1; "
        "0.8000 at the end"
    ) in text
    assert "keras: lowest 0.6250 at epoch 3" in alt_texts.extremes(
        TABLES["curves"], "validation_loss", "lowest"
    )


def test_the_pareto_front():
    assert alt_texts.front(TABLES["done"]).startswith(
        "On the Pareto front: numpy with rate 0.1, 0.8000 after 5 seconds"
    )
    assert "keras" not in alt_texts.front(TABLES["done"])


def test_the_learning_rates_including_those_at_which_runs_diverged():
    text = alt_texts.rates(TABLES["rates"])
    assert "keras: 0.1 0.6000, 0.3 diverged; numpy: 0.1 0.8000, 0.3 0.7000" in text


def test_the_time_by_part():
    assert "keras: 20.25 seconds per run, mostly train 20.00, warm up 0.25" in (
        alt_texts.time_by_part(TABLES["time_by_part"])
    )


def test_pictures_as_descriptions_and_tables(tmp_path):
    pictures = data_pictures.draw(run_views(RECORDS), [SUMMARY], tmp_path)
    confusion = pictures["confusion_numpy.png"]
    assert confusion.description.startswith(
        "7,900 of 10,000 are correct. The most frequent mistake, 210 times:"
    )
    assert confusion.numbers.splitlines()[2] == "| Kind 0 | 790 | 210 |" + " 0 |" * 8
    distribution = pictures["class_distribution.png"]
    assert "6,000 to 6,000 training images per class. 1,000 to 1,000 test images" in (
        distribution.description
    )
    assert distribution.numbers.splitlines()[2] == "| Kind 0 | 6,000 | 1,000 |"
    assert pictures["predictions_numpy.png"].description == (
        "2 of 3 are correct; image 3: Kind 3 predicted as Kind 2."
    )
