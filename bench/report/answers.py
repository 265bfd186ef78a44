"""What a sweep says, in sentences made from its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.contract import BROKEN, RunRecord
from bench.report import tables
from bench.report.markup import text
from bench.report.terminal import first_line
from bench.store import Sweep


def answers(sweep: Sweep, runs: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """Return the sentences a report opens with."""
    sentences = []
    if comparison.empty:
        sentences.append("**No run has a result**, so there is nothing to compare.")
    else:
        sentences += (
            _speed(runs, comparison) + _unranked(comparison) + _agreement(runs) + _rates(comparison)
        )
    sentences += _machines(runs) + _held_equal(runs) + _endings(sweep.records) + _noise(runs)
    if sweep.missing:
        sentences.append(f"**{len(sweep.missing)} planned runs are not finished.**")
    if sweep.unreadable:
        sentences.append(f"**{len(sweep.unreadable)} files can't be read** and are left out.")
    return sentences


def conditions(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each condition with the condition's name."""
    named = tables.varying(table)
    groups = table.groupby(list(tables.CONDITIONS), dropna=False, sort=False)
    return [(text(tables.condition_label(group.iloc[0], named)), group) for _, group in groups]


def _speed(runs: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    sentences = []
    for label, group in conditions(comparison[comparison["parity"] == tables.PASSED]):
        ranked = group.sort_values("rank")
        fastest = ranked.iloc[0]
        if len(ranked) == 1:
            words = f"{text(fastest.implementation)} is the only one with a rank, at "
        else:
            others = [_times_as_fast(runs, fastest, row) for row in tables.rows(ranked.iloc[1:])]
            words = f"**{text(fastest.implementation)}** is fastest, {', '.join(others)}, at "
        sentences.append(f"{label}: {words}{fastest.examples_per_second:,.0f} examples/s.")
    return sentences


def _times_as_fast(runs: pd.DataFrame, fastest: pd.Series, row: Any) -> str:
    """Say how many times as fast, with a 95 % interval over pairs of runs where there are some."""
    mine = runs[runs["status"] == "done"]
    for name in tables.CONDITIONS:
        mine = mine[mine[name].isna() if pd.isna(fastest[name]) else mine[name] == fastest[name]]
    pairs = mine[mine["implementation"] == fastest["implementation"]].merge(
        mine[mine["implementation"] == row.implementation], on=["learning_rate", "seed"]
    )
    words = f"{1 / row.ratio:.2f} times as fast as {text(row.implementation)}"
    ratios = (pairs["examples_per_second_x"] / pairs["examples_per_second_y"]).map(math.log)
    margin = tables.half_width(ratios.tolist())
    if margin is None:
        return words
    low, high = math.exp(ratios.mean() - margin), math.exp(ratios.mean() + margin)
    doubt = ", so it can't be told" if low <= 1 else ""
    return (
        f"{words} (95 % interval over {len(pairs)} pairs of runs: {low:.2f} to {high:.2f}{doubt})"
    )


def _machines(runs: pd.DataFrame) -> list[str]:
    machines = runs["machine"].dropna().unique()
    if len(machines) < 2:
        return []
    return [
        f"**The runs are from {len(machines)} kinds of machine** ({text('; '.join(machines))}); "
        "runs are compared and ranked only with others of the same one."
    ]


def _unranked(comparison: pd.DataFrame) -> list[str]:
    """Name what has lost its rank, and why."""
    sentences = []
    for why, group in comparison[comparison["parity"] != tables.PASSED].groupby("parity"):
        names = ", ".join(text(name) for name in sorted(group["implementation"].unique()))
        reason = (
            "what they compute is **not what the recipe says**"
            if why == tables.FAILED
            else "it is **not proven** that they compute what the recipe says"
        )
        sentences.append(f"Without a rank: {names}; {reason}, with this code and these versions.")
    return sentences


def _agreement(runs: pd.DataFrame) -> list[str]:
    """Say whether implementations reach the test accuracy of the one with the most runs."""
    done = runs[(runs["status"] == "done") & runs["test_accuracy"].notna()]
    cell = [*tables.CONDITIONS, "learning_rate", "seed"]
    if done.empty:
        return []
    n_runs = done["implementation"].value_counts()
    baseline = max(done["implementation"].unique(), key=lambda name: n_runs[name])
    others = [name for name in sorted(done["implementation"].unique()) if name != baseline]
    sentences = []
    for other in others:
        pairs = done[done["implementation"] == other].merge(
            done[done["implementation"] == baseline], on=cell
        )
        if pairs.empty:
            continue
        differences = 100 * (pairs["test_accuracy_x"] - pairs["test_accuracy_y"])
        words = (
            f"Test accuracy of {text(other)} less that of {text(baseline)}, same cell and seed: "
            f"{differences.mean():+.2f} percentage points on average over {len(pairs)} pairs, "
            f"{differences.min():+.2f} to {differences.max():+.2f}. "
        )
        sentences.append(words + _certainty(pairs, differences))
    return sentences or ["No two implementations have a result in the same cell."]


def _certainty(pairs: pd.DataFrame, differences: pd.Series) -> str:
    """Say what the differences are worth: an interval over seeds, or the test set's own error."""
    by_seed = differences.groupby(pairs["seed"]).mean()
    margin = tables.half_width(by_seed.tolist())
    if margin is not None:
        low, high = by_seed.mean() - margin, by_seed.mean() + margin
        verdict = "no difference is shown" if low <= 0 <= high else "they differ"
        return f"95 % interval over {len(by_seed)} seeds: {low:+.2f} to {high:+.2f}; {verdict}."
    accuracy, size = pairs["test_accuracy_x"].mean(), pairs["test_size_x"].max()
    error = 100 * tables.standard_error(accuracy, size)
    return (
        f"One seed can't tell more: a test set of {size:,.0f} images alone gives an accuracy a "
        f"standard error of {error:.2f} points."
    )


def _rates(comparison: pd.DataFrame) -> list[str]:
    sentences = []
    for label, group in conditions(comparison):
        chosen = ", ".join(
            f"{row.learning_rate:g} for {text(row.implementation)}"
            for row in tables.rows(group.sort_values("implementation"))
        )
        sentences.append(f"{label}: best learning rate {chosen}.")
    return sentences


def _held_equal(runs: pd.DataFrame) -> list[str]:
    """Name the settings that all runs share, and so are no explanation for a difference."""
    settings = ("recipe", "dataset", "batch_size", "epochs", "seed", "device", "threads", "cores")
    shared = [
        f"{name.replace('_', ' ')} {text(runs[name].iloc[0])}"
        for name in settings
        if runs[name].nunique(dropna=False) == 1 and pd.notna(runs[name].iloc[0])
    ]
    return [f"The same in every run: {', '.join(shared)}."] if shared else []


def _endings(records: Sequence[RunRecord]) -> list[str]:
    counts: dict[str, int] = {}
    for record in records:
        counts[record.status] = counts.get(record.status, 0) + 1
    listed = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    sentence = f"Runs: {listed}."
    return [f"**{sentence}**" if counts.keys() & BROKEN else sentence]


def _noise(runs: pd.DataFrame) -> list[str]:
    sentences = []
    n_noisy, n_shared = int(runs["noisy"].sum()), int(runs["shared_machine"].sum())
    if n_noisy:
        sentences.append(
            f"**The machine was not quiet** during {n_noisy} of {len(runs)} runs: what it could do "
            "at best changed by more than 10 % between their start and end. Take their speed with "
            "care."
        )
    if n_shared:
        sentences.append(
            f"**{n_shared} of {len(runs)} runs were told to share the machine** "
            "(share_machine=true), so others may have run beside them."
        )
    return sentences


def troubles(records: Sequence[RunRecord]) -> list[tuple[str, str, str, str]]:
    """Return run, status, first line of the reason, and log, of every run with an error."""
    return [
        (record.run_id, record.status, first_line(record.error.message), f"{record.run_id}/run.log")
        for record in records
        if record.error is not None
    ]
