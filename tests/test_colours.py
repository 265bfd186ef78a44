"""The colours of implementations."""

import re

from bench.colours import PALETTE, assign_colours


def test_every_implementation_has_its_own_colour():
    taken = PALETTE[0]
    named = [("b", taken.lower()), ("a", None), ("c", taken), ("d", "red"), ("b", "#123456")]
    own = assign_colours(named)
    assert list(own) == ["a", "b", "c", "d"]
    assert own["b"] == taken
    assert len(set(own.values())) == 4
    many = assign_colours((f"name {number}", None) for number in range(60))
    assert len(set(many.values())) == 60
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in many.values())
