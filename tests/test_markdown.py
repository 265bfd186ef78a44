import html
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.markdown import (
    MAX_CHARACTERS,
    block,
    code,
    table,
    text,
)


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


@given(st.text(st.characters(exclude_categories=[])))
def test_printable_text_has_no_control_characters_and_can_be_encoded(value):
    for shown in (text(value), code(value), block(value, max_characters=100)):
        assert not {unicodedata.category(one) for one in shown.replace("\n", "")} & {"Cc", "Cs"}
        shown.encode("utf-8")


@pytest.mark.parametrize("address", ["http://a.bc", "HTTPS://a.bc", "ftp://a.bc", "WWW.a.bc"])
def test_an_address_is_no_link(address):
    shown = text(f"see {address}")
    assert "://" not in shown
    assert "www." not in shown.lower()
    assert html.unescape(shown) == f"see {address}"


@pytest.mark.parametrize("show", [text, code])
def test_bidirectional_control_characters_are_escaped(show):
    for character in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200f":
        assert character not in show(f"a{character}b")
        assert f"{ascii(character)[2:-1]}b" in show(f"a{character}b")
    assert "caf\u00e9 \u05d0" in show("caf\u00e9 \u05d0")


def test_a_long_text_is_cut():
    assert len(text("<" * 10_000)) <= 5 * MAX_CHARACTERS
    assert text("<" * 10_000).endswith("...")
    assert len(code("x" * 10_000)) <= MAX_CHARACTERS + 2


def test_a_block_keeps_its_lines_and_is_not_ended_by_its_own_backticks():
    assert block("File x\n  ```boom", max_characters=100) == "````text\nFile x\n  ```boom\n````"
    assert block("a" * 10 + "end", max_characters=3) == "```text\n...end\n```"
