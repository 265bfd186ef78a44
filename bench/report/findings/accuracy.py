"""Findings on test accuracy: whether implementations learn the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.console import counted
from bench.markdown import text
from bench.records import PARITY_POINTS
from bench.report.findings.finding import LEVELS, Finding, repeats
from bench.report.frames import dataframes
from bench.report.frames.accuracy_pairs import AccuracyDifference
from bench.report.frames.analysis import Analysis
from bench.scores import has_learned

BOUND = f"{PARITY_POINTS:g} points"


def accuracy(analysis: Analysis, label: str, group: pd.DataFrame) -> list[Finding]:
    """Return whether implementations reach the same test accuracy at the same learning rate.

    Args:
        analysis: the analysis of the report.
        label: of the condition.
        group: the condition's rows of the comparison.
    """
    tested = group[group["n_tested"] > 0]
    if len(tested) < 2:
        return []
    # All are compared with one: of those with the most seeds, the fastest.
    baseline, *others = dataframes.rows(
        tested.sort_values(["n_tested", "examples_per_second"], ascending=False, kind="stable")
    )
    name, number = baseline.implementation, int(baseline.condition)
    found = [
        _difference(
            label, other, baseline,
            analysis.accuracies.compare(number, other.implementation, name),
        )
        for other in others
    ]  # fmt: skip
    return [_agreement(found), *found] if len(found) > 1 else found


def _difference(
    label: str, other: Any, baseline: Any, difference: AccuracyDifference | None
) -> Finding:
    """Return a difference in accuracy, and whether it is within what parity allows."""
    subject, reference = text(other.implementation), text(baseline.implementation)
    found = Finding(
        question="accuracy", claim="cant_tell", level="attention", condition=label,
        subject=other.implementation, baseline=baseline.implementation,
        sentence=f"{subject} and {reference} have no seed in common, so their accuracies are not "
        "compared.",
    )  # fmt: skip
    if difference is None:
        return found
    pair, rates = difference.paired, difference.rates
    found = replace(
        found, run_ids=difference.run_ids, n_pairs=pair.n_pairs, n_seeds=difference.n_seeds
    )
    if all(map(math.isfinite, rates)):
        found = replace(found, learning_rates=rates)
    if pair.is_known:
        found = replace(found, low=pair.low, high=pair.high)
    if pair.low >= -PARITY_POINTS and pair.high <= PARITY_POINTS:
        found = replace(found, claim="equal", level="good")
        answer = f"{subject} and {reference} are equally accurate within {BOUND}"
    elif pair.low > 0 or pair.high < 0:
        is_large = pair.low > PARITY_POINTS or pair.high < -PARITY_POINTS
        answer = f"{subject} is {'more' if pair.mean > 0 else 'less'} accurate than {reference}"
        answer = f"**{answer}, by more than {BOUND}**" if is_large else answer
        is_one = pair.n_pairs == 1
        found = replace(
            found,
            claim="better" if pair.mean > 0 else "worse",
            level="bad" if is_large and not is_one else "attention",
            caveats=("One seed compares two models; other seeds may differ.",) if is_one else (),
        )
        answer += " with this seed" if is_one else ""
    elif pair.is_known:
        answer = f"**No difference in test accuracy was found** between {subject} and {reference}, "
        answer += f"but equality within {BOUND} is not shown"
    else:
        answer = f"{subject} and {reference} **can't be told apart** in accuracy"
    mean, low, high = (_signed(value) for value in (pair.mean, pair.low, pair.high))
    interval = f", 95 % interval {low} to {high}" if pair.is_known else ""
    mean = f"{subject} minus {reference}: {mean}" if found.claim == "cant_tell" else mean
    return replace(
        found,
        value=pair.mean,
        unit="points",
        method=pair.method,
        sentence=f"{answer} ({mean} points{interval}; {basis(found)}).",
    )


def most_apart(found: Finding) -> str:
    """Return the largest difference in the interval of a finding, in percentage points."""
    low, high = found.low or 0.0, found.high or 0.0
    return f"{math.ceil(100 * max(-low, high) - 1e-9) / 100:.2f}"


def basis(found: Finding) -> str:
    """Return which pairs a difference in accuracy is based on."""
    if found.n_pairs > found.n_seeds:
        return repeats(found) + (", 1 seed" if found.n_seeds == 1 else "")
    return counted(found.n_seeds, "seed") + _at_rates(found)


def _at_rates(found: Finding) -> str:
    """Return at which learning rates the accuracies of a finding are compared, after a comma."""
    first, *others = dict.fromkeys(map(dataframes.plain, found.learning_rates)) or [""]
    if others:
        return f", best against best: learning rates {first} and {others[0]}"
    return f", learning rate {first}" if first else ""


def _signed(points: float) -> str:
    """Return percentage points with a sign, and without a negative zero."""
    return f"{round(points, 2) + 0.0:+.2f}"


def _agreement(found: Sequence[Finding]) -> Finding:
    """Return whether all implementations of a condition are equally accurate."""
    equal = [finding for finding in found if finding.claim == "equal"]
    others = [finding for finding in found if finding.claim != "equal"]
    farthest = max(found, key=lambda finding: abs(finding.value or 0))
    name = text(farthest.baseline)
    if not others:
        largest = f"{_signed(farthest.value or 0)} points, {text(farthest.subject)} minus {name}"
        largest += f"; {basis(farthest)}"
        sentence = (
            f"All {len(found) + 1} implementations are equally accurate within {BOUND}; the "
            f"largest difference is {largest}."
        )
    else:
        listed = ", ".join(text(finding.subject) for finding in equal)
        same = f"As accurate as {name} within {BOUND}: {listed}. " if equal else ""
        sentence = same + " ".join(finding.sentence for finding in others)
    worst = max(found, key=lambda finding: LEVELS.index(finding.level))
    return replace(farthest, claim=worst.claim, level=worst.level, sentence=sentence, summary=True)


def guessing(compared: pd.DataFrame) -> list[Finding]:
    """Name the implementations that are no more accurate than guessing.

    Args:
        compared: the rows of the comparison that have a finished run.
    """
    accuracies = compared[["validation_accuracy", "test_accuracy"]]
    only_guess = [
        values.notna().any() and not has_learned(values.dropna().tolist())
        for _, values in accuracies.iterrows()
    ]
    names = ", ".join(sorted(compared[only_guess]["implementation"].unique()))
    sentence = f"**No more accurate than guessing**: {text(names)}."
    bad = Finding(
        question="accuracy", claim="guessing", level="bad", subject=names, sentence=sentence
    )
    return [bad] if names else []
