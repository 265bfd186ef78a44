"""One or two sentences for a whole report: what is fastest, by how much, on how many cores."""

from __future__ import annotations

from collections.abc import Sequence, Set

from bench.markdown import text
from bench.records import PARITY_POINTS
from bench.report.findings.finding import Finding, repeats
from bench.report.findings.findings import sentences
from bench.report.findings.leads import leads_by_number
from bench.report.findings.speed import cores_in_words, times

MAX_CONDITIONS = 3  # more are counted instead of named


def headline(found: Sequence[Finding]) -> str:
    """Return in Markdown the answers on speed, accuracy, and cores.

    Args:
        found: all findings of a report.
    """
    leads = _leads(found)
    if not leads:
        return next((one.sentence for one in found if one.claim == "none"), "No speed to compare.")
    named = {name for lead in leads for name in (lead.subject, lead.baseline) if name}
    given = [one.value for one in found if one.question == "cores" and one.summary]
    busy = [one for one in found if one.question == "cores" and one.subject in named]
    words = [_speed(leads, found), _doubt(named, found), _learning(found)] + [
        cores_in_words(busy, number) for number in given if number and busy
    ]
    return " ".join(filter(None, words))


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


def _doubt(names: Set[str], found: Sequence[Finding]) -> str:
    """Return how much runs of the compared implementations differ that should not differ."""
    uneven = [one for one in found if one.question == "repeats" and one.subject in names]
    if not uneven:
        return ""
    worst = max(uneven, key=lambda one: one.value or 0)
    most = f"{worst.value:.1f}"
    return f"Speeds are rough: equal runs of {text(worst.subject)} differ by up to {most} times."


def _learning(found: Sequence[Finding]) -> str:
    """Return the sentence on accuracy."""
    compared = [one for one in found if one.question == "accuracy" and not one.summary]
    claims = {one.claim for one in compared}
    if claims & {"better", "worse"}:
        largest = max(abs(one.value or 0) for one in compared if one.claim in ("better", "worse"))
        return f"**They do not learn the same**: test accuracies differ by {largest:.2f} points."
    if claims == {"equal"}:
        return f"They learn the same: test accuracies agree within {PARITY_POINTS:g} points."
    is_known = compared and all(one.low is not None for one in compared)
    return "No difference in test accuracy was found, nor equality shown." if is_known else ""


def _by_condition(leads: Sequence[Finding]) -> str:
    """Return by how much one implementation is the fastest under each of a few conditions."""
    ratios: list[str] = []
    bases = [repeats(lead) for lead in leads]
    is_same = len(set(bases)) == 1
    for lead, basis in zip(leads, bases, strict=True):
        like = f" as fast as {text(lead.baseline)}" if lead is leads[0] else ""
        low, high = times(lead.low, lead.value), times(lead.high, lead.value)
        known = [] if is_same else [basis]
        label = "" if "%" in "".join(ratios) else "95 % interval "
        known += [f"{label}{low} to {high}"] if lead.method in ("pairs", "nodes") else []
        brackets = f" ({', '.join(known)})" if known else ""
        ratios.append(f"{times(lead.value)} times{like} with {text(lead.condition)}{brackets}")
    each = f"; {bases[0]}{'' if 'each' in bases[0] else ' each'}" if is_same else ""
    return f"{text(leads[0].subject)} is the fastest: {', '.join(ratios)}{each}."
