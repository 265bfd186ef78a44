"""How an implementation looks: the same colour, marker and hatch in every plot of a report.

Colours come from the records, where the implementation's YAML file put them. They are told apart
without colour too, by marker, line and hatch.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from bench.console import shorten
from bench.files import write_atomically

# Okabe and Ito 2008, without yellow, which vanishes on paper.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo", "---")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
DOTS_PER_INCH = 150
SVG: dict[str, Any] = {"metadata": {"Date": None}}
MAX_CHARACTERS = 40
RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.titlesize": "large",
    "font.size": 10,
    "grid.alpha": 0.3,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # names come from records
}


@dataclass(frozen=True)
class Look:
    """What one implementation is drawn with."""

    colour: str
    marker: str
    hatch: str
    line: Any


def looks(named_colours: Iterable[tuple[str, object]]) -> dict[str, Look]:
    """Return the look of every implementation, in the order of their names.

    Args:
        named_colours: names of implementations, and the colours that their records ask for; the
            first one of a name counts, if it is one such as `#0072B2`.
    """
    colours: dict[str, str] = {}
    for name, colour in named_colours:
        valid = re.fullmatch(r"#[0-9A-Fa-f]{6}", str(colour))
        colours.setdefault(name, str(colour) if valid else "")
    return {
        name: Look(
            colour=colours[name] or PALETTE[number % len(PALETTE)],
            marker=MARKERS[number % len(MARKERS)],
            hatch=HATCHES[number % len(HATCHES)],
            line=LINES[number % len(LINES)],
        )
        for number, name in enumerate(sorted(colours))
    }


@contextmanager
def figure(path: Path, title: str, **options: Any) -> Iterator[tuple[Figure, Any]]:
    """Open a figure with its axes, and save it when the block ends."""
    with mpl.rc_context(RC):
        drawn, axes = plt.subplots(squeeze=False, **options)
        try:
            drawn.suptitle(title)
            yield drawn, axes
            _save(drawn, path)
        finally:
            plt.close(drawn)


def _save(drawn: Figure, path: Path) -> None:
    """Lay a figure out, once for both files: saving would do so for each, and draw it in vain."""
    engine = drawn.get_layout_engine()
    if engine is not None:
        engine.execute(drawn)
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        drawn.set_layout_engine(None)
        for place, options in ((path, {"dpi": DOTS_PER_INCH}), (path.with_suffix(".svg"), SVG)):
            buffer = io.BytesIO()
            drawn.savefig(buffer, format=place.suffix[1:], **options)
            write_atomically(place, buffer.getvalue())


def legend(drawn: Figure, axes: Any) -> None:
    """Put one legend below all panels, each name once."""
    entries: dict[str, Any] = {}
    for panel in axes.flat:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        drawn.legend(
            list(entries.values()),
            list(entries),
            loc="outside lower center",
            ncols=min(4 if len(entries) <= 8 else 3, len(entries)),
            frameon=False,
        )


def hide_unused(axes: Any, used: int) -> None:
    """Blank the panels of a grid that nothing was drawn into."""
    for panel in axes.flat[used:]:
        panel.set_axis_off()


def grid_shape(n_panels: int, widest: int) -> tuple[int, int]:
    """Return rows and columns for so many panels."""
    columns = min(n_panels, widest)
    return -(-n_panels // columns), columns


def file_name(text: str) -> str:
    """Turn a name from a record into part of a file's name; different names stay different."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", text)[:60]
    if safe == text:
        return safe
    return f"{safe}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def short(label: object) -> str:
    """Return a label of a length that leaves room for what it labels."""
    return shorten(str(label), MAX_CHARACTERS)


def unique(names: Sequence[str]) -> list[str]:
    """Return names in order of appearance, each once."""
    return list(dict.fromkeys(names))


def listed(statuses: Iterable[str]) -> str:
    """Return how runs have ended, each ending once."""
    return "/".join(unique(list(statuses))).replace("_", " ")
