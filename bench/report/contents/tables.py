"""The tables of a report about its runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.console import first_line
from bench.records import DatasetSummary, RunRecord, best_runs
from bench.report.contents.blocks import Cell, Column, Level, Row, Table
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.display_names import RunView
from bench.report.frames.swept import FILTERS
from bench.terminal import format_number

MAX_MISTAKES = 5
LEVELS: Mapping[str, Level] = {
    "done": "", "diverged": "attention", "skipped": "attention",
    dataframes.QUIET: "good", dataframes.SHARED: "attention", dataframes.NOISY: "attention",
    dataframes.NOT_KNOWN: "attention", dataframes.PASSED: "good", dataframes.FAILED: "bad",
    dataframes.NOT_CHECKED: "attention",
}  # fmt: skip


def keys_of(row: Any) -> dict[str, str]:
    """Return the settings of a row that the page filters by."""
    return {name: dataframes.plain(getattr(row, name)) for name in FILTERS if hasattr(row, name)}


def reason_of(record: RunRecord) -> str:
    """Return why a run has no result, in one line, or nothing."""
    return first_line(record.error.message) if record.error else ""


def quiet(word: str) -> Cell | str:
    """Return how quiet the machine was."""
    return Cell(word, level=LEVELS[word]) if word in LEVELS else word


def _by_case(runs: pd.DataFrame) -> list[tuple[str, list[pd.DataFrame]]]:
    """Return the runs of each case, in groups by condition."""
    return [
        (label, [case for _, case in group.groupby("implementation")])
        for label, group in dataframes.conditions(runs)
    ]


def rates(analysis: Analysis) -> Table:
    """Return the test accuracy: one row per case, one column per learning rate."""
    runs, compared = analysis.runs, analysis.comparison
    learning_rates = sorted(runs["learning_rate"].dropna().unique())
    best = {run_id for run_ids in compared["run_ids"] for run_id in run_ids}
    accuracies = _accuracies(runs, best)
    groups = []
    for label, cases in _by_case(runs):
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
        f"Test accuracy by learning rate: {over_seeds}the best rate is marked, that with {chosen}, "
        "which need not have the highest test accuracy"
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
    return Cell(mean, level="good") if row.is_best else mean


def time_by_part(analysis: Analysis) -> Table:
    """Return where the time of finished runs went: means, one row per case."""
    done = analysis.runs[analysis.runs["status"] == "done"]
    by_case = done.groupby(["condition", "implementation"])
    means, n_done = by_case[list(dataframes.PARTS)].mean(), by_case.size()
    groups = []
    for label, cases in _by_case(analysis.runs):
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
    caption = (
        "Seconds by activity: mean of the finished runs; the parts add up to the total, which the "
        "parent process measures"
    )
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
                    f"{truth} taken for {predicted} {count}"
                    for count, truth, predicted in pairs[:MAX_MISTAKES]
                )
                total = str(sum(count for count, *_ in pairs))
                rows.append(Row([row.implementation, total, listed or "-"], keys_of(row)))
        if rows:
            groups.append((label, rows))
    columns = [
        Column("implementation", is_number=False), Column("all mistakes"),
        Column("most mistaken", is_number=False),
    ]  # fmt: skip
    return Table(
        "Mistakes: the best run of each row of the comparison, on the test set", columns, groups
    )


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


def runs(analysis: Analysis) -> Table:
    """Return the runs: first those without a result, with the reason."""
    columns = [
        Column("run", is_number=False), Column("status", is_number=False),
        Column("reason", is_number=False, is_extra=not any(map(reason_of, analysis.sweep.records))),
        Column("epochs"), Column("test accuracy"),
        Column("examples/s", definition="median over the epochs"),
        Column("ceiling", is_extra=True), Column("train s"),
        Column("total s", is_extra=True), Column("machine was", is_number=False),
    ]  # fmt: skip
    over_repeats = dataframes.speed_over_repeats(analysis.runs)
    ordered = sorted(
        zip(analysis.views, dataframes.rows(analysis.runs), over_repeats, strict=True),
        key=lambda entry: entry[0].record.status == "done",
    )
    rows = [Row(_run_row(view, ratio), keys_of(row)) for view, row, ratio in ordered]
    return Table("Runs", columns, [("", rows)])


def _machine_was(record: RunRecord, over_repeats: float) -> Cell | str:
    """Return how quiet the machine was, and whether the run was not as fast as its repeats."""
    if record.examples_per_second is None:
        return "-"
    word = dataframes.quiet(record)
    if 1 / dataframes.MAX_UNEVEN <= over_repeats <= dataframes.MAX_UNEVEN or pd.isna(over_repeats):
        return quiet(word)
    differs = f"{'slower' if over_repeats < 1 else 'faster'} than its repeats"
    return Cell(f"{word}, but {differs}" if word == dataframes.QUIET else f"{word}, {differs}",
                level="attention")  # fmt: skip


def _run_row(view: RunView, over_repeats: float) -> list[Cell | str]:
    record = view.record
    status = record.status.replace("_", " ")
    return [
        Cell(record.run_id, is_code=True),
        Cell(status, level=LEVELS.get(record.status, "bad")),
        reason_of(record),
        str(max(len(record.epochs) - 1, 0)),
        format_number(record.test_accuracy, ".4f"),
        format_number(record.examples_per_second, ",.0f"),
        format_number(record.flops_utilisation, ".0%"),
        format_number(record.seconds.train, ".1f"),
        format_number(record.seconds.total, ".1f"),
        _machine_was(record, over_repeats),
    ]
