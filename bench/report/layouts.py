"""The tables of a report about its runs, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.markdown import code, table, text
from bench.records import SECONDS_PARTS, RunRecord, best_runs
from bench.report import frames
from bench.results.store import Sweep
from bench.statistics import standard_error_of_accuracy
from bench.terminal import shown

MAX_PAIRS = 5


def comparison(compared: pd.DataFrame) -> str:
    """Lay out the comparison: a row for each case.

    Args:
        compared: as `comparing.comparison` returns it, with the time to accuracy.

    Returns:
        A table in Markdown, or nothing.
    """
    if compared.empty:
        return ""
    named = frames.varying(compared)
    headings = [
        *_headings(named), "implementation", "rank", "parity", "learning rate",
        "validation accuracy", "test accuracy", "seeds", "examples/s", "ratio", "machine was",
        "ceiling", "target", "s to target", "with warm-up", "warm-up s", "train s", "total s",
        "peak memory MB",
    ]  # fmt: skip
    rows = [
        [
            *_settings(row, named),
            text(row.implementation),
            number(row.rank, ".0f"),
            row.parity if row.parity == frames.PASSED else f"**{row.parity}**",
            frames.plain(row.learning_rate),
            number(row.validation_accuracy, ".4f"),
            accuracy(row),
            seeds(row),
            speed(row),
            number(row.ratio, ".2f"),
            _quiet(row.quiet),
            number(row.flops_utilisation, ".0%"),
            number(row.target, ".2f"),
            reached(row, "seconds_to_target"),
            reached(row, "cold_seconds_to_target"),
            number(row.warm_up_seconds, ".2f"),
            number(row.train_seconds, ".1f"),
            number(row.total_seconds, ".1f"),
            number(row.peak_memory_bytes / 1e6, ",.0f"),
        ]
        for row in frames.rows(compared)
    ]
    return table(headings, rows, n_words=len(named) + 1)


def _headings(named: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in named]


def _settings(row: Any, named: Sequence[str]) -> list[str]:
    return [text(frames.plain(getattr(row, name))) for name in named]


def _quiet(word: str) -> str:
    return word if word == frames.QUIET else f"**{word}**"


def speed(row: Any) -> str:
    """Return examples per second, with the slowest and the fastest epoch."""
    middle = number(row.examples_per_second, ",.0f")
    if pd.isna(row.examples_per_second_min):
        return middle
    low, high = row.examples_per_second_min, row.examples_per_second_max
    return f"{middle} ({low:,.0f} to {high:,.0f})"


def seeds(row: Any) -> str:
    """Return the number of seeds with a result, and of all seeds if some have none."""
    return str(row.n_seeds) if row.n_seeds == row.n_tried else f"{row.n_seeds} of {row.n_tried}"


def reached(row: Any, column: str) -> str:
    """Return the seconds until the condition's target accuracy was reached.

    Args:
        row: of the comparison.
        column: with the seconds.
    """
    if pd.isna(row.target):
        return "-"
    seconds = getattr(row, column)
    taken = "not reached" if pd.isna(seconds) else f"{seconds:.1f}"
    some = "" if row.n_reached in (0, row.n_runs) else f" ({row.n_reached} of {row.n_runs})"
    return taken + some


def accuracy(row: Any) -> str:
    """Return a mean test accuracy with its 95 % interval, or of one seed its standard error."""
    if pd.isna(row.test_accuracy):
        return "-"
    n_seeds = "one seed" if row.n_tested == 1 else f"{row.n_tested} equal seeds"
    if row.n_tested > 1 and row.test_accuracy_half_width > 0:
        some = "" if row.n_tested == row.n_seeds else f" (n = {row.n_tested})"
        return f"{row.test_accuracy:.4f} ± {row.test_accuracy_half_width:.4f}{some}"
    error = standard_error(row)
    return f"{row.test_accuracy:.4f} ({n_seeds}{error and f', standard error {error}'})"


def standard_error(row: Any) -> str:
    """Return the standard error of an accuracy from the size of its test set, if that is known."""
    if pd.isna(row.test_size):
        return ""
    return f"{standard_error_of_accuracy(row.test_accuracy, row.test_size):.4f}"


def rates(runs: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Lay out test accuracy: a row for each case, a column for each learning rate.

    Args:
        runs: of the report.
        compared: as `comparing.comparison` returns it.

    Returns:
        A table in Markdown, or nothing.
    """
    if compared.empty:
        return ""
    named = frames.varying(runs)
    columns = sorted(runs["learning_rate"].dropna().unique())
    chosen = {run_id for run_ids in compared["run_ids"] for run_id in run_ids}
    case = runs.groupby(list(frames.CASE), dropna=False).ngroup()
    shown = _by_rate(runs.assign(is_best=runs["run_id"].isin(chosen)), case)
    firsts = runs.assign(case=case).groupby(case).head(1).sort_values("case")
    rows = [
        [
            *_settings(row, named),
            text(row.implementation),
            *(shown.get((row.case, rate), "-") for rate in columns),
        ]
        for row in frames.rows(firsts)
    ]
    headings = [*_headings(named), "implementation", *(f"rate {rate:g}" for rate in columns)]
    return table(headings, rows, n_words=len(named) + 1)


def _by_rate(runs: pd.DataFrame, case: pd.Series) -> dict[Any, str]:
    """Return the mean over seeds of each case and rate, and whether all seeds have a result."""
    keys = [case.rename("case"), runs["learning_rate"]]
    seed = frames.seeds(runs)
    done = runs["status"] == "done"
    tested = runs.loc[done, "test_accuracy"]
    by_seed = tested.groupby([key[done] for key in [*keys, seed]]).mean()
    together = runs.groupby(keys)
    found = pd.DataFrame(
        {
            "mean": by_seed.groupby(level=[0, 1]).mean(),
            "n_done": by_seed.groupby(level=[0, 1]).size(),
            "n_tried": seed.groupby(keys).nunique(),
            "is_best": together["is_best"].any(),
            "endings": together["status"].agg(lambda words: ", ".join(dict.fromkeys(words))),
        }
    )
    return {row.Index: _of_rate(row) for row in frames.rows(found)}


def _of_rate(row: Any) -> str:
    if pd.isna(row.mean):
        return str(row.endings).replace("_", " ")
    mean = f"**{row.mean:.4f}**" if row.is_best else f"{row.mean:.4f}"
    return mean if row.n_done == row.n_tried else f"{mean} ({row.n_done:.0f} of {row.n_tried})"


def ledger(runs: pd.DataFrame) -> str:
    """Lay out where the time of finished runs went: means, a row for each case.

    Args:
        runs: of the report.

    Returns:
        A table in Markdown, or nothing.
    """
    done = runs[runs["status"] == "done"]
    if done.empty:
        return ""
    named = frames.varying(done)
    columns = [f"{part}_seconds" for part in SECONDS_PARTS]
    rows = []
    for _, group in done.groupby(list(frames.CASE), dropna=False):
        means = group[columns].mean().tolist()
        first = group.iloc[0]
        rows.append(
            [
                *_settings(first, named),
                text(first["implementation"]),
                str(len(group)),
                *(f"{value:.2f}" for value in means),
                f"{sum(means):.2f}",
            ]
        )
    headings = [*_headings(named), "implementation", "runs", *_headings(SECONDS_PARTS), "total"]
    return table(headings, rows, n_words=len(named) + 1)


def confused(sweep: Sweep, compared: pd.DataFrame) -> str:
    """Lay out the most frequent mistakes of the best run of each row of the comparison.

    Args:
        sweep: with the records of these runs.
        compared: as `comparing.comparison` returns it.

    Returns:
        A table in Markdown, or nothing.
    """
    names = {summary.fingerprint: summary.class_names for summary in sweep.datasets}
    by_id = {record.run_id: record for record in sweep.records}
    named = frames.varying(compared) if len(compared) else []
    rows = []
    for row in frames.rows(compared):
        best = best_runs(by_id[name] for name in row.run_ids)
        record = best[0] if best else by_id[row.run_ids[0]]
        classes = names.get(record.dataset_fingerprint or "")
        if classes is not None and record.confusion_matrix:
            settings = [*_settings(row, named), text(row.implementation)]
            rows.append([*settings, *_mistakes(record.confusion_matrix, classes)])
    if not rows:
        return ""
    headings = [*_headings(named), "implementation", "most mistaken", "all mistakes"]
    return table(headings, rows, n_words=len(headings) - 1)


def _mistakes(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    """Return the most frequent mistakes in words, and the number of all mistakes."""
    mistakes = sorted(
        (
            (count, classes[truth], classes[predicted])
            for truth, line in enumerate(matrix[: len(classes)])
            for predicted, count in enumerate(line[: len(classes)])
            if truth != predicted and count
        ),
        reverse=True,
    )
    listed = "; ".join(
        f"{text(truth)} taken for {text(predicted)} {count}"
        for count, truth, predicted in mistakes[:MAX_PAIRS]
    )
    right = sum(line[truth] for truth, line in enumerate(matrix) if truth < len(line))
    return [listed or "-", str(sum(map(sum, matrix)) - right)]


def runs(records: Sequence[RunRecord]) -> list[str]:
    """Lay out the runs.

    Args:
        records: of the report.

    Returns:
        Two lines of headings, then a line for each run.
    """
    headings = [
        "run", "status", "epochs", "test accuracy", "examples/s", "ceiling", "train s", "total s",
        "machine was",
    ]  # fmt: skip
    rows = [
        [
            code(record.run_id),
            record.status.replace("_", " "),
            str(max(len(record.epochs) - 1, 0)),
            shown(record.test_accuracy, ".4f"),
            shown(record.examples_per_second, ",.0f"),
            shown(record.flops_utilisation, ".0%"),
            shown(record.seconds.train, ".1f"),
            shown(record.seconds.total, ".1f"),
            _quiet(frames.quiet(record)) if record.examples_per_second is not None else "-",
        ]
        for record in records
    ]
    return table(headings, rows, n_words=2).splitlines()


def number(value: float | None, form: str) -> str:
    """Format a number of a table; a dash if there is none."""
    return "-" if value is None or pd.isna(value) else format(value, form)
