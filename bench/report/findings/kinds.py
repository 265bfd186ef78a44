"""Kinds of machine side by side: which implementation leads on each. Never a mean over kinds."""

from __future__ import annotations

from collections.abc import Sequence

from bench.console import counted
from bench.markdown import text
from bench.report.findings.finding import Finding
from bench.report.findings.leads import leads_by_number
from bench.report.findings.speed import times
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis

MAX_SETTINGS = 3  # with a sentence of their own; more are counted for each kind


def kinds(analysis: Analysis, speeds: Sequence[Finding]) -> list[Finding]:
    """Return which implementation leads on each kind of machine, a finding for each setting.

    Args:
        analysis: the analysis of the report.
        speeds: its findings on speed.
    """
    runs = analysis.runs
    if len(set(analysis.kinds.values())) < 2:
        return []
    leads = {one.condition: one for one in speeds if one.claim in ("fastest", "shared", "only")}
    settings = [name for name in dataframes.CONDITIONS if name not in ("machine", "cores")]
    named = dataframes.varying(runs, settings)
    found, by_kind = [], dict[str, list[Finding]]()
    for _, group in runs.groupby(settings, dropna=False, sort=False):
        conditions = group.groupby("condition").first().index
        led = {
            analysis.kinds[number]: leads[analysis.conditions[number]]
            for number in conditions
            if analysis.conditions[number] in leads
        }
        for label, lead in led.items():
            by_kind.setdefault(label, []).append(lead)
        if len(led) > 1:
            label = dataframes.condition_label(group.iloc[0], named)
            found.append(_side_by_side(label, led))
    if len(found) <= MAX_SETTINGS:
        return found
    sentence = " ".join(
        f"On {text(label)}, {'; '.join(leads_by_number(some, speeds))}."
        for label, some in by_kind.items()
    )
    claims = {one.claim for one in found}
    summary = Finding(
        question="kinds", claim="different" if "different" in claims else found[0].claim,
        level="neutral", sentence=sentence, summary=True,
    )  # fmt: skip
    return [summary, *found]


def _side_by_side(settings: str, leads: dict[str, Finding]) -> Finding:
    """Return which implementation leads on each kind of machine.

    Args:
        settings: the label of the condition without the machine.
        leads: the lead on each kind.
    """
    on_kinds: dict[str, list[str]] = {}
    others = []
    for kind, lead in leads.items():
        name, where = text(lead.subject), f"on {text(kind)}"
        if lead.claim == "fastest":
            on_kinds.setdefault(name, []).append(f"{where} ({_basis(lead)})")
        elif lead.claim == "shared":
            next_one = text(lead.baseline)
            others.append(
                f"{where}, {name} and {next_one} **can't be told apart** ({_basis(lead)})"
            )
        else:
            others.append(f"{where}, only {name} has a rank")
    listed = ", ".join(
        f"{name}{' leads' if place == 0 else ''} {' and '.join(places)}"
        for place, (name, places) in enumerate(on_kinds.items())
    )
    is_same = len(on_kinds) == 1 and not others
    return Finding(
        question="kinds",
        claim="same" if is_same else "different" if len(on_kinds) > 1 else "cant_tell",
        level="good" if is_same else "attention" if others else "neutral",
        condition=settings,
        subject=next(iter(leads.values())).subject if is_same else "",
        n_pairs=sum(lead.n_pairs for lead in leads.values()),
        n_nodes=sum(lead.n_nodes for lead in leads.values()),
        run_ids=tuple(run_id for lead in leads.values() for run_id in lead.run_ids),
        sentence="; ".join(filter(None, [listed, *others])) + ".",
    )


def _basis(lead: Finding) -> str:
    """Return nodes and ratio of a lead, such as `6 nodes, 1.12 to 1.19 times as fast as jax`."""
    if lead.low is None:
        ratio = f"{times(lead.value)} times as fast as {text(lead.baseline)}, no interval"
    else:
        interval = " to ".join(times(end, lead.value) for end in (lead.low, lead.high))
        ratio = f"{interval} times as fast as {text(lead.baseline)}"
    nodes = "1 node, so for this node only: " if lead.n_nodes == 1 else ""
    return (nodes or f"{counted(lead.n_nodes, 'node')}, " if lead.n_nodes else "") + ratio
