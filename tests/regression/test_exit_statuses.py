"""The exit statuses: `--help` and the documentation have the same table."""

from __future__ import annotations

import pytest

from bench.regression.exit_statuses import MEANINGS, MODES, WIDTH, table
from tests.regression.conftest import PROJECT

PAGE = PROJECT / "docs" / "regression.md"


@pytest.mark.skipif(not PAGE.exists(), reason="no documentation in this distribution")
def test_the_documentation_has_the_table():
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("|")
    ]
    assert ["status", *MODES] in rows
    for status, meanings in MEANINGS.items():
        assert [str(status), *meanings] in rows


def test_the_help_has_every_status_once_in_a_narrow_table():
    lines = table().splitlines()
    starts = [line[2:7].strip() for line in lines[1:] if line[2:7].strip()]
    assert starts == [str(status) for status in MEANINGS]
    assert max(map(len, lines)) <= WIDTH
