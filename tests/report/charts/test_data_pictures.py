"""Pictures of data, with their descriptions and numbers."""

from __future__ import annotations

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
    _, distribution = sections["data"]
    assert "6,000 to 6,000 training images per class. 1,000 to 1,000 test images" in (
        distribution.description
    )
    assert distribution.numbers.groups[0][1][0].cells == ["Kind 0", "6,000", "1,000"]
    assert predictions.description == "2 of 3 are correct; image 3: Kind 3 predicted as Kind 2."
