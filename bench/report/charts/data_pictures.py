"""Pictures of data: sample images, classes, predictions, confusion matrices (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench import plotting
from bench.nested import setting
from bench.records import DatasetSummary
from bench.report.charts.image_panels import (
    Cell,
    draw_confusion,
    draw_images,
    size_inches,
    unpack_images,
)
from bench.report.contents.blocks import Figure, Row, simple_table
from bench.report.contents.tables import mistaken_pairs
from bench.report.frames.display_names import RunView
from bench.scores import best_runs
from bench.terminal import dataset_stamp


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
        if not _has_equal_classes(dataset):
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


def _has_equal_classes(dataset: DatasetSummary) -> bool:
    return all(
        counts and min(counts) == max(counts)
        for counts in (dataset.train_class_counts, dataset.test_class_counts)
    )


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
    caption = f"The first {len(images)} training images of {dataset.name}."
    if _has_equal_classes(dataset):
        caption += (
            f" Each of its {len(dataset.class_names)} classes has "
            f"{dataset.train_class_counts[0]:,} training and {dataset.test_class_counts[0]:,} test "
            "images."
        )
    return Figure(
        name=path.stem,
        title=f"Images of {dataset.name}",
        caption=caption,
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
        "columns predicted classes, numbers are images. Darker: a larger share of the true class.",
        description=description,
        numbers=simple_table(
            f"Confusion matrix of {view.implementation}", ["true class", *names], rows
        ),
    )


def run_name(view: RunView) -> str:
    """Return the label of a run in a title."""
    rate = setting(view.record, "learning_rate")
    return f"{view.implementation} ({view.architecture}, rate {rate})"


def _draw_images(path: Path, title: str, cells: Sequence[Cell]) -> None:
    with plotting.figure(path, title, figsize=size_inches(cells)) as (_, axes):
        draw_images(axes[0, 0], cells)


def _stamp(dataset: DatasetSummary) -> str:
    return dataset_stamp([dataset.name])
