"""Pictures of data: sample images, classes, predictions, confusion matrices (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from bench import plotting
from bench.records import IMAGE_SIDE, N_PIXELS, DatasetSummary, best_runs, setting
from bench.report.labels import RunView
from bench.terminal import SYNTHETIC

SHADES = "Greys"
N_COLUMNS, CELL_WIDTH_PIXELS, CELL_HEIGHT_PIXELS = 10, 40, 42  # of a grid of images


def draw(
    views: Sequence[RunView], datasets: Sequence[DatasetSummary], folder: Path
) -> dict[str, str]:
    """Draw each dataset, and the predictions of each implementation's best run.

    Args:
        views: the runs of a report.
        datasets: the summaries of what they were trained on.
        folder: where to write.

    Returns:
        Captions by file name.
    """
    captions: dict[str, str] = {}
    for number, summary in enumerate(datasets):
        captions |= draw_dataset(summary, folder, *dataset_names(number))
    by_fingerprint = {summary.fingerprint: summary for summary in datasets}
    for view in best_by_implementation(views):
        trained_on = by_fingerprint.get(view.record.dataset_fingerprint or "")
        if trained_on is not None:
            captions |= draw_predictions(view, trained_on, folder)
            captions |= draw_confusion(view, trained_on, folder)
    return captions


def dataset_names(number: int) -> tuple[str, str]:
    """Return the files of a dataset's class distribution and sample images."""
    suffix = f"_{number + 1}" if number else ""
    return f"class_distribution{suffix}.png", f"sample_images{suffix}.png"


def run_names(view: RunView) -> tuple[str, str]:
    """Return the files of a run's predictions and confusion matrix."""
    name = plotting.file_name(view.implementation)
    return f"predictions_{name}.png", f"confusion_{name}.png"


def draw_dataset(
    summary: DatasetSummary, folder: Path, distribution: str, samples: str
) -> dict[str, str]:
    """Draw the class distribution and sample images of a dataset; return captions by file name."""
    _draw_distribution(summary, folder / distribution)
    captions = {distribution: f"Images per class in {summary.name}, training and test set."}
    images = _images(summary.train_images)
    labels = [class_name(summary, label) for label in summary.train_labels]
    shown = [(*pair, False) for pair in zip(images, labels, strict=False)]
    _draw_images(folder / samples, f"Images of {summary.name}{_stamp(summary)}", shown)
    captions[samples] = f"The first {len(images)} training images of {summary.name}."
    return captions


def _draw_distribution(summary: DatasetSummary, path: Path) -> None:
    places = np.arange(len(summary.class_names))
    with plotting.figure(path, f"Classes of {summary.name}{_stamp(summary)}", figsize=(9, 3.8)) as (
        drawn,
        axes,
    ):
        panel = axes[0, 0]
        sets = (
            (summary.train_class_counts, -0.2, "training set", "#555555", ""),
            (summary.test_class_counts, 0.2, "test set", "#BBBBBB", "///"),
        )
        for counts, shift, name, colour, hatch in sets:
            bars = panel.bar(
                places[: len(counts)] + shift,
                counts,
                0.4,
                label=name,
                color=colour,
                hatch=hatch,
                edgecolor="white",
            )
            panel.bar_label(bars, fmt="{:,.0f}", fontsize=8)
        panel.set_xticks(places, summary.class_names, rotation=30, ha="right")
        panel.set_ylabel("images")
        panel.grid(visible=False, axis="x")
        plotting.legend(drawn, axes)


def draw_predictions(view: RunView, summary: DatasetSummary, folder: Path) -> dict[str, str]:
    """Draw a run's predictions for the sample of test images; return the caption by file name."""
    record, name = view.record, view.implementation
    path = folder / run_names(view)[0]
    images = _images(summary.test_images)
    shown = list(zip(images, summary.test_labels, record.sample_predictions, strict=False))
    if not shown:
        return {}
    n_wrong = sum(truth != predicted for _, truth, predicted in shown)
    labelled = []
    for image, truth, predicted in shown:
        true_name, predicted_name = class_name(summary, truth), class_name(summary, predicted)
        wrong = truth != predicted
        label = f"{predicted_name}\nis {true_name}" if wrong else predicted_name
        labelled.append((image, label, wrong))
    _draw_images(path, f"{name}: predicted against actual{_stamp(summary)}", labelled)
    return {
        path.name: f"The first {len(shown)} test images with the predictions of the best run of "
        f"{_describe(view)}; {n_wrong} wrong, framed, with the true class below."
    }


def draw_confusion(view: RunView, summary: DatasetSummary, folder: Path) -> dict[str, str]:
    """Draw a run's confusion matrix; return the caption by file name."""
    record, name = view.record, view.implementation
    if not record.confusion_matrix:
        return {}
    path = folder / run_names(view)[1]
    counts = np.array(record.confusion_matrix)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    title = f"{name}: test images by true and predicted class{_stamp(summary)}"
    with plotting.figure(path, title, figsize=(8, 7)) as (drawn, axes):
        panel = axes[0, 0]
        shading = panel.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                colour = "white" if shares[row, column] > 0.5 else "black"
                panel.text(
                    column,
                    row,
                    f"{counts[row, column]}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
        names = [class_name(summary, number) for number in range(len(counts))]
        panel.set_xticks(range(len(names)), names, rotation=45, ha="right")
        panel.set_yticks(range(len(names)), names)
        panel.set_xlabel("predicted class")
        panel.set_ylabel("true class")
        panel.grid(visible=False)
        drawn.colorbar(shading, ax=panel, shrink=0.8, label="share of the true class")
    return {
        path.name: f"Test images of the best run of {_describe(view)}: rows are true classes, "
        "columns predicted classes, numbers are images."
    }


def best_by_implementation(views: Sequence[RunView]) -> list[RunView]:
    """Return the best run of each implementation, sorted by the implementation's name."""
    best = []
    for name in sorted({view.implementation for view in views}):
        group = [view for view in views if view.implementation == name]
        first = best_runs(view.record for view in group)[:1]
        best += [view for view in group if first and view.record is first[0]]
    return best


def _describe(view: RunView) -> str:
    rate = setting(view.record, "learning_rate")
    return f"{view.implementation} ({view.architecture}, rate {rate})"


def _images(content: bytes) -> list[np.ndarray]:
    n_images = len(content) // N_PIXELS
    pixels = np.frombuffer(content, np.uint8, n_images * N_PIXELS)
    return list(pixels.reshape(n_images, IMAGE_SIDE, IMAGE_SIDE))


def _draw_images(path: Path, title: str, shown: Sequence[tuple[Any, str, bool]]) -> None:
    """Draw images in rows of ten, each with a text above it and, if marked, a frame around it.

    All images are in one panel: a panel per image takes four times as long to draw.
    """
    rows = -(-len(shown) // N_COLUMNS)
    paper = np.zeros((rows * CELL_HEIGHT_PIXELS, N_COLUMNS * CELL_WIDTH_PIXELS), np.uint8)
    with plotting.figure(path, title, figsize=(11, 0.9 + 1.1 * rows)) as (_, axes):
        panel = axes[0, 0]
        margin = (CELL_WIDTH_PIXELS - IMAGE_SIDE) // 2
        for number, (image, text, framed) in enumerate(shown):
            top = number // N_COLUMNS * CELL_HEIGHT_PIXELS + CELL_HEIGHT_PIXELS - IMAGE_SIDE
            left = number % N_COLUMNS * CELL_WIDTH_PIXELS + margin
            paper[top : top + IMAGE_SIDE, left : left + IMAGE_SIDE] = image
            panel.text(
                left + IMAGE_SIDE / 2,
                top - 1.5,
                text,
                ha="center",
                va="bottom",
                fontsize=8,
                fontweight="bold" if framed else "normal",
            )
            if framed:
                corner = (left - 0.5, top - 0.5)
                panel.add_patch(
                    Rectangle(
                        corner, IMAGE_SIDE, IMAGE_SIDE, fill=False, edgecolor="#D55E00", linewidth=3
                    )
                )
        panel.imshow(paper, cmap=SHADES, vmin=0, vmax=255)
        panel.set_axis_off()


def class_name(summary: DatasetSummary, label: int) -> str:
    """Return the name of a class."""
    names = summary.class_names
    return names[label] if 0 <= label < len(names) else f"class {label}"


def _stamp(summary: DatasetSummary) -> str:
    return f" ({SYNTHETIC})" if summary.name == "synthetic" else ""
