"""Pictures of data, with their descriptions and numbers."""

from __future__ import annotations

from bench.report import data_pictures
from bench.report.display_names import run_views
from tests.report.conftest import SUMMARY, make_record


def test_pictures_as_descriptions_and_tables(tmp_path):
    pictures = data_pictures.draw(run_views([make_record("numpy")]), [SUMMARY], tmp_path)
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
