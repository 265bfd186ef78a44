"""Text alternatives of charts and pictures: what they show, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from bench import markdown
from bench.records import DatasetSummary, RunRecord
from bench.report import frames, pictures
from bench.report.labels import RunView

MAX_POINTS = 10  # of a Pareto front


def speeds(runs: pd.DataFrame) -> str:
    """Return the median speed of each implementation."""
    medians = runs.groupby("implementation")["examples_per_second"].median()
    listed = ", ".join(f"{name} {median:,.0f}" for name, median in medians.items())
    return f"Median examples per second: {listed}."


def lowest(curves: pd.DataFrame, column: str) -> str:
    """Return the lowest point of each implementation's curves, and the end of that curve."""
    return _extremes(curves, column, "lowest", curves.groupby("implementation")[column].idxmin())


def highest(curves: pd.DataFrame, column: str) -> str:
    """Return the highest point of each implementation's curves, and the end of that curve."""
    return _extremes(curves, column, "highest", curves.groupby("implementation")[column].idxmax())


def _extremes(curves: pd.DataFrame, column: str, word: str, places: pd.Series) -> str:
    sentences = []
    for row in frames.rows(curves.loc[places]):
        last = curves.loc[curves["run_id"] == row.run_id, column].iloc[-1]
        sentences.append(
            f"{row.implementation}: {word} {getattr(row, column):.4f} at epoch {row.epoch}, after "
            f"{row.train_seconds_so_far:.3g} seconds of training, with rate "
            f"{row.learning_rate:g}; {last:.4f} at the end"
        )
    return ". ".join(sentences) + "."


def front(runs: pd.DataFrame) -> str:
    """Return the runs on the Pareto front."""
    on_it = runs[runs["pareto"]].sort_values("train_seconds")
    listed = "; ".join(
        f"{row.implementation} with rate {row.learning_rate:g}, {row.validation_accuracy:.4f} "
        f"after {row.train_seconds:.3g} seconds"
        for row in frames.rows(on_it[:MAX_POINTS])
    )
    more = f"; and {len(on_it) - MAX_POINTS} more" if len(on_it) > MAX_POINTS else ""
    return f"On the Pareto front: {listed}{more}."


def rates(rows: pd.DataFrame) -> str:
    """Return the accuracy of each implementation at each learning rate."""
    parts = []
    for name, group in rows.groupby("implementation"):
        cells = [
            f"{row.learning_rate:g} {row.ended}"
            if pd.isna(row.validation_accuracy)
            else f"{row.learning_rate:g} {row.validation_accuracy:.4f}"
            for row in frames.rows(group.sort_values("learning_rate"))
        ]
        parts.append(f"{name}: {', '.join(cells)}")
    return "Learning rate and accuracy: " + "; ".join(parts) + "."


def ledger(rows: pd.DataFrame) -> str:
    """Return the seconds of each implementation's runs, and the three largest parts."""
    weighted = rows.assign(seconds=rows["seconds"] * rows["runs"])
    sums = weighted.groupby(["implementation", "part"])[["seconds", "runs"]].sum()
    means = sums["seconds"] / sums["runs"]
    sentences = []
    for name, parts in means.groupby(level="implementation"):
        largest = parts.droplevel("implementation").nlargest(3)
        listed = ", ".join(f"{part} {value:.2f}" for part, value in largest.items())
        sentences.append(f"{name}: {parts.sum():.2f} seconds per run, of which {listed}")
    return "; ".join(sentences) + "."


def of_pictures(
    views: Sequence[RunView], datasets: Sequence[DatasetSummary]
) -> dict[str, tuple[str, str]]:
    """Return the text alternatives of the pictures of `bench.report.pictures`, by file name.

    Args:
        views: the runs of a report.
        datasets: the summaries of what they were trained on.

    Returns:
        What each picture shows in words, and as a table in Markdown or "".
    """
    texts = {}
    for number, summary in enumerate(datasets):
        distribution, samples = pictures.dataset_names(number)
        texts[distribution] = _distribution(summary)
        classes = [pictures.class_name(summary, label) for label in summary.train_labels]
        texts[samples] = (f"Small grey images; row by row: {', '.join(classes)}.", "")
    by_fingerprint: Mapping[str | None, DatasetSummary] = {one.fingerprint: one for one in datasets}
    for view in pictures.best_by_implementation(views):
        summary_of_run = by_fingerprint.get(view.record.dataset_fingerprint)
        if summary_of_run is not None:
            predictions, confusion = pictures.run_names(view)
            texts[predictions] = (_predictions(view.record, summary_of_run), "")
            texts[confusion] = _confusion(view.record, summary_of_run)
    return texts


def _distribution(summary: DatasetSummary) -> tuple[str, str]:
    sets = {"training": summary.train_class_counts, "test": summary.test_class_counts}
    words = " ".join(
        f"{min(counts):,} to {max(counts):,} {name} images a class."
        for name, counts in sets.items()
        if counts
    )
    counted = zip(summary.class_names, *sets.values(), strict=False)
    rows = [[markdown.text(name), *(f"{count:,}" for count in counts)] for name, *counts in counted]
    return words, markdown.table(["class", "training images", "test images"], rows)


def _predictions(record: RunRecord, summary: DatasetSummary) -> str:
    pairs = list(zip(summary.test_labels, record.sample_predictions, strict=False))
    wrong = [
        f"image {number}: {_mistake(summary, truth, predicted)}"
        for number, (truth, predicted) in enumerate(pairs, start=1)
        if truth != predicted
    ]
    right = f"{len(pairs) - len(wrong)} of {len(pairs)} are correct"
    return "; ".join([right, *wrong]) + "."


def _mistake(summary: DatasetSummary, truth: int, predicted: int) -> str:
    name = partial(pictures.class_name, summary)
    return f"{name(truth)} predicted as {name(predicted)}"


def _confusion(record: RunRecord, summary: DatasetSummary) -> tuple[str, str]:
    matrix = record.confusion_matrix or ()
    total, right = sum(map(sum, matrix)), sum(line[n] for n, line in enumerate(matrix))
    mistakes = [
        (count, truth, predicted)
        for truth, line in enumerate(matrix)
        for predicted, count in enumerate(line)
        if truth != predicted and count
    ]
    words = f"{right:,} of {total:,} are correct."
    if mistakes:
        count, truth, predicted = max(mistakes)
        pair = _mistake(summary, truth, predicted)
        words += f" The most frequent mistake, {count} times: {pair}."
    names = [markdown.text(pictures.class_name(summary, number)) for number in range(len(matrix))]
    rows = [[name, *map(str, line)] for name, line in zip(names, matrix, strict=True)]
    return words, markdown.table(["true class", *names], rows)
