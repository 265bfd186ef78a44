"""One sentence for a whole report: which implementation is fastest, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

from bench.markdown import text
from bench.report.finding import Finding
from bench.report.findings import sentences
from bench.report.speed_findings import times

MAX_CONDITIONS = 3  # more are counted instead of named


def headline(found: Sequence[Finding]) -> str:
    """Return one sentence in Markdown: which implementation is fastest, and by how much.

    Args:
        found: all findings of a report.
    """
    leads = [finding for finding in found if finding.claim in ("fastest", "shared", "only")]
    if not leads:
        return next((one.sentence for one in found if one.claim == "none"), "No speed to compare.")
    shown = sentences(leads)
    if len(shown) == 1:
        return shown[0]
    if len(shown) > MAX_CONDITIONS:
        return f"{'; '.join(_counted(leads))}."
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
        interval = f" (95 % interval {low} to {high})" if lead.method == "pairs" else ""
        ratios.append(f"{ratio}with {text(lead.condition)}{interval}")
    return f"{text(leads[0].subject)} is the fastest: {', '.join(ratios)}."


def _counted(leads: Sequence[Finding]) -> list[str]:
    """Return under how many conditions each implementation is the fastest, and by how much."""
    lines = []
    of_all = f"of {len(leads)} conditions"
    for name in dict.fromkeys(lead.subject for lead in leads if lead.claim == "fastest"):
        ratios = [
            lead.value or 0 for lead in leads if lead.subject == name and lead.claim == "fastest"
        ]
        span = f"{times(min(ratios))} to {times(max(ratios))} times as fast as the next"
        lines.append(f"{text(name)} is the fastest under {len(ratios)} {of_all}, {span}")
    n_shared = sum(lead.claim == "shared" for lead in leads)
    if n_shared:
        lines.append(f"the fastest **can't be told** under {n_shared} {of_all}")
    return lines or [f"no implementations are compared under any {of_all}"]
