"""The findings of a report, in sentences: speed, parity, accuracy, learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bench.markdown import text
from bench.records import PARITY_POINTS, has_learned
from bench.report import dataframes
from bench.report.analysis import Analysis, Paired, by_seed, log_speeds, paired
from bench.report.sweep_summary import counted, sweep_summary
from bench.statistics import standard_error_of_accuracy

MAX_CONDITIONS = 12  # with their own sentences; the comparison contains all


def findings(analysis: Analysis) -> list[str]:
    """Return the sentences that a report opens with, in Markdown.

    Args:
        analysis: the analysis of any number of records.

    Returns:
        Sentences on speed, parity and accuracy, then the summary of the sweep.
    """
    compared = analysis.finished
    if not analysis.views:
        sentences = ["**There is no record here**, so there is nothing to report."]
    elif compared.empty:
        sentences = ["**No run has a result**, so there is nothing to compare."]
    else:
        best = dataframes.best_rates(analysis.runs)
        sentences = [
            *_each(compared, lambda group: _speed(best, group)),
            *_parity(compared),
            *_learned(compared),
            *_each(compared, lambda group: _agreement(best, group)),
            *_each(compared, _rates),
        ]
    return sentences + sweep_summary(analysis)


def _each(table: pd.DataFrame, describe: Callable[[pd.DataFrame], str | None]) -> list[str]:
    """Return one sentence for each of the first conditions, and the number of the others."""
    conditions = dataframes.conditions(table)
    sentences = [
        f"{text(label)}: {sentence}"
        for label, group in conditions[:MAX_CONDITIONS]
        if (sentence := describe(group)) is not None
    ]
    n_left = len(conditions) - MAX_CONDITIONS
    if n_left > 0:
        sentences.append(f"For {counted(n_left, 'more condition')}: see the comparison.")
    return sentences


def _speed(best: pd.DataFrame, group: pd.DataFrame) -> str | None:
    """Name the implementation with the highest speed, and whether the pairs prove its lead."""
    ranked = group[group["rank"].notna()].sort_values("rank")
    if ranked.empty:
        return None
    fastest, *others = dataframes.rows(ranked)
    name, speed = text(fastest.implementation), f"{fastest.examples_per_second:,.0f} examples/s"
    if not others:
        return f"{name} is the only implementation with a rank, at {speed}."
    speeds = log_speeds(_runs_of(best, fastest.run_ids))
    pairs = [(row, paired(speeds, log_speeds(_runs_of(best, row.run_ids)))) for row in others]
    listed = ", ".join(_times_as_fast(row.implementation, pair) for row, pair in pairs)
    if all(pair is not None and pair.low > 0 for _, pair in pairs):
        return f"**{name} is the fastest**, at {speed}: {listed}."
    return (
        f"{name} has the highest speed, {speed}, but is **not shown to be the fastest**: {listed}."
    )


def _runs_of(runs: pd.DataFrame, run_ids: Sequence[str]) -> pd.DataFrame:
    return runs[runs["run_id"].isin(run_ids)]


def _times_as_fast(other: str, pair: Paired | None) -> str:
    """Return the ratio of two speeds, with its 95 % interval over pairs of the same seed."""
    if pair is None:
        return f"no seed in common with {text(other)}"
    words = f"{math.exp(pair.mean):.2f} times as fast as {text(other)}"
    if pair.half_width is None:
        return f"{words} (one seed, so no interval)"
    includes_1 = "" if pair.low > 0 else ", which includes 1"
    return (
        f"{words} (95 % interval over {counted(pair.n_pairs, 'pair')} of the same seed: "
        f"{math.exp(pair.low):.2f} to {math.exp(pair.high):.2f}{includes_1})"
    )


def _parity(compared: pd.DataFrame) -> list[str]:
    """Name the implementations whose parity is proven, and those without a rank and why."""
    words = {
        dataframes.PASSED: "Parity is proven for {}: they compute what the recipe says",
        dataframes.FAILED: "Without a rank: {}; what they compute is **not what the recipe says**",
        dataframes.NOT_CHECKED: "Without a rank: {}; it is **not proven** that they compute what "
        "the recipe says",
    }
    sentences = []
    for word, sentence in words.items():
        names = _names(compared[compared["parity"] == word])
        if names:
            sentences.append(f"{sentence.format(names)}, with this code and these versions.")
    return sentences


def _learned(compared: pd.DataFrame) -> list[str]:
    """Name the implementations that are no more accurate than guessing."""
    accuracies = compared[["validation_accuracy", "test_accuracy"]]
    guessing = [
        values.notna().any() and not has_learned(values.dropna().tolist())
        for _, values in accuracies.iterrows()
    ]
    names = _names(compared[guessing])
    return [f"**No more accurate than guessing**: {names}."] if names else []


def _names(compared: pd.DataFrame) -> str:
    return ", ".join(text(name) for name in sorted(compared["implementation"].unique()))


def _agreement(best: pd.DataFrame, group: pd.DataFrame) -> str | None:
    """Return whether implementations reach the same test accuracy at their best learning rates."""
    tested = group[group["n_tested"] > 0].sort_values("place")
    if len(tested) < 2:
        return "no two implementations have a test accuracy to compare." if len(group) > 1 else None
    baseline, *others = dataframes.rows(
        tested.sort_values("n_tested", ascending=False, kind="stable")
    )
    accuracies = [
        100 * by_seed(_runs_of(best, row.run_ids), "test_accuracy") for row in (baseline, *others)
    ]
    pairs = [paired(accuracy, accuracies[0]) for accuracy in accuracies[1:]]
    listed = "; ".join(
        f"{text(row.implementation)} {_difference(pair)}"
        for row, pair in zip(others, pairs, strict=True)
    )
    without_interval = any(pair is not None and pair.half_width is None for pair in pairs)
    return (
        f"test accuracy at the best rates, minus the accuracy of {text(baseline.implementation)}, "
        f"in percentage points: {listed}.{_of_one_seed(baseline) if without_interval else ''}"
    )


def _difference(pair: Paired | None) -> str:
    """Return a difference in accuracy, and whether it is within what parity allows."""
    if pair is None:
        return "has no seed in common with it"
    if pair.half_width is None:
        return f"{pair.mean:+.2f}"
    bound = f"{PARITY_POINTS:g} points"
    is_different = pair.low > 0 or pair.high < 0
    if pair.low >= -PARITY_POINTS and pair.high <= PARITY_POINTS:
        verdict = f"different, but within {bound}" if is_different else f"the same within {bound}"
    elif pair.low > PARITY_POINTS or pair.high < -PARITY_POINTS:
        verdict = f"**different by more than {bound}**"
    elif is_different:
        verdict = f"different, perhaps by more than {bound}"
    else:
        verdict = f"too few pairs to show whether within {bound}"
    return (
        f"{pair.mean:+.2f} (95 % interval over {counted(pair.n_pairs, 'pair')} of the same seed: "
        f"{pair.low:+.2f} to {pair.high:+.2f}; {verdict})"
    )


def _of_one_seed(row: Any) -> str:
    """Return the uncertainty of an accuracy that was measured once."""
    if pd.isna(row.test_size):
        return " One seed gives no interval."
    error = 100 * standard_error_of_accuracy(row.test_accuracy, row.test_size)
    return (
        f" One seed gives no interval; the size of the test set alone, {row.test_size:,.0f} "
        f"images, gives an accuracy a standard error of {error:.2f} points."
    )


def _rates(group: pd.DataFrame) -> str:
    """Name the best learning rate of each implementation."""
    rates = []
    for row in dataframes.rows(group.sort_values("implementation")):
        words = f"{dataframes.plain(row.learning_rate)} for {text(row.implementation)}"
        if row.n_seeds < row.n_tried:
            words += f" (**only {row.n_seeds} of {row.n_tried} seeds have a result**)"
        rates.append(words)
    return f"best learning rate {', '.join(rates)}."
