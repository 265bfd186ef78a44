"""One or two sentences for a whole report: what is fastest, by how much, on how many cores."""

from __future__ import annotations

from collections.abc import Sequence

from bench.console import counted
from bench.markdown import text
from bench.report.findings.finding import Finding
from bench.report.findings.findings import sentences
from bench.report.findings.leads import leads_by_number
from bench.report.findings.speed import cores_in_words, times

MAX_CONDITIONS = 3  # more are counted instead of named


def headline(found: Sequence[Finding]) -> str:
    """Return in Markdown which implementation is fastest, by how much, and the cores kept busy.

    Args:
        found: all findings of a report.
    """
    leads = _leads(found)
    if not leads:
        return next((one.sentence for one in found if one.claim == "none"), "No speed to compare.")
    named = {name for lead in leads for name in (lead.subject, lead.baseline) if name}
    given = [one.value for one in found if one.question == "cores" and one.summary]
    busy = [one for one in found if one.question == "cores" and one.subject in named]
    words = [_speed(leads, found)] + [
        cores_in_words(busy, number) for number in given if number and busy
    ]
    return " ".join(words)


def further_sentences(found: Sequence[Finding]) -> list[str]:
    """Return the sentences of a report that its headline does not state."""
    stated, leads = headline(found), _leads(found)
    n_ratios = sum(one.question == "speed" and not one.summary for one in found)
    in_headline = sentences(leads)
    if len(in_headline) > MAX_CONDITIONS or n_ratios > len(leads):
        in_headline = []
    return [
        line
        for line in sentences(found)
        if line not in in_headline and line.rstrip(".") not in stated
    ]


def _leads(found: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.claim in ("fastest", "shared", "only")]


def _speed(leads: Sequence[Finding], found: Sequence[Finding]) -> str:
    """Return the sentence on speed."""
    if by_kind := sentences(one for one in found if one.question == "kinds"):
        return " ".join(by_kind)
    shown = sentences(leads)
    if len(shown) == 1:
        return shown[0]
    if len(shown) > MAX_CONDITIONS:
        return f"{'; '.join(leads_by_number(leads, found))}."
    if {(lead.claim, lead.subject, lead.baseline) for lead in leads} == {
        ("fastest", leads[0].subject, leads[0].baseline)
    }:
        return _by_condition(leads)
    return "; ".join(sentence.rstrip(".") for sentence in shown) + "."


def _by_condition(leads: Sequence[Finding]) -> str:
    """Return by how much one implementation is the fastest under each of a few conditions."""
    ratios = []
    for lead in leads:
        ratio = f"{times(lead.value)} times "
        if lead is leads[0]:
            ratio += f"as fast as {text(lead.baseline)} "
        low, high = times(lead.low, lead.value), times(lead.high, lead.value)
        basis = counted(lead.n_pairs, "pair")
        basis += f", 95 % interval {low} to {high}" if lead.method in ("pairs", "nodes") else ""
        ratios.append(f"{ratio}with {text(lead.condition)} ({basis})")
    return f"{text(leads[0].subject)} is the fastest: {', '.join(ratios)}."
