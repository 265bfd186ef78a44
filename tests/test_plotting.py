"""How things are called and drawn in a report."""

import re

from bench import plotting


def test_different_names_never_share_a_file():
    names = ["\u05d0\u05d1", "\u05d2\u05d3", "a b", "a_b", "a/b", "", "_", "x" * 61, "x" * 62]
    files = [plotting.file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert plotting.file_name("notebook_scratch") == "notebook_scratch"
    for file in files:
        assert file.isascii()
        assert "/" not in file


def test_every_implementation_has_its_own_colour():
    taken = plotting.PALETTE[0]
    named = [("b", taken.lower()), ("a", None), ("c", taken), ("d", "red"), ("b", "#123456")]
    colours = plotting.colours(named)
    assert list(colours) == ["a", "b", "c", "d"]
    assert colours["b"] == taken
    assert len(set(colours.values())) == 4
    many = plotting.colours((f"name {number}", None) for number in range(60))
    assert len(set(many.values())) == 60
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in many.values())
