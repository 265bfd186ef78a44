"""Pictures of data: sample images, classes, predictions, confusion matrices (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench import plotting
from bench.records import IMAGE_SIDE, N_PIXELS, DatasetSummary, best_runs, setting
from bench.report.contents.blocks import Figure, Row, simple_table
from bench.report.contents.tables import mistaken_pairs
from bench.report.frames.display_names import RunView
from bench.terminal import dataset_stamp

SHADES = "Greys"
N_COLUMNS, CELL_WIDTH_PIXELS, CELL_HEIGHT_PIXELS = 10, 40, 42  # of a grid of images
Cell = tuple[Any, str, bool]  # image, text above it, whether it is framed


def draw(
    views: Sequence[RunView], datasets: Sequence[DatasetSummary], folder: Path
) -> dict[str, list[Figure]]:
    """Draw each dataset, and the predictions of each implementation's best run.

    Args:
        views: the runs of a report.
        datasets: the summaries of their datasets.
        folder: where to write.

    Returns:
        The figures by section.
    """
    data = []
    for number, dataset in enumerate(datasets):
        suffix = f"_{number + 1}" if number else ""
        data.append(_draw_samples(dataset, folder / f"sample_images{suffix}.png"))
        data.append(_draw_distribution(dataset, folder / f"class_distribution{suffix}.png"))
    by_fingerprint = {dataset.fingerprint: dataset for dataset in datasets}
    predictions, confusions = [], []
    for view in _best_by_implementation(views):
        trained_on = by_fingerprint.get(view.record.dataset_fingerprint or "")
        if trained_on is not None:
            suffix = plotting.file_name(view.implementation)
            if view.record.sample_predictions:
                path = folder / f"predictions_{suffix}.png"
                predictions.append(_draw_predictions(view, trained_on, path))
            if view.record.confusion_matrix:
                path = folder / f"confusion_{suffix}.png"
                confusions.append(_draw_confusion(view, trained_on, path))
    return {"data": data, "confusions": confusions, "predictions": predictions}


def _best_by_implementation(views: Sequence[RunView]) -> list[RunView]:
    """Return the best run of each implementation, sorted by the implementation's name."""
    best = []
    for name in sorted({view.implementation for view in views}):
        group = [view for view in views if view.implementation == name]
        first = best_runs(view.record for view in group)[:1]
        best += [view for view in group if first and view.record is first[0]]
    return best


def _draw_distribution(dataset: DatasetSummary, path: Path) -> Figure:
    """Draw the number of images per class."""
    title = f"Classes of {dataset.name}{_stamp(dataset)}"
    places = np.arange(len(dataset.class_names))
    with plotting.figure(path, title, figsize=(9, 3.8)) as (figure, axes):
        panel = axes[0, 0]
        sets = (
            (dataset.train_class_counts, -0.2, "training set", "#555555", ""),
            (dataset.test_class_counts, 0.2, "test set", "#BBBBBB", "///"),
        )
        for counts, shift, name, colour, hatch in sets:
            bars = panel.bar(
                places[: len(counts)] + shift, counts, 0.4,
                label=name, color=colour, hatch=hatch, edgecolor="white",
            )  # fmt: skip
            panel.bar_label(bars, fmt="{:,.0f}", fontsize=8)
        panel.set_xticks(places, dataset.class_names, rotation=30, ha="right")
        panel.set_ylabel("images")
        panel.grid(visible=False, axis="x")
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    pairs = (("training", dataset.train_class_counts), ("test", dataset.test_class_counts))
    counts_by_class = zip(dataset.class_names, *(counts for _, counts in pairs), strict=False)
    return Figure(
        name=path.stem,
        title=f"Classes of {dataset.name}",
        caption=f"Images per class in {dataset.name}, training and test set.",
        description=" ".join(
            f"{min(counts):,} to {max(counts):,} {name} images per class."
            for name, counts in pairs
            if counts
        ),
        numbers=simple_table(
            f"Images per class in {dataset.name}",
            ["class", "training images", "test images"],
            [Row([name, *(f"{count:,}" for count in counts)]) for name, *counts in counts_by_class],
        ),
    )


def _draw_samples(dataset: DatasetSummary, path: Path) -> Figure:
    """Draw the first training images."""
    images = unpack_images(dataset.train_images)
    classes = [dataset.class_name(label) for label in dataset.train_labels]
    cells = [(*pair, False) for pair in zip(images, classes, strict=False)]
    _draw_images(path, f"Images of {dataset.name}{_stamp(dataset)}", cells)
    return Figure(
        name=path.stem,
        title=f"Images of {dataset.name}",
        caption=f"The first {len(images)} training images of {dataset.name}.",
        description=f"Small grey images; row by row: {', '.join(classes)}.",
    )


def _draw_predictions(view: RunView, dataset: DatasetSummary, path: Path) -> Figure:
    """Draw a run's predictions for the first test images."""
    images = unpack_images(dataset.test_images)
    labels = zip(dataset.test_labels, view.record.sample_predictions, strict=False)
    pairs = [tuple(map(dataset.class_name, pair)) for pair in labels]
    cells = [
        (image, predicted if truth == predicted else f"{predicted}\nis {truth}", truth != predicted)
        for image, (truth, predicted) in zip(images, pairs, strict=False)
    ]
    title = f"{view.implementation}: predicted against actual{_stamp(dataset)}"
    _draw_images(path, title, cells)
    wrong = [
        f"image {number}: {truth} predicted as {predicted}"
        for number, (truth, predicted) in enumerate(pairs, start=1)
        if truth != predicted
    ]
    return Figure(
        name=path.stem,
        title=f"Predictions of {view.implementation}",
        caption=f"The first {len(cells)} test images with the predictions of the best run of "
        f"{run_name(view)}; {len(wrong)} wrong, framed, with the true class below.",
        description="; ".join([f"{len(pairs) - len(wrong)} of {len(pairs)} are correct", *wrong])
        + ".",
    )


def _draw_confusion(view: RunView, dataset: DatasetSummary, path: Path) -> Figure:
    """Draw a run's confusion matrix."""
    counts = np.array(view.record.confusion_matrix)
    names = [dataset.class_name(number) for number in range(len(counts))]
    title = f"{view.implementation}: test images by true and predicted class{_stamp(dataset)}"
    with plotting.figure(path, title, figsize=(8, 7)) as (_, axes):
        draw_confusion(axes[0, 0], counts, names)
    description = f"{counts.trace():,} of {counts.sum():,} are correct."
    if mistakes := mistaken_pairs(view.record, dataset):
        count, truth, predicted = mistakes[0]
        description += (
            f" The most frequent mistake, {count} times: {truth} predicted as {predicted}."
        )
    rows = [Row([name, *map(str, line)]) for name, line in zip(names, counts, strict=True)]
    return Figure(
        name=path.stem,
        title=f"Confusion matrix of {view.implementation}",
        caption=f"Test images of the best run of {run_name(view)}: rows are true classes, "
        "columns predicted classes, numbers are images.",
        description=description,
        numbers=simple_table(
            f"Confusion matrix of {view.implementation}", ["true class", *names], rows
        ),
    )


def run_name(view: RunView) -> str:
    """Return the label of a run in a title."""
    rate = setting(view.record, "learning_rate")
    return f"{view.implementation} ({view.architecture}, rate {rate})"


def draw_confusion(panel: Axes, counts: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    """Draw a confusion matrix, shaded by the share of the true class.

    Args:
        panel: empty axes.
        counts: (n_classes, n_classes), images; rows are true classes, columns predicted classes.
        names: the names of the classes.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shading = panel.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
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
    panel.figure.colorbar(shading, ax=panel, shrink=0.8, label="share of the true class")


def unpack_images(content: bytes) -> list[np.ndarray]:
    """Return the images of a summary, each (28, 28) uint8."""
    n_images = len(content) // N_PIXELS
    pixels = np.frombuffer(content, np.uint8, n_images * N_PIXELS)
    return list(pixels.reshape(n_images, IMAGE_SIDE, IMAGE_SIDE))


def _draw_images(path: Path, title: str, cells: Sequence[Cell]) -> None:
    rows = -(-len(cells) // N_COLUMNS)
    with plotting.figure(path, title, figsize=(11, 0.9 + 1.1 * rows)) as (_, axes):
        draw_images(axes[0, 0], cells)


def draw_images(panel: Axes, cells: Sequence[Cell]) -> None:
    """Draw images in rows of ten, with a text above each and a frame around those marked True.

    All images are in one panel: one panel per image takes four times as long to draw.

    Args:
        panel: empty axes.
        cells: image, text, and whether it is framed.
    """
    rows = -(-len(cells) // N_COLUMNS)
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


def _stamp(dataset: DatasetSummary) -> str:
    return dataset_stamp([dataset.name])
