"""The leads of several conditions in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from bench.markdown import text
from bench.report.findings.finding import Finding
from bench.report.findings.speed import times


def leads_by_number(leads: Sequence[Finding], found: Sequence[Finding]) -> list[str]:
    """Return under how many conditions each implementation is the fastest, and by how much.

    Args:
        leads: the findings on the fastest implementation of each condition.
        found: all findings.
    """
    lines: list[tuple[int, str]] = []
    of_all = f"of {len(leads)} conditions"
    for name in dict.fromkeys(lead.subject for lead in leads if lead.claim == "fastest"):
        ratios = [
            lead.value or 0 for lead in leads if lead.subject == name and lead.claim == "fastest"
        ]
        span = " to ".join(dict.fromkeys([times(min(ratios)), times(max(ratios))]))
        lines.append(
            (
                len(ratios),
                f"{text(name)} is the fastest under {len(ratios)} {of_all}, {span} times as fast "
                "as the next",
            )
        )
    shared: dict[tuple[str, ...], int] = {}
    for lead in leads:
        if lead.claim == "shared":
            rivals = (
                one.baseline
                for one in found
                if (one.question, one.condition) == ("speed", lead.condition)
                and one.claim == "cant_tell"
            )
            names = tuple(sorted({lead.subject, *rivals}))
            shared[names] = shared.get(names, 0) + 1
    lines += [
        (
            number,
            f"{text(', '.join(names[:-1]))} and {text(names[-1])} **can't be told apart** as "
            f"the fastest under {number} {of_all}",
        )
        for names, number in shared.items()
    ]
    ordered = [line for _, line in sorted(lines, key=lambda line: -line[0])]
    return ordered or [f"no implementations are compared under any {of_all}"]
