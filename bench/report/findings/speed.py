"""Findings on speed: which implementation is fastest, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.console import counted
from bench.markdown import code, text
from bench.report.findings.finding import Finding, repeats
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.pairs import Paired
from bench.report.frames.repeats import worst_outlier
from bench.report.frames.speed_pairs import SpeedPairs

POOLED = "spread pooled over conditions"


def speed(analysis: Analysis, label: str, group: pd.DataFrame) -> list[Finding]:
    """Return which implementation is fastest, and the ratio of its speed to that of each other one.

    Args:
        analysis: the analysis of the report.
        label: of the condition.
        group: the condition's rows of the comparison; only those with proven parity are compared.
    """
    ranked = group[(group["parity"] == dataframes.PASSED) & group["examples_per_second"].notna()]
    if ranked.empty:
        return []
    fastest, *others = dataframes.rows(ranked.sort_values("examples_per_second", ascending=False))
    found = Finding(
        question="speed", claim="only", level="neutral", condition=label, summary=True,
        machine=str(analysis.kinds.get(int(fastest.condition), "")),
        subject=fastest.implementation, run_ids=fastest.timed_run_ids,
        sentence=f"{text(fastest.implementation)} is the only implementation with a rank, at "
        f"{fastest.examples_per_second:,.0f} examples/s.",
    )  # fmt: skip
    if not others:
        return [found]
    pairs = [
        analysis.speeds.compare(int(fastest.condition), found.subject, other.implementation)
        for other in others
    ]
    ratios = [
        _ratio(analysis, found, other, pair) for other, pair in zip(others, pairs, strict=True)
    ]
    return [_lead(fastest, ratios, pairs[0]), *ratios]


def _ratio(analysis: Analysis, found: Finding, other: Any, pair: Paired | None) -> Finding:
    """Return the ratio of the speed of the fastest to that of another implementation."""
    name, baseline = text(found.subject), text(other.implementation)
    found = replace(
        found, claim="cant_tell", level="attention", baseline=other.implementation, summary=False,
        run_ids=(*found.run_ids, *other.timed_run_ids),
        sentence=f"{name} and {baseline} have no pair of runs with the same seed and learning "
        "rate.",
    )  # fmt: skip
    if pair is None:
        return found
    rates, n_seeds = analysis.speeds.repeats(
        int(other.condition), found.subject, other.implementation
    )
    found = replace(
        found, n_pairs=pair.n_pairs, n_seeds=n_seeds, n_nodes=pair.n_nodes, learning_rates=rates,
        freedom=pair.freedom,
    )  # fmt: skip
    found = _without_outlier(analysis, int(other.condition), found)
    is_faster = pair.low > 0
    ratio, basis = times(math.exp(pair.mean)), _basis(found, pair)
    sentence = f"{name} is {ratio} times as fast as {baseline} ({basis})."
    if pair.is_known and not is_faster:
        sentence = f"{name} and {baseline} **can't be told apart** (ratio {ratio}; {basis})."
    caveat = "One pair of runs: the next pair may differ by more than the epochs of this one."
    return replace(
        found,
        claim="faster" if is_faster else "cant_tell",
        level="good" if is_faster else "attention",
        value=math.exp(pair.mean),
        low=math.exp(pair.low) if pair.is_known else None,
        high=math.exp(pair.high) if pair.is_known else None,
        unit="ratio",
        method=pair.method,
        caveats=() if pair.method in ("pairs", "nodes") else (caveat,),
        sentence=sentence,
    )


def _basis(found: Finding, pair: Paired) -> str:
    """Return what a ratio is based on, in words."""
    if pair.method == "epochs":
        spread = 100 * math.expm1(pair.standard_error)
        return f"{repeats(found)}; epochs alone spread by {spread:.0f} %"
    if not pair.is_known:
        return f"{repeats(found)}, so no interval"
    ratio = math.exp(pair.mean)
    low, high = (times(math.exp(value), ratio) for value in (pair.low, pair.high))
    basis = f"{repeats(found)}, 95 % interval {low} to {high}"
    basis += f", {POOLED}" if is_pooled(found) else ""
    if found.without_run:
        without = times(found.value_without, ratio)
        basis += f"; {without} without the outlier {code(found.without_run)}"
    return basis


def is_pooled(found: Finding) -> bool:
    """Return whether the interval of a ratio is from the spread of pairs of all conditions."""
    return found.method != "epochs" and found.freedom > found.n_pairs - 1


def _without_outlier(analysis: Analysis, condition: int, found: Finding) -> Finding:
    """Add the ratio without the slowest outlier, if there is one."""
    names = (found.subject, found.baseline)
    run_id = worst_outlier(analysis.outliers, condition, names)
    runs = analysis.runs
    others = runs[(runs["condition"] == condition) & (runs["run_id"] != run_id)]
    pair = SpeedPairs(others).compare(condition, *names) if run_id else None
    if pair is None:
        return found
    return replace(found, without_run=run_id, value_without=math.exp(pair.mean))


def _lead(fastest: Any, ratios: Sequence[Finding], pair: Paired | None) -> Finding:
    """Return which implementation is fastest, or which ones share the lead.

    Args:
        fastest: its row of the comparison.
        ratios: to all others, the fastest first.
        pair: the comparison with the first of them.
    """
    first, last = ratios[0], ratios[-1]
    rivals = [ratio for ratio in ratios if ratio.claim != "faster"]
    name = text(first.subject)
    at = f"{fastest.examples_per_second:,.0f} examples/s"
    if len(ratios) == 1:
        sentence = first.sentence
    elif rivals or pair is None:
        listed = ", ".join(text(ratio.baseline) for ratio in rivals)
        sentence = f"{name} has the highest speed, {at}, but **can't be told apart** from {listed}."
    else:
        sentence = (
            f"{name} is the fastest, at {at}: {times(first.value)} times as fast as "
            f"{text(first.baseline)}, the next ({_basis(first, pair)}), and {times(last.value)} "
            f"times as fast as {text(last.baseline)}, the slowest."
        )
    return replace(
        first,
        claim="shared" if rivals else "fastest",
        level="attention" if rivals else "good",
        sentence=sentence,
        summary=True,
    )


def cores(runs: pd.DataFrame) -> list[Finding]:
    """Return how many cores each implementation kept busy while it trained, on the mean.

    Args:
        runs: as `runs_frame` returns it; no finding if they had different cores.
    """
    done = runs[(runs["status"] == "done") & runs["cores_kept_busy"].notna()]
    given = done["cores"].dropna().unique()
    if len(given) != 1:
        return []
    found = [
        Finding(
            question="cores", claim="busy", level="neutral", subject=str(name), unit="cores",
            value=float(group["cores_kept_busy"].mean()), run_ids=tuple(group["run_id"]),
            sentence=f"{text(str(name))} kept {group['cores_kept_busy'].mean():.1f} of "
            f"{counted(int(given[0]), 'core')} busy.",
        )
        for name, group in done.groupby("implementation")
    ]  # fmt: skip
    all_of_them = Finding(
        question="cores", claim="busy", level="neutral", unit="cores", summary=True,
        value=float(given[0]), sentence=cores_in_words(found, float(given[0])),
    )  # fmt: skip
    return [all_of_them, *found]


def cores_in_words(found: Sequence[Finding], given: float) -> str:
    """Return how many of the given cores some implementations kept busy, as one sentence."""
    first, *others = (f"{text(one.subject)} {one.value:.1f}" for one in found)
    listed = ", ".join([f"{first} of {counted(int(given), 'core')}", *others])
    return f"Kept busy while training: {listed}."


def times(ratio: float | None, like: float | None = None) -> str:
    """Return a ratio with the digits that matter: 1.05, 11.3, 469.

    Args:
        ratio: None if it is unknown.
        like: has as many digits after the point; the ratio itself if it is None.
    """
    if ratio is None:
        return "-"
    size = like or ratio
    return f"{ratio:.{2 if size < 9.95 else 1 if size < 99.5 else 0}f}"
