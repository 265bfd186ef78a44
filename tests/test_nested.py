"""Values in the configuration of a record, which may be of any shape."""

from dataclasses import replace

import pytest

from bench.nested import setting
from tests.report.conftest import make_record


@pytest.mark.parametrize("config", [{}, {"a": None}, {"a": [1]}, {"a": {"b": {}}}, {"a": 3}])
def test_a_setting_that_is_not_a_plain_value_is_none(config):
    assert setting(replace(make_record(), config=config), "a", "b") is None
