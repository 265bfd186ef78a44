"""What charts and pictures show, in words and tables, for those who can't see them."""

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
    """Say how fast each implementation was."""
    medians = runs.groupby("implementation")["examples_per_second"].median()
    listed = ", ".join(f"{name} {median:,.0f}" for name, median in medians.items())
    return f"Median examples per second: {listed}."


def lowest(curves: pd.DataFrame, column: str) -> str:
    """Say where each implementation's curves come down to, and where that one ends."""
    return _extremes(curves, column, "lowest", curves.groupby("implementation")[column].idxmin())


def highest(curves: pd.DataFrame, column: str) -> str:
    """Say how high each implementation's curves come, and where that one ends."""
    return _extremes(curves, column, "highest", curves.groupby("implementation")[column].idxmax())


def _extremes(curves: pd.DataFrame, column: str, word: str, places: pd.Series) -> str:
    said = []
    for row in frames.rows(curves.loc[places]):
        last = curves.loc[curves["run_id"] == row.run_id, column].iloc[-1]
        said.append(
            f"{row.implementation}: {word} {getattr(row, column):.4f} at epoch {row.epoch}, after "
            f"{row.train_seconds_so_far:.3g} seconds of training, with rate "
            f"{row.learning_rate:g}; {last:.4f} at the end"
        )
    return ". ".join(said) + "."


def front(runs: pd.DataFrame) -> str:
    """Say which runs are on the Pareto front."""
    on_it = runs[runs["pareto"]].sort_values("train_seconds")
    listed = "; ".join(
        f"{row.implementation} with rate {row.learning_rate:g}, {row.validation_accuracy:.4f} "
        f"after {row.train_seconds:.3g} seconds"
        for row in frames.rows(on_it[:MAX_POINTS])
    )
    more = f"; and {len(on_it) - MAX_POINTS} more" if len(on_it) > MAX_POINTS else ""
    return f"On the Pareto front: {listed}{more}."


def rates(rows: pd.DataFrame) -> str:
    """Say what each implementation reached at each learning rate."""
    said = []
    for name, mine in rows.groupby("implementation"):
        cells = [
            f"{row.learning_rate:g} {row.ended}"
            if pd.isna(row.validation_accuracy)
            else f"{row.learning_rate:g} {row.validation_accuracy:.4f}"
            for row in frames.rows(mine.sort_values("learning_rate"))
        ]
        said.append(f"{name}: {', '.join(cells)}")
    return "Learning rate and accuracy, " + "; ".join(said) + "."


def ledger(rows: pd.DataFrame) -> str:
    """Say how many seconds a run of each implementation took, and what most of them went to."""
    weighted = rows.assign(seconds=rows["seconds"] * rows["runs"])
    sums = weighted.groupby(["implementation", "part"])[["seconds", "runs"]].sum()
    means = sums["seconds"] / sums["runs"]
    said = []
    for name, parts in means.groupby(level="implementation"):
        most = parts.droplevel("implementation").nlargest(3)
        listed = ", ".join(f"{part} {value:.2f}" for part, value in most.items())
        said.append(f"{name} {parts.sum():.2f} seconds a run, most of them {listed}")
    return "; ".join(said) + "."


def of_pictures(
    views: Sequence[RunView], datasets: Sequence[DatasetSummary]
) -> dict[str, tuple[str, str]]:
    """Return what each of `bench.report.pictures` shows: in words, and as a table in Markdown.

    The table is empty where words are enough. By file name.
    """
    said = {}
    for number, summary in enumerate(datasets):
        distribution, samples = pictures.dataset_names(number)
        said[distribution] = _distribution(summary)
        classes = [pictures.class_name(summary, label) for label in summary.train_labels]
        said[samples] = (f"Small grey images; row by row: {', '.join(classes)}.", "")
    by_fingerprint: Mapping[str | None, DatasetSummary] = {one.fingerprint: one for one in datasets}
    for view in pictures.best_by_implementation(views):
        summary_of_run = by_fingerprint.get(view.record.dataset_fingerprint)
        if summary_of_run is not None:
            predictions, confusion = pictures.run_names(view)
            said[predictions] = (_predictions(view.record, summary_of_run), "")
            said[confusion] = _confusion(view.record, summary_of_run)
    return said


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
    right = f"{len(pairs) - len(wrong)} of {len(pairs)} are right"
    return "; ".join([right, *wrong]) + "."


def _mistake(summary: DatasetSummary, truth: int, predicted: int) -> str:
    name = partial(pictures.class_name, summary)
    return f"{name(truth)} taken for {name(predicted)}"


def _confusion(record: RunRecord, summary: DatasetSummary) -> tuple[str, str]:
    matrix = record.confusion_matrix or ()
    total, right = sum(map(sum, matrix)), sum(line[n] for n, line in enumerate(matrix))
    mistakes = [
        (count, truth, predicted)
        for truth, line in enumerate(matrix)
        for predicted, count in enumerate(line)
        if truth != predicted and count
    ]
    words = f"{right:,} of {total:,} are right."
    if mistakes:
        count, truth, predicted = max(mistakes)
        pair = _mistake(summary, truth, predicted)
        words += f" The most frequent mistake, {count} times: {pair}."
    names = [markdown.text(pictures.class_name(summary, number)) for number in range(len(matrix))]
    rows = [[name, *map(str, line)] for name, line in zip(names, matrix, strict=True)]
    return words, markdown.table(["true class", *names], rows)
