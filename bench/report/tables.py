"""The tables of a report about its runs, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.console import first_line
from bench.markdown import code, table, text
from bench.records import DatasetSummary, RunRecord, best_runs
from bench.report import dataframes
from bench.report.analysis import Analysis
from bench.statistics import standard_error_of_accuracy
from bench.terminal import format_number

MAX_MISTAKES = 5


def comparison(compared: pd.DataFrame) -> str:
    """Return the comparison: one row per case.

    Args:
        compared: as `analysis.compare` returns it, with the time to accuracy.

    Returns:
        A table in Markdown, or nothing.
    """
    if compared.empty:
        return ""
    columns = label_columns(compared)
    headings = [
        *_headings(columns), "rank", "parity", "learning rate", "validation accuracy",
        "test accuracy", "seeds", "examples/s", "ratio", "machine was", "ceiling", "target",
        "s to target", "with warm-up", "warm-up s", "train s", "total s", "peak memory MB",
    ]  # fmt: skip
    rows = [
        [
            *_labels(row, columns),
            format_number(row.rank, ".0f"),
            row.parity if row.parity == dataframes.PASSED else f"**{row.parity}**",
            dataframes.plain(row.learning_rate),
            format_number(row.validation_accuracy, ".4f"),
            _accuracy(row),
            seeds(row),
            _speed(row),
            format_number(row.ratio, ".2f"),
            _quiet(row.quiet),
            format_number(row.flops_utilisation, ".0%"),
            format_number(row.target, ".2f"),
            _seconds_to_target(row, "seconds_to_target"),
            _seconds_to_target(row, "cold_seconds_to_target"),
            format_number(row.warm_up_seconds, ".2f"),
            format_number(row.train_seconds, ".1f"),
            format_number(row.total_seconds, ".1f"),
            format_number(row.peak_memory_bytes / 1e6, ",.0f"),
        ]
        for row in dataframes.rows(compared)
    ]
    return table(headings, rows, n_words=len(columns))


def label_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that identify a row: settings that vary, the implementation, its status.

    The status is a column only if a row has no finished run.
    """
    status = ["status"] if "status" in frame and (frame["status"] != "done").any() else []
    return [*dataframes.varying(frame), "implementation", *status]


def _headings(columns: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in columns]


def _labels(row: Any, columns: Sequence[str]) -> list[str]:
    labels = {name: text(dataframes.plain(getattr(row, name))) for name in columns}
    if labels.get("status", "done") != "done":
        labels["status"] = f"**{labels['status']}**"
    return list(labels.values())


def _quiet(word: str) -> str:
    return word if word in (dataframes.QUIET, "-") else f"**{word}**"


def _speed(row: Any) -> str:
    """Return examples per second, with the slowest and the fastest epoch."""
    speed = format_number(row.examples_per_second, ",.0f")
    if pd.isna(row.examples_per_second_min):
        return speed
    return f"{speed} ({row.examples_per_second_min:,.0f} to {row.examples_per_second_max:,.0f})"


def seeds(row: Any) -> str:
    """Return the number of seeds with a result, and of all seeds if some have none."""
    return str(row.n_seeds) if row.n_seeds == row.n_tried else f"{row.n_seeds} of {row.n_tried}"


def _seconds_to_target(row: Any, column: str) -> str:
    """Return the seconds until a row's runs reached the target accuracy."""
    if pd.isna(row.target) or row.status != "done":
        return "-"
    seconds = getattr(row, column)
    number = "not reached" if pd.isna(seconds) else f"{seconds:.1f}"
    return number + (
        "" if row.n_reached in (0, row.n_runs) else f" ({row.n_reached} of {row.n_runs})"
    )


def _accuracy(row: Any) -> str:
    """Return a mean test accuracy with its 95 % interval, or the standard error of one seed."""
    if pd.isna(row.test_accuracy):
        return "-"
    if row.n_tested > 1 and row.test_accuracy_half_width > 0:
        some = "" if row.n_tested == row.n_seeds else f" (n = {row.n_tested})"
        return f"{row.test_accuracy:.4f} ± {row.test_accuracy_half_width:.4f}{some}"
    n_seeds = "one seed" if row.n_tested == 1 else f"{row.n_tested} equal seeds"
    error = standard_error(row)
    return f"{row.test_accuracy:.4f} ({n_seeds}{error and f', standard error {error}'})"


def standard_error(row: Any) -> str:
    """Return the standard error of an accuracy from the size of its test set, if that is known."""
    if pd.isna(row.test_size):
        return ""
    return f"{standard_error_of_accuracy(row.test_accuracy, row.test_size):.4f}"


def rates(runs: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Return the test accuracy: one row per case, one column per learning rate.

    Args:
        runs: the runs of the report.
        compared: as `analysis.compare` returns it.

    Returns:
        A table in Markdown, or nothing.
    """
    if compared.empty:
        return ""
    columns = [*dataframes.varying(runs), "implementation"]
    learning_rates = sorted(runs["learning_rate"].dropna().unique())
    best = {run_id for run_ids in compared["run_ids"] for run_id in run_ids}
    rows = []
    for _, case in runs.groupby(list(dataframes.CASE), dropna=False):
        by_rate = {
            rate: _mean_accuracy(group, best) for rate, group in case.groupby("learning_rate")
        }
        rows.append(
            [*_labels(case.iloc[0], columns), *(by_rate.get(rate, "-") for rate in learning_rates)]
        )
    headings = [*_headings(columns), *(f"rate {rate:g}" for rate in learning_rates)]
    return table(headings, rows, n_words=len(columns))


def _mean_accuracy(group: pd.DataFrame, best: set[str]) -> str:
    """Return the mean test accuracy over seeds, in bold at the best rate, or how the runs ended."""
    done = group[group["status"] == "done"]
    by_seed = done["test_accuracy"].groupby(dataframes.seeds(done)).mean()
    if by_seed.isna().all():
        return dataframes.statuses(group["status"])
    mean = f"{by_seed.mean():.4f}"
    mean = mean if best.isdisjoint(group["run_id"]) else f"**{mean}**"
    n_tried = dataframes.seeds(group).nunique()
    return mean if len(by_seed) == n_tried else f"{mean} ({len(by_seed)} of {n_tried})"


def time_by_part(runs: pd.DataFrame) -> str:
    """Return where the time of finished runs went: means, one row per case.

    Args:
        runs: the runs of the report.

    Returns:
        A table in Markdown, or nothing.
    """
    if "done" not in runs["status"].array:
        return ""
    columns = [*dataframes.varying(runs), "implementation"]
    rows = []
    for _, group in runs.groupby(list(dataframes.CASE), dropna=False):
        done = group[group["status"] == "done"]
        means = done[list(dataframes.PARTS)].mean()
        n_runs = str(len(done)) if len(done) else f"**{dataframes.statuses(group['status'])}**"
        numbers = [format_number(value, ".2f") for value in (*means, means.sum(skipna=False))]
        rows.append([*_labels(group.iloc[0], columns), n_runs, *numbers])
    headings = [*_headings(columns), "runs", *dataframes.PARTS.values(), "total"]
    return table(headings, rows, n_words=len(columns))


def mistakes(analysis: Analysis) -> str:
    """Return the most frequent mistakes of the best run of each row of the comparison.

    Args:
        analysis: the analysis of the report.

    Returns:
        A table in Markdown, or nothing.
    """
    datasets = {summary.fingerprint: summary for summary in analysis.sweep.datasets}
    by_id = {record.run_id: record for record in analysis.sweep.records}
    compared = analysis.finished
    columns = [*dataframes.varying(compared), "implementation"]
    rows = []
    for row in dataframes.rows(compared):
        records = [by_id[name] for name in row.run_ids]
        record = (best_runs(records) or records)[0]
        dataset = datasets.get(record.dataset_fingerprint or "")
        if dataset is not None and record.confusion_matrix:
            pairs = mistaken_pairs(record, dataset)
            listed = "; ".join(
                f"{text(truth)} taken for {text(predicted)} {count}"
                for count, truth, predicted in pairs[:MAX_MISTAKES]
            )
            n_mistakes = str(sum(count for count, *_ in pairs))
            rows.append([*_labels(row, columns), listed or "-", n_mistakes])
    if not rows:
        return ""
    headings = [*_headings(columns), "most mistaken", "all mistakes"]
    return table(headings, rows, n_words=len(headings) - 1)


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


def runs(records: Sequence[RunRecord]) -> str:
    """Return the runs: first those without a result, with the reason.

    Args:
        records: the records of the report.

    Returns:
        A table in Markdown.
    """
    headings = [
        "run", "status", "reason", "epochs", "test accuracy", "examples/s", "ceiling", "train s",
        "total s", "machine was",
    ]  # fmt: skip
    rows = [
        [
            code(record.run_id),
            record.status if record.status == "done" else f"**{record.status.replace('_', ' ')}**",
            text(first_line(record.error.message)) if record.error else "",
            str(max(len(record.epochs) - 1, 0)),
            format_number(record.test_accuracy, ".4f"),
            format_number(record.examples_per_second, ",.0f"),
            format_number(record.flops_utilisation, ".0%"),
            format_number(record.seconds.train, ".1f"),
            format_number(record.seconds.total, ".1f"),
            _quiet(dataframes.quiet(record) if record.examples_per_second is not None else "-"),
        ]
        for record in sorted(records, key=lambda record: record.status == "done")
    ]
    return table(headings, rows, n_words=3)
