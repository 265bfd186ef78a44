"""What a run gets right and wrong: confusion matrix and predictions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bench.api.plain_errors import plain_errors
from bench.api.sources import Source, records_of
from bench.errors import BenchError
from bench.plot import panels
from bench.records import DatasetSummary
from bench.report.charts import data_pictures, image_panels
from bench.report.frames.display_names import RunView, run_views
from bench.scores import best_runs
from bench.terminal import SYNTHETIC


@plain_errors
def confusion_matrix(source: Source, *, run_id: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the test images of one run by true and predicted class.

    Args:
        source: the folder of a sweep, records, or a frame of `load_runs`, or rows of it.
        run_id: the run; None: the one with the best validation accuracy.
        ax: axes to draw on; None makes a figure.

    Returns:
        The axes.

    Raises:
        BenchError: there is no such run, or it has no result.
    """
    view, dataset = _chosen(source, run_id)
    counts = np.array(view.record.confusion_matrix or ())
    if not counts.size:
        raise BenchError(f"{view.record.run_id}: the run has no confusion matrix")
    ax = panels.new_axes(ax, 8, 7)
    names = [panels.literal(dataset.class_name(number)) for number in range(len(counts))]
    image_panels.draw_confusion(ax, counts, names)
    ax.set_title(_title(view, dataset), fontsize="medium")
    return ax


@plain_errors
def predictions(
    source: Source, *, run_id: str | None = None, n_images: int = 10, ax: Axes | None = None
) -> Axes:
    """Draw the first test images with predicted and true names; wrong ones are framed.

    Args:
        source: the folder of a sweep, records, or a frame of `load_runs`, or rows of it.
        run_id: the run; None: the one with the best validation accuracy.
        n_images: from 1; a record has the predictions of 20 images.
        ax: axes to draw on; None makes a figure.

    Returns:
        The axes.

    Raises:
        BenchError: there is no such run, or it has no result.
    """
    if n_images < 1:
        raise BenchError(f"n_images={n_images}: must be at least 1")
    view, dataset = _chosen(source, run_id)
    images = image_panels.unpack_images(dataset.test_images)[:n_images]
    cells = []
    for image, truth, predicted in zip(
        images, dataset.test_labels, view.record.sample_predictions, strict=False
    ):
        names = [panels.literal(dataset.class_name(label)) for label in (predicted, truth)]
        cells.append((image, "{}\ntrue: {}".format(*names), truth != predicted))
    if not cells:
        raise BenchError(f"{view.record.run_id}: the run has no predictions")
    ax = panels.new_axes(ax, *image_panels.size_inches(cells))
    image_panels.draw_images(ax, cells)
    ax.set_title(_title(view, dataset), fontsize="medium")
    return ax


def _chosen(source: Source, run_id: str | None) -> tuple[RunView, DatasetSummary]:
    """Return one run and the summary of its data."""
    records = records_of(source)
    if run_id is None:
        run_ids = [record.run_id for record in best_runs(records)[:1]]
        if not run_ids:
            raise BenchError(f"{records!r}: no run is done: there is nothing to draw")
    else:
        run_ids = [run_id]
    view = next((view for view in run_views(records) if view.record.run_id in run_ids), None)
    if view is None:
        raise BenchError(f"run_id={run_id!r}: not among the runs; see the column run_id")
    for dataset in records.sweep.datasets:
        if dataset.fingerprint == view.record.dataset_fingerprint:
            return view, dataset
    raise BenchError(f"{view.record.run_id}: the sweep's folder has no summary of its data")


def _title(view: RunView, dataset: DatasetSummary) -> str:
    stamp = f" ({SYNTHETIC})" if dataset.name == "synthetic" else ""
    return panels.literal(f"{data_pictures.run_name(view)}{stamp}")
