"""The tables of a report about its runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.console import first_line
from bench.records import DatasetSummary, RunRecord
from bench.report.contents.blocks import Cell, Column, Folded, Level, Row, Table
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.swept import FILTERS
from bench.scores import best_runs
from bench.terminal import format_number

MAX_MISTAKES = 5
MAX_OPEN_ROWS = 12  # of tables that are less important; longer ones are folded
CEILING = "speed of the arithmetic over that of a float32 matrix multiplication on the same cores"
LEVELS: Mapping[str, Level] = {
    "done": "", "diverged": "attention", "skipped": "attention",
    dataframes.QUIET: "good", dataframes.SHARED: "attention", dataframes.NOISY: "attention",
    dataframes.NOT_KNOWN: "attention", dataframes.PASSED: "good", dataframes.FAILED: "bad",
    dataframes.NOT_CHECKED: "attention",
}  # fmt: skip
OTHER_WORK = {
    dataframes.QUIET: "none seen", dataframes.SHARED: "shared machine", dataframes.NOISY: "seen",
    dataframes.NOT_KNOWN: "not known",
}  # fmt: skip


def keys_of(row: Any) -> dict[str, str]:
    """Return the settings of a row that the page filters by."""
    return {name: dataframes.plain(getattr(row, name)) for name in FILTERS if hasattr(row, name)}


def reason_of(record: RunRecord) -> str:
    """Return why a run has no result, in one line, or nothing."""
    return first_line(record.error.message) if record.error else ""


def quiet(word: str) -> Cell | str:
    """Return whether other work was seen on the machine."""
    return Cell(OTHER_WORK[word], level=LEVELS[word]) if word in OTHER_WORK else word


def folded_if_long(summary: str, table: Table) -> Table | Folded:
    """Return the table, or a folded part with it if it has many rows."""
    return Folded(summary, [table]) if table.n_rows > MAX_OPEN_ROWS else table


def _by_case(analysis: Analysis) -> list[tuple[str, list[pd.DataFrame]]]:
    """Return the runs of each case, in groups by condition."""
    groups = []
    for label, group in dataframes.conditions(analysis.runs):
        cases = dict(iter(group.groupby("implementation")))
        groups.append((label, [cases[name] for name in analysis.names if name in cases]))
    return groups


def rates(analysis: Analysis) -> Table:
    """Return the test accuracy: one row per case, one column per learning rate."""
    runs, compared = analysis.runs, analysis.comparison
    learning_rates = sorted(runs["learning_rate"].dropna().unique())
    best = {run_id for run_ids in compared["run_ids"] for run_id in run_ids}
    accuracies = _accuracies(runs, best)
    groups = []
    for label, cases in _by_case(analysis):
        rows = []
        for case in cases:
            first = next(dataframes.rows(case[:1]))
            key = (first.condition, first.implementation)
            cells = [accuracies.get((*key, rate), "-") for rate in learning_rates]
            rows.append(Row([first.implementation, *cells], _case_keys(first)))
        groups.append((label, rows))
    columns = [
        Column(f"rate {rate:g}", keys={"learning_rate": dataframes.plain(rate)})
        for rate in learning_rates
    ]
    validated = runs["validation_accuracy"].notna().any()
    chosen = "the highest validation accuracy" if validated else "the lowest training loss"
    over_seeds = "mean over seeds; " if dataframes.seeds(runs).nunique() > 1 else ""
    caption = (
        f"Test accuracy by learning rate: {over_seeds}the marked rate is chosen by {chosen}, not "
        "by test accuracy"
    )
    return Table(caption, [Column("implementation", is_number=False), *columns], groups)


def _case_keys(row: Any) -> dict[str, str]:
    return {name: value for name, value in keys_of(row).items() if name != "learning_rate"}


def _accuracies(runs: pd.DataFrame, best: set[str]) -> dict[tuple[int, str, float], Cell | str]:
    """Return the mean test accuracy over seeds, marked at the best rate, or how the runs ended.

    Args:
        runs: all runs.
        best: the run_ids at the best learning rates.

    Returns:
        The cells by condition, implementation and learning rate.
    """
    case = ["condition", "implementation", "learning_rate"]
    runs = runs.assign(seed=dataframes.seeds(runs), is_best=runs["run_id"].isin(best))
    done = runs[runs["status"] == "done"]
    by_seed = done.groupby([*case, "seed"])["test_accuracy"].mean()
    table = runs.groupby(case).agg(
        status=("status", dataframes.statuses),
        n_tried=("seed", "nunique"),
        is_best=("is_best", "any"),
    )
    table = table.join(by_seed.groupby(case).agg(mean="mean", n_done="size"))
    return {row.Index: _accuracy(row) for row in dataframes.rows(table)}


def _accuracy(row: Any) -> Cell | str:
    if math.isnan(row.mean):
        return Cell(row.status, level="attention")
    of_all = "" if row.n_done == row.n_tried else f" ({row.n_done:.0f} of {row.n_tried})"
    mean = f"{row.mean:.4f}{of_all}"
    return Cell(mean, level="neutral") if row.is_best else mean


def time_by_part(analysis: Analysis) -> Table:
    """Return where the time of finished runs went: means, one row per case."""
    done = analysis.runs[analysis.runs["status"] == "done"]
    by_case = done.groupby(["condition", "implementation"])
    means, n_done = by_case[list(dataframes.PARTS)].mean(), by_case.size()
    groups = []
    for label, cases in _by_case(analysis):
        rows = []
        for case in cases:
            first = next(dataframes.rows(case[:1]))
            key = (first.condition, first.implementation)
            seconds = [*means.loc[key]] if key in n_done else [math.nan] * len(dataframes.PARTS)
            numbers = [format_number(value, ".2f") for value in (*seconds, sum(seconds))]
            statuses = Cell(dataframes.statuses(case["status"]), level="bad")
            n_runs = str(n_done[key]) if key in n_done else statuses
            rows.append(Row([first.implementation, n_runs, *numbers], _case_keys(first)))
        groups.append((label, rows))
    headings = ["implementation", "runs", *dataframes.PARTS.values(), "total"]
    caption = "Seconds by activity: mean of the finished runs; the parts add up to the total"
    return Table(caption, [Column(name, name != "implementation") for name in headings], groups)


def mistakes(analysis: Analysis) -> Table:
    """Return the most frequent mistakes of the best run of each row of the comparison."""
    datasets = {summary.fingerprint: summary for summary in analysis.sweep.datasets}
    by_id = {record.run_id: record for record in analysis.sweep.records}
    groups = []
    for label, group in dataframes.conditions(analysis.finished):
        rows = []
        for row in dataframes.rows(group):
            records = [by_id[name] for name in row.run_ids]
            record = (best_runs(records) or records)[0]
            dataset = datasets.get(record.dataset_fingerprint or "")
            if dataset is not None and record.confusion_matrix:
                pairs = mistaken_pairs(record, dataset)
                listed = "; ".join(
                    f"{count:,} {truth} taken for {predicted}"
                    for count, truth, predicted in pairs[:MAX_MISTAKES]
                )
                wrong, images = sum(count for count, *_ in pairs), _n_images(record)
                cells = [row.implementation, f"{wrong:,} of {images:,}", listed or "-"]
                rows.append(Row(cells, keys_of(row)))
        if rows:
            groups.append((label, rows))
    columns = [
        Column("implementation", is_number=False), Column("all mistakes"),
        Column("most frequent", is_number=False),
    ]  # fmt: skip
    caption = "Mistakes: test images that the best run of each implementation classified wrongly"
    return Table(caption, columns, groups)


def _n_images(record: RunRecord) -> int:
    return sum(map(sum, record.confusion_matrix or ()))


def mistaken_pairs(record: RunRecord, dataset: DatasetSummary) -> list[tuple[int, str, str]]:
    """Return how often which true class was mistaken for which class, the most frequent first.

    Args:
        record: a run with a confusion matrix, or without one.
        dataset: the summary of the run's dataset.
    """
    return sorted(
        (
            (count, dataset.class_name(truth), dataset.class_name(predicted))
            for truth, counts in enumerate(record.confusion_matrix or ())
            for predicted, count in enumerate(counts)
            if truth != predicted and count
        ),
        reverse=True,
    )
