"""What a sweep says, in sentences made from its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bench.markdown import text
from bench.report import comparing, tables
from bench.report.circumstances import circumstances, counted
from bench.report.comparing import Paired, conditions
from bench.results.store import Sweep

WITHIN_POINTS = 0.3  # percentage points of test accuracy: the last rung of the parity ladder
MAX_CONDITIONS = 12  # that have sentences of their own; the comparison has a row for each


def answers(sweep: Sweep, runs: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """Return the sentences a report opens with."""
    if not sweep.records:
        sentences = ["**There is no record here**, so there is nothing to report."]
    elif comparison.empty:
        sentences = ["**No run has a result**, so there is nothing to compare."]
    else:
        best = tables.best_rates(runs)
        sentences = [
            *_each(comparison, lambda group: _speed(best, group)),
            *_parity(comparison),
            *_each(comparison, lambda group: _agreement(best, group)),
            *_each(comparison, _rates),
        ]
    return sentences + circumstances(sweep, runs)


def _each(table: pd.DataFrame, say: Callable[[pd.DataFrame], str | None]) -> list[str]:
    """Say something of each condition, as long as there are few."""
    few, left = conditions(table, MAX_CONDITIONS)
    said = [
        f"{text(label)}: {sentence}" for label, group in few if (sentence := say(group)) is not None
    ]
    more = [f"The same of {counted(left, 'more condition')}: see the comparison."]
    return said + (more if left else [])


def _speed(best: pd.DataFrame, group: pd.DataFrame) -> str | None:
    """Say who is fastest, and by how much, where the pairs show it."""
    ranked = group[group["rank"].notna()].sort_values("rank")
    if ranked.empty:
        return None
    fastest, *others = tables.rows(ranked)
    at = f"{fastest.examples_per_second:,.0f} examples/s"
    if not others:
        return f"{text(fastest.implementation)} is the only one with a rank, at {at}."
    ours = comparing.log_speeds(_runs_of(best, fastest.run_ids))
    pairs = [
        (row, comparing.paired(ours, comparing.log_speeds(_runs_of(best, row.run_ids))))
        for row in others
    ]
    listed = ", ".join(_times_as_fast(row.implementation, found) for row, found in pairs)
    if all(found is not None and found.low > 0 for _, found in pairs):
        return f"**{text(fastest.implementation)}** is fastest, {listed}, at {at}."
    name = text(fastest.implementation)
    return f"which is fastest **can't be told**. {name} is ahead, {listed}, at {at}."


def _runs_of(runs: pd.DataFrame, run_ids: Sequence[str]) -> pd.DataFrame:
    return runs[runs["run_id"].isin(run_ids)]


def _times_as_fast(other: str, found: Paired | None) -> str:
    """Say how many times as fast, with a 95 % interval over pairs of the same seed."""
    if found is None:
        return f"with no seed in common with {text(other)}"
    words = f"{math.exp(found.mean):.2f} times as fast as {text(other)}"
    if found.half_width is None:
        return f"{words} (one seed gives no interval)"
    doubt = "" if found.low > 0 else ", so it can't be told"
    return (
        f"{words} (95 % interval over {counted(found.n_pairs, 'pair')} of the same seed: "
        f"{math.exp(found.low):.2f} to {math.exp(found.high):.2f}{doubt})"
    )


def _parity(comparison: pd.DataFrame) -> list[str]:
    """Name what is proven to compute the same, and what has lost its rank, and why."""
    sentences = []
    words = {
        tables.PASSED: "Parity is proven of {}: they compute what the recipe says",
        tables.FAILED: "Without a rank: {}; what they compute is **not what the recipe says**",
        tables.NOT_JUDGED: "Without a rank: {}; it is **not proven** that they compute what the "
        "recipe says",
    }
    for word, sentence in words.items():
        group = comparison[comparison["parity"] == word]
        names = ", ".join(text(name) for name in sorted(group["implementation"].unique()))
        if names:
            sentences.append(f"{sentence.format(names)}, with this code and these versions.")
    return sentences


def _agreement(best: pd.DataFrame, group: pd.DataFrame) -> str | None:
    """Say whether implementations reach the same test accuracy at their best learning rates."""
    tested = group[group["n_tested"] > 0].sort_values("place")
    if len(tested) < 2:
        return "no two implementations have a test accuracy to compare." if len(group) > 1 else None
    baseline, *others = tables.rows(tested.sort_values("n_tested", ascending=False, kind="stable"))
    theirs = comparing.by_seed(_runs_of(best, baseline.run_ids), "test_accuracy")
    found = [
        (row, comparing.paired(
            100 * comparing.by_seed(_runs_of(best, row.run_ids), "test_accuracy"), 100 * theirs))
        for row in others
    ]  # fmt: skip
    listed = "; ".join(f"{text(row.implementation)} {_difference(pairs)}" for row, pairs in found)
    alone = ""
    if any(pairs is not None and pairs.half_width is None for _, pairs in found):
        alone = f" One seed can't tell more{_of_the_test_set(baseline)}."
    return (
        f"test accuracy at the best rates, less that of {text(baseline.implementation)}, in "
        f"percentage points: {listed}.{alone}"
    )


def _difference(pairs: Paired | None) -> str:
    """Say how large a difference in accuracy is, and whether it is within what parity allows."""
    if pairs is None:
        return "has no seed in common with it"
    if pairs.half_width is None:
        return f"{pairs.mean:+.2f}"
    shown = pairs.low > 0 or pairs.high < 0
    if pairs.low >= -WITHIN_POINTS and pairs.high <= WITHIN_POINTS:
        verdict = f"{'a difference is shown, within' if shown else 'the same within'} the"
    elif pairs.low > WITHIN_POINTS or pairs.high < -WITHIN_POINTS:
        verdict = "**they differ** by more than the"
    elif shown:
        verdict = "they differ, can't tell whether by more than the"
    else:
        verdict = "can't tell whether within the"
    verdict += f" {WITHIN_POINTS:g} points of parity"
    return (
        f"{pairs.mean:+.2f} (95 % interval over {counted(pairs.n_pairs, 'pair')} of the same seed: "
        f"{pairs.low:+.2f} to {pairs.high:+.2f}; {verdict})"
    )


def _of_the_test_set(row: Any) -> str:
    """Say what an accuracy is worth that was measured once."""
    if pd.isna(row.test_size):
        return ""
    error = 100 * comparing.standard_error(row.test_accuracy, row.test_size)
    return (
        f": a test set of {row.test_size:,.0f} images alone gives an accuracy a standard error of "
        f"{error:.2f} points"
    )


def _rates(group: pd.DataFrame) -> str:
    chosen = []
    for row in tables.rows(group.sort_values("implementation")):
        words = f"{tables.plain(row.learning_rate)} for {text(row.implementation)}"
        if row.n_seeds < row.n_tried:
            words += f" (**only {row.n_seeds} of {row.n_tried} seeds have a result**)"
        chosen.append(words)
    return f"best learning rate {', '.join(chosen)}."
