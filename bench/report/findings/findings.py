"""All findings of a report, and the sentences made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from bench.console import counted
from bench.markdown import text
from bench.report.findings.accuracy import accuracy, guessing
from bench.report.findings.finding import Claim, Finding, Level
from bench.report.findings.kinds import kinds
from bench.report.findings.nodes import odd, spread
from bench.report.findings.speed import cores, speed
from bench.report.findings.sweep import sweep_findings
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis

MAX_CONDITIONS = 12  # with their own sentences; the comparison contains all
IN_WORDS = {
    dataframes.PASSED: "Parity checks passed for {}: the equations are those of the recipe",
    dataframes.FAILED: "Without a rank: {}; the equations are **not those of the recipe**",
    dataframes.NOT_CHECKED: "Without a rank: {}; it is **not proven** that the equations are those "
    "of the recipe",
}
PARITY_CLAIMS: dict[str, tuple[Claim, Level]] = {
    dataframes.PASSED: ("passed", "good"),
    dataframes.FAILED: ("failed", "bad"),
    dataframes.NOT_CHECKED: ("not_checked", "attention"),
}
AT_THE_EDGE = {
    True: "the highest rate tried: a higher one may be better",
    False: "the lowest rate tried: a lower one may be better",
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
        return (_nothing(words), *sweep_findings(analysis))
    labels = analysis.conditions if len(analysis.conditions) > 1 else ("",)
    groups = [
        (labels[int(group["condition"].iloc[0])], group)
        for _, group in compared.groupby("condition")
    ]
    speeds = [speed(analysis, label, group) for label, group in groups]
    ratios = [
        (int(group["condition"].iloc[0]), [one for one in some if one.baseline and not one.summary])
        for (_, group), some in zip(groups, speeds, strict=True)
    ]
    every_speed = [finding for some in speeds for finding in some]
    return (
        *kinds(analysis, every_speed),
        *every_speed,
        *(finding for number, some in ratios for finding in spread(analysis, number, some)),
        *cores(analysis.runs),
        *_parity(compared),
        *guessing(compared),
        *(finding for label, group in groups for finding in accuracy(analysis, label, group)),
        *(finding for label, group in groups for finding in _rates(analysis, label, group)),
        *odd(analysis.runs),
        *sweep_findings(analysis),
    )


def _nothing(sentence: str) -> Finding:
    return Finding(question="runs", claim="none", level="bad", sentence=sentence)


def sentences(found: Iterable[Finding]) -> list[str]:
    """Return the findings as sentences in Markdown; equal ones of several conditions once.

    Of the findings on one question under one condition, only summaries are shown if there are any;
    a summary without a condition is shown in place of all findings on its question.
    """
    found = list(found)
    labels = [
        *dict.fromkeys(one.condition for one in found if one.condition and one.question != "kinds")
    ]
    summed_up = {(one.question, one.condition) for one in found if one.summary}
    conditions: dict[str, list[str]] = {}
    for finding in found:
        places = {(finding.question, finding.condition), (finding.question, "")}
        if finding.summary or not places & summed_up:
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


def _rates(analysis: Analysis, label: str, group: pd.DataFrame) -> list[Finding]:
    """Name the best learning rate of each implementation that was tried at several."""
    runs = analysis.runs[analysis.runs["condition"] == group["condition"].iloc[0]]
    validated = runs["validation_accuracy"].notna().any()
    by = "" if validated else " by training loss, since there is no validation set"
    found, are_complete = [], True
    for row in dataframes.rows(group.sort_values("implementation")):
        tried = runs.loc[runs["implementation"] == row.implementation, "learning_rate"]
        caveats = []
        if row.n_seeds < row.n_tried:
            caveats.append(f"Only {row.n_seeds} of {row.n_tried} seeds have a result.")
            are_complete = False
        if tried.nunique() > 1 and row.learning_rate in (tried.min(), tried.max()):
            caveats.append(f"It is {AT_THE_EDGE[row.learning_rate == tried.max()]}.")
        if tried.nunique() < 2 and not caveats:
            continue
        rate = dataframes.plain(row.learning_rate)
        found.append(
            Finding(
                question="learning_rate",
                claim="best",
                level="attention" if row.n_seeds < row.n_tried else "neutral",
                condition=label,
                subject=row.implementation,
                value=None if pd.isna(row.learning_rate) else float(row.learning_rate),
                unit="rate",
                run_ids=row.run_ids,
                caveats=tuple(caveats),
                sentence=f"The best learning rate of {text(row.implementation)} is {rate}{by}."
                + "".join(f" **{caveat}**" for caveat in caveats),
            )
        )
    return [_all_rates(found, by), *found] if len(found) > 1 and are_complete else found


def _all_rates(found: Sequence[Finding], by: str) -> Finding:
    """Return the best learning rates of all implementations under one condition."""
    by_rate: dict[float | None, list[str]] = {}
    by_caveat: dict[str, list[str]] = {}
    for finding in found:
        by_rate.setdefault(finding.value, []).append(text(finding.subject))
        for caveat in finding.caveats:
            by_caveat.setdefault(caveat, []).append(text(finding.subject))
    listed = "; ".join(
        dataframes.plain(rate) + (f" for {', '.join(names)}" if len(by_rate) > 1 else "")
        for rate, names in by_rate.items()
    )
    caveats = [
        caveat
        if len(names) == len(found)
        else f"For {', '.join(names)}, {caveat[0].lower()}{caveat[1:]}"
        for caveat, names in by_caveat.items()
    ]
    return Finding(
        question="learning_rate",
        claim="best",
        level="neutral",
        condition=found[0].condition,
        value=found[0].value if len(by_rate) == 1 else None,
        unit="rate",
        caveats=tuple(caveats),
        sentence=f"The best learning rate is {listed}{by}."
        + "".join(f" **{caveat}**" for caveat in caveats),
        summary=True,
    )
