"""Pictures of data, with their descriptions and numbers."""

from __future__ import annotations

from dataclasses import replace

from bench.report.charts import data_pictures
from bench.report.frames.display_names import run_views
from tests.report.conftest import SUMMARY, make_record


def test_pictures_as_descriptions_and_tables(tmp_path):
    views = run_views([make_record("numpy")])
    sections = data_pictures.draw(views, [SUMMARY], tmp_path)
    (confusion,), (predictions,) = sections["confusions"], sections["predictions"]
    assert confusion.description.startswith(
        "7,900 of 10,000 are correct. The most frequent mistake, 210 times:"
    )
    assert confusion.numbers.groups[0][1][0].cells == ["Kind 0", "790", "210", *["0"] * 8]
    (samples,) = sections["data"]
    assert "Each of its 10 classes has 6,000 training and 1,000 test images." in samples.caption
    assert predictions.description == "2 of 3 are correct; image 3: Kind 3 predicted as Kind 2."


def test_classes_of_unequal_size_are_drawn(tmp_path):
    summary = replace(SUMMARY, train_class_counts=(5999, *SUMMARY.train_class_counts[1:]))
    samples, distribution = data_pictures.draw([], [summary], tmp_path)["data"]
    assert "Each of its" not in samples.caption
    assert "5,999 to 6,000 training images per class. 1,000 to 1,000 test images" in (
        distribution.description
    )
    assert distribution.numbers.groups[0][1][0].cells == ["Kind 0", "5,999", "1,000"]
