"""The colours of implementations, the same in all pictures of a report."""

from __future__ import annotations

import colorsys
import itertools
import re
from collections.abc import Iterable, Iterator

# Okabe and Ito 2008, without yellow, which vanishes on paper.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def assign_colours(named_colours: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return a different colour for every implementation, sorted by name.

    Args:
        named_colours: names of implementations and the colours in their records. The first colour
            of a name is used, if it has the form `#0072B2` and no other name has it.
    """
    given: dict[str, str] = {}
    for name, colour in named_colours:
        valid = re.fullmatch(r"#[0-9A-Fa-f]{6}", str(colour))
        given.setdefault(name, str(colour).upper() if valid else "")
    taken: dict[str, str] = {}  # names by colour
    for name in sorted(given):
        if given[name]:
            taken.setdefault(given[name], name)
    free = (colour for colour in _free_colours() if colour not in taken)
    own = {name: colour for colour, name in taken.items()}
    return {name: own.get(name) or next(free) for name in sorted(given)}


def _free_colours() -> Iterator[str]:
    """Yield different colours without end: the palette, then hues a golden section apart."""
    yield from PALETTE
    for number in itertools.count():
        hue, value = number * 0.618034 % 1, 0.8 - 0.25 * (number % 3) / 2
        parts = colorsys.hsv_to_rgb(hue, 0.75, value)
        yield "#" + "".join(f"{round(255 * part):02X}" for part in parts)
