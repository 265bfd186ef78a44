"""Panels of images and of confusion matrices (matplotlib), for files and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.records import IMAGE_SIDE, N_PIXELS

SHADES = "Greys"
N_COLUMNS, CELL_WIDTH_PIXELS, CELL_HEIGHT_PIXELS = 10, 40, 42  # of a grid of images
Cell = tuple[Any, str, bool]  # image, text above it, whether it is framed


def draw_confusion(panel: Axes, counts: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    """Draw a confusion matrix, shaded by the share of the true class.

    Args:
        panel: empty axes.
        counts: (n_classes, n_classes), images; rows are true classes, columns predicted classes.
        names: the names of the classes.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    panel.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    for row, column in zip(*counts.nonzero(), strict=True):
        panel.text(
            column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=8,
            in_layout=False, color="white" if shares[row, column] > 0.5 else "black",
        )  # fmt: skip
    panel.set_xticks(range(len(names)), names, rotation=45, ha="right")
    panel.set_yticks(range(len(names)), names)
    panel.set_xlabel("predicted class")
    panel.set_ylabel("true class")
    panel.grid(visible=False)


def unpack_images(content: bytes) -> list[np.ndarray]:
    """Return the images of a summary, each (28, 28) uint8."""
    n_images = len(content) // N_PIXELS
    pixels = np.frombuffer(content, np.uint8, n_images * N_PIXELS)
    return list(pixels.reshape(n_images, IMAGE_SIDE, IMAGE_SIDE))


def draw_images(panel: Axes, cells: Sequence[Cell]) -> None:
    """Draw images in rows of ten, with a text above each and a frame around those marked True.

    All images are in one panel: one panel per image takes four times as long to draw.

    Args:
        panel: empty axes.
        cells: image, text, and whether it is framed.
    """
    rows = _n_rows(cells)
    paper = np.zeros((rows * CELL_HEIGHT_PIXELS, N_COLUMNS * CELL_WIDTH_PIXELS), np.uint8)
    margin = (CELL_WIDTH_PIXELS - IMAGE_SIDE) // 2
    for number, (image, text, framed) in enumerate(cells):
        top = number // N_COLUMNS * CELL_HEIGHT_PIXELS + CELL_HEIGHT_PIXELS - IMAGE_SIDE
        left = number % N_COLUMNS * CELL_WIDTH_PIXELS + margin
        paper[top : top + IMAGE_SIDE, left : left + IMAGE_SIDE] = image
        panel.text(
            left + IMAGE_SIDE / 2, top - 1.5, text, ha="center", va="bottom", fontsize=8,
            in_layout=False, fontweight="bold" if framed else "normal",
        )  # fmt: skip
        if framed:
            corner, side = (left - 0.5, top - 0.5), IMAGE_SIDE
            frame = Rectangle(corner, side, side, fill=False, edgecolor="#D55E00", linewidth=3)
            panel.add_patch(frame)
    panel.imshow(paper, cmap=SHADES, vmin=0, vmax=255)
    panel.set_axis_off()


def size_inches(cells: Sequence[Cell]) -> tuple[float, float]:
    """Return width and height of a figure with a title and a grid of images."""
    return 11, 0.9 + 1.1 * _n_rows(cells)


def _n_rows(cells: Sequence[Cell]) -> int:
    return -(-len(cells) // N_COLUMNS)
