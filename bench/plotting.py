"""File names and matplotlib figures that all pictures share."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.files import write_atomically

DOTS_PER_INCH = 110
SVG: dict[str, Any] = {"metadata": {"Date": None}}
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


@contextmanager
def figure(
    path: Path, title: str, *, nrows: int = 1, ncols: int = 1, figsize: tuple[float, float]
) -> Iterator[tuple[Figure, Any]]:
    """Create a figure, and save it as PNG and SVG when the block ends.

    pyplot is not used: it needs a backend and keeps figures alive.

    Args:
        path: the PNG; the SVG gets the same name.
        title: the title of the figure.
        nrows: rows of panels.
        ncols: columns of panels.
        figsize: width and height in inches.

    Yields:
        The figure, and its panels as an array of nrows x ncols.
    """
    with mpl.rc_context(RC):
        new = Figure(figsize=figsize)
        axes = new.subplots(nrows, ncols, squeeze=False)
        new.suptitle(title)
        yield new, axes
        _save(new, path)


def _save(figure: Figure, path: Path) -> None:
    """Save both files; the layout is computed once, not once per file."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
        for place, options in ((path, {"dpi": DOTS_PER_INCH}), (path.with_suffix(".svg"), SVG)):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=place.suffix[1:], **options)
            write_atomically(place, buffer.getvalue())


def file_name(text: str) -> str:
    """Return a safe part of a file name for a name from a record.

    Args:
        text: any text. Different texts give different file names.

    Returns:
        ASCII letters, digits, `_` and `-`.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", text)[:60]
    if safe == text:
        return safe
    return f"{safe}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
