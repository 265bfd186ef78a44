from hypothesis import given
from hypothesis import strategies as st

from bench.report.markup import code, table, text


@given(st.text())
def test_text_is_one_line_without_live_markup(value):
    shown = text(value)
    assert "\n" not in shown
    assert not set("<>|") & set(shown)
    for character in "`*_[]":
        assert shown.count(character) == shown.count("\\" + character)


@given(st.text())
def test_code_is_one_line_that_its_own_backticks_do_not_end(value):
    shown = code(value)
    assert "\n" not in shown
    fence = len(shown) - len(shown.lstrip("`"))
    assert fence >= 1
    assert "`" * fence not in shown[fence:-fence].strip()


def test_a_table_has_as_many_cells_in_every_line():
    lines = table(["name", "value"], [["a", "1"], ["b", "2"]]).splitlines()
    assert lines == ["| name | value |", "| --- | ---: |", "| a | 1 |", "| b | 2 |"]
