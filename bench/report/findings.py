"""The findings on speed, accuracy, learning rates and parity; headline, sentences and tiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bench.markdown import text
from bench.records import PARITY_POINTS, has_learned
from bench.report import dataframes
from bench.report.analysis import Analysis
from bench.report.finding import LEVELS, Claim, Finding, Level
from bench.report.pairs import Paired
from bench.report.sweep_summary import counted, sweep_summary

MAX_IN_HEADLINE = 3  # conditions
MAX_CONDITIONS = 12  # with their own sentences; the comparison contains all
IN_WORDS = {
    dataframes.PASSED: "Parity is proven for {}: they compute what the recipe says",
    dataframes.FAILED: "Without a rank: {}; what they compute is **not what the recipe says**",
    dataframes.NOT_CHECKED: "Without a rank: {}; it is **not proven** that they compute what the "
    "recipe says",
}
PARITY_CLAIMS: dict[str, tuple[Claim, Level]] = {
    dataframes.PASSED: ("passed", "good"),
    dataframes.FAILED: ("failed", "bad"),
    dataframes.NOT_CHECKED: ("not_checked", "attention"),
}


def findings(analysis: Analysis) -> tuple[Finding, ...]:
    """Return all findings of a report.

    Args:
        analysis: the analysis of any number of records.

    Returns:
        Speed, accuracy and learning rates of each condition; parity; then the findings on the
        sweep: machine, noise, versions, how runs ended.
    """
    if not analysis.views:
        return (_nothing("**There is no record here**, so there is nothing to report."),)
    compared = analysis.finished
    if compared.empty:
        words = "**No run has a result**, so there is nothing to compare."
        return (_nothing(words), *sweep_summary(analysis))
    labels = analysis.conditions if len(analysis.conditions) > 1 else ("",)
    groups = [
        (labels[int(group["condition"].iloc[0])], group)
        for _, group in compared.groupby("condition")
    ]
    return (
        *(finding for label, group in groups for finding in _speed(analysis, label, group)),
        *_parity(compared),
        *_guessing(compared),
        *(finding for label, group in groups for finding in _accuracy(analysis, label, group)),
        *(finding for label, group in groups for finding in _rates(analysis, label, group)),
        *sweep_summary(analysis),
    )


def _nothing(sentence: str) -> Finding:
    return Finding(question="runs", claim="none", level="bad", sentence=sentence)


def headline(found: Iterable[Finding]) -> str:
    """Return one sentence in Markdown: which implementation is fastest, and by how much."""
    found = list(found)
    leads = [finding for finding in found if finding.claim in ("fastest", "shared", "only")]
    if not leads:
        return next((one.sentence for one in found if one.claim == "none"), "No speed to compare.")
    shown = [line.rstrip(".") for line in sentences(leads)]
    if len(shown) > MAX_IN_HEADLINE:
        more = counted(len(shown) - MAX_IN_HEADLINE, "more sentence")
        shown = [*shown[:MAX_IN_HEADLINE], f"and {more} below"]
    return "; ".join(shown) + "."


def sentences(found: Iterable[Finding]) -> list[str]:
    """Return the findings as sentences in Markdown; equal ones of several conditions once.

    Of the findings on one question under one condition, only summaries are shown if there are any.
    """
    found = list(found)
    labels = [*dict.fromkeys(finding.condition for finding in found if finding.condition)]
    summed_up = {(one.question, one.condition) for one in found if one.summary}
    conditions: dict[str, list[str]] = {}
    for finding in found:
        if finding.summary or (finding.question, finding.condition) not in summed_up:
            conditions.setdefault(finding.sentence, []).append(finding.condition)
    lines = []
    for sentence, where in conditions.items():
        shown = [label for label in where if label not in labels[MAX_CONDITIONS:]]
        everywhere = where == labels or not any(where)
        if everywhere:
            lines.append(sentence)
        elif shown:
            lines.append(f"{text('; '.join(shown))}: {sentence}")
    if len(labels) > MAX_CONDITIONS:
        more = counted(len(labels) - MAX_CONDITIONS, "more condition")
        lines.append(f"For {more}: see the comparison.")
    return lines


def _speed(analysis: Analysis, label: str, group: pd.DataFrame) -> list[Finding]:
    """Return who is fastest under one condition, and the ratio to each other implementation."""
    ranked = group[group["parity"] == dataframes.PASSED]
    ranked = ranked[ranked["examples_per_second"].notna()]
    if ranked.empty:
        return []
    fastest, *others = dataframes.rows(
        ranked.sort_values("examples_per_second", ascending=False, kind="stable")
    )
    name, at = text(fastest.implementation), f"{fastest.examples_per_second:,.0f} examples/s"
    if not others:
        sentence = f"{name} is the only implementation with a rank, at {at}."
        return [
            Finding(
                question="speed", claim="only", level="neutral", condition=label,
                subject=fastest.implementation, sentence=sentence, run_ids=fastest.timed_run_ids,
                summary=True,
            )
        ]  # fmt: skip
    pairs = [
        _ratio(
            label, fastest, other,
            analysis.speeds.compare(
                int(fastest.condition), fastest.implementation, other.implementation
            ),
        )
        for other in others
    ]  # fmt: skip
    return [_lead(label, fastest, at, pairs), *pairs]


def _ratio(label: str, fastest: Any, other: Any, pair: Paired | None) -> Finding:
    """Return the ratio of two speeds."""
    names = f"{text(fastest.implementation)} is {{}} as fast as {text(other.implementation)}"
    ids = (*fastest.timed_run_ids, *other.timed_run_ids)
    if pair is None:
        return Finding(
            question="speed", claim="cant_tell", level="attention", condition=label,
            subject=fastest.implementation, baseline=other.implementation, run_ids=ids,
            sentence=f"{text(fastest.implementation)} and {text(other.implementation)} have no "
            "pair of runs with the same seed and learning rate.",
        )  # fmt: skip
    ratio, low, high = (
        times(math.exp(value), math.exp(pair.mean)) for value in (pair.mean, pair.low, pair.high)
    )
    n_pairs, caveat = counted(pair.n_pairs, "pair"), ""
    if pair.method == "epochs":
        basis = f"{n_pairs}; epochs alone spread by {100 * math.expm1(pair.standard_error):.0f} %"
        caveat = "One pair of runs: the next pair may differ by more than the epochs do."
    elif pair.method == "none":
        basis, caveat = f"{n_pairs}, so no interval", "One pair of runs gives no interval."
    else:
        basis = f"{n_pairs}, 95 % interval {low} to {high}"
    known = pair.is_known
    sentence = f"{names.format(f'{ratio} times')} ({basis})."
    if known and pair.low <= 0:
        both = f"{text(fastest.implementation)} and {text(other.implementation)}"
        sentence = f"{both} **can't be told apart** (ratio {ratio}; {basis})."
    return Finding(
        question="speed",
        claim="faster" if pair.low > 0 else "cant_tell",
        level="good" if pair.low > 0 else "attention",
        condition=label,
        subject=fastest.implementation,
        baseline=other.implementation,
        value=math.exp(pair.mean),
        low=math.exp(pair.low) if known else None,
        high=math.exp(pair.high) if known else None,
        unit="ratio",
        n_pairs=pair.n_pairs,
        method=pair.method,
        run_ids=ids,
        caveats=(caveat,) if caveat else (),
        sentence=sentence,
    )


def _lead(label: str, fastest: Any, at: str, pairs: Sequence[Finding]) -> Finding:
    """Return which implementation is fastest, or which ones share the lead."""
    rivals = [pair for pair in pairs if pair.claim != "faster"]
    name = text(fastest.implementation)
    if len(pairs) == 1:
        sentence = pairs[0].sentence
    elif rivals:
        listed = ", ".join(text(pair.baseline) for pair in rivals)
        sentence = f"{name} has the highest speed, {at}, but can't be told apart from {listed}."
    else:
        first, last = pairs[0], pairs[-1]
        sentence = (
            f"{name} is the fastest, at {at}: {times(first.value)} times as fast as "
            f"{text(first.baseline)}, the next, and {times(last.value)} times as fast as "
            f"{text(last.baseline)}, the slowest."
        )
    return Finding(
        question="speed",
        claim="shared" if rivals else "fastest",
        level="attention" if rivals else "good",
        condition=label,
        subject=fastest.implementation,
        baseline=pairs[0].baseline,
        value=pairs[0].value,
        low=pairs[0].low,
        high=pairs[0].high,
        unit="ratio",
        n_pairs=pairs[0].n_pairs,
        method=pairs[0].method,
        run_ids=pairs[0].run_ids,
        caveats=pairs[0].caveats,
        sentence=sentence,
        summary=True,
    )


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


def _parity(compared: pd.DataFrame) -> list[Finding]:
    """Name the implementations whose parity is proven, and those without a rank and why."""
    found = []
    for word, sentence in IN_WORDS.items():
        rows = compared[compared["parity"] == word]
        if not rows.empty:
            claim, level = PARITY_CLAIMS[word]
            words = f"{sentence.format(_names(rows))}, with this code and these versions."
            found.append(
                Finding(question="parity", claim=claim, level=level, sentence=words,
                        subject=", ".join(sorted(rows["implementation"].unique())))
            )  # fmt: skip
    return found


def _names(compared: pd.DataFrame) -> str:
    return ", ".join(text(name) for name in sorted(compared["implementation"].unique()))


def _guessing(compared: pd.DataFrame) -> list[Finding]:
    """Name the implementations that are no more accurate than guessing."""
    accuracies = compared[["validation_accuracy", "test_accuracy"]]
    guessing = [
        values.notna().any() and not has_learned(values.dropna().tolist())
        for _, values in accuracies.iterrows()
    ]
    names = ", ".join(sorted(compared[guessing]["implementation"].unique()))
    sentence = f"**No more accurate than guessing**: {text(names)}."
    bad = Finding(
        question="accuracy", claim="guessing", level="bad", subject=names, sentence=sentence
    )
    return [bad] if names else []


def _accuracy(analysis: Analysis, label: str, group: pd.DataFrame) -> list[Finding]:
    """Return whether implementations reach the same test accuracy at their best learning rates."""
    tested = group[group["n_tested"] > 0]
    if len(tested) < 2:
        return []
    # The reference: of those with the most seeds, the fastest.
    baseline, *others = dataframes.rows(
        tested.sort_values(["n_tested", "examples_per_second"], ascending=False, kind="stable")
    )
    pairs = [
        _difference(
            label, other, baseline,
            analysis.accuracies.compare(
                int(baseline.condition), other.implementation, baseline.implementation
            ),
        )
        for other in others
    ]  # fmt: skip
    return [*_agreement(label, baseline, pairs), *pairs]


def _agreement(label: str, baseline: Any, pairs: Sequence[Finding]) -> list[Finding]:
    """Return whether all implementations of a condition are equally accurate."""
    compared = [pair for pair in pairs if pair.value is not None]
    if len(compared) < 2:
        return []
    name = text(baseline.implementation)
    equal = [pair for pair in compared if pair.claim == "equal"]
    others = [pair for pair in pairs if pair.claim != "equal"]
    farthest = max(compared, key=lambda pair: abs(pair.value or 0))
    if not others:
        sentence = (
            f"All {len(pairs) + 1} implementations are equally accurate within {PARITY_POINTS:g} "
            f"points; the largest difference is {farthest.value:+.2f} points, "
            f"{text(farthest.subject)} minus {name}."
        )
    else:
        listed = ", ".join(text(pair.subject) for pair in equal)
        same = f"As accurate as {name} within {PARITY_POINTS:g} points: {listed}. "
        rest = " ".join(pair.sentence for pair in others)
        sentence = f"{same if equal else ''}{rest}"
    worst = max(pairs, key=lambda pair: LEVELS.index(pair.level))
    return [
        Finding(
            question="accuracy", claim="equal" if not others else worst.claim, level=worst.level,
            condition=label, subject=farthest.subject, baseline=baseline.implementation,
            value=farthest.value, low=farthest.low, high=farthest.high, unit="points",
            n_pairs=farthest.n_pairs, method=farthest.method, run_ids=farthest.run_ids,
            sentence=sentence, summary=True,
        )
    ]  # fmt: skip


def _difference(label: str, other: Any, baseline: Any, pair: Paired | None) -> Finding:
    """Return a difference in accuracy, and whether it is within what parity allows."""
    names = f"{text(other.implementation)} and {text(baseline.implementation)}"
    ids = (*other.run_ids, *baseline.run_ids)
    if pair is None:
        return Finding(
            question="accuracy", claim="cant_tell", level="attention", condition=label,
            subject=other.implementation, baseline=baseline.implementation, run_ids=ids,
            sentence=f"{names} have no seed in common, so their accuracies are not compared.",
        )  # fmt: skip
    bound = f"{PARITY_POINTS:g} points"
    who = f"{text(other.implementation)} is {{}} accurate than {text(baseline.implementation)}"
    claim: Claim = "better" if pair.mean > 0 else "worse"
    level: Level = "attention"
    if pair.low >= -PARITY_POINTS and pair.high <= PARITY_POINTS:
        answer = f"{names} are equally accurate within {bound}"
        claim, level = "equal", "good"
    elif pair.low > 0 or pair.high < 0:
        surely = pair.low > PARITY_POINTS or pair.high < -PARITY_POINTS
        answer = f"{who.format('more' if pair.mean > 0 else 'less')}"
        answer = f"**{answer}, by more than {bound}**" if surely else answer
        level = "bad" if surely else "attention"
    else:
        answer = f"Whether {names} are equally accurate within {bound} **can't be told**"
        claim = "cant_tell"
    known = pair.is_known
    interval = f", 95 % interval {pair.low:+.2f} to {pair.high:+.2f}" if known else ""
    basis = f"{pair.mean:+.2f} points{interval}; {counted(pair.n_pairs, 'seed')}"
    return Finding(
        question="accuracy",
        claim=claim,
        level=level,
        condition=label,
        subject=other.implementation,
        baseline=baseline.implementation,
        value=pair.mean,
        low=pair.low if known else None,
        high=pair.high if known else None,
        unit="points",
        n_pairs=pair.n_pairs,
        method=pair.method,
        run_ids=ids,
        sentence=f"{answer} ({basis}).",
    )


def _rates(analysis: Analysis, label: str, group: pd.DataFrame) -> list[Finding]:
    """Name the best learning rate of each implementation that was tried at several."""
    runs = analysis.runs[analysis.runs["condition"] == group["condition"].iloc[0]]
    n_rates = runs.groupby("implementation")["learning_rate"].nunique()
    found = []
    for row in dataframes.rows(group.sort_values("implementation")):
        caveats: tuple[str, ...] = ()
        if row.n_seeds < row.n_tried:
            caveats = (f"Only {row.n_seeds} of {row.n_tried} seeds have a result.",)
        if n_rates[row.implementation] < 2 and not caveats:
            continue
        rate = dataframes.plain(row.learning_rate)
        found.append(
            Finding(
                question="learning_rate",
                claim="best",
                level="attention" if caveats else "neutral",
                condition=label,
                subject=row.implementation,
                value=None if pd.isna(row.learning_rate) else float(row.learning_rate),
                unit="rate",
                run_ids=row.run_ids,
                caveats=caveats,
                sentence=f"The best learning rate of {text(row.implementation)} is {rate}."
                + "".join(f" **{caveat}**" for caveat in caveats),
            )
        )
    if len(found) < 2 or any(finding.caveats for finding in found):
        return found
    by_rate: dict[float | None, list[str]] = {}
    for finding in found:
        by_rate.setdefault(finding.value, []).append(text(finding.subject))
    listed = "; ".join(
        dataframes.plain(rate) + (f" for {', '.join(names)}" if len(by_rate) > 1 else "")
        for rate, names in by_rate.items()
    )
    sentence = f"The best learning rate is {listed}."
    shared = found[0].value if len(by_rate) == 1 else None
    return [
        Finding(
            question="learning_rate", claim="best", level="neutral", condition=label, value=shared,
            unit="rate", sentence=sentence, summary=True,
        ),
        *found,
    ]  # fmt: skip
