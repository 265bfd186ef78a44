"""The findings on a sweep as a whole: machines, versions, settings, and how runs ended."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.console import counted, first_line
from bench.markdown import text
from bench.records import BROKEN, Status
from bench.report.findings.finding import Finding, Level
from bench.report.findings.machine import machine_findings
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.display_names import NOT_RECORDED, RunView
from bench.results.store import Sweep

MAX_REASONS = 10


def sweep_findings(analysis: Analysis) -> list[Finding]:
    """Describe the machines and common settings of the runs, how they ended, and omitted files.

    Args:
        analysis: the analysis of any number of records.
    """
    runs = analysis.runs
    return [
        *machine_findings(analysis),
        *_differing_versions(analysis),
        *_endings(analysis.views),
        *_common_settings(runs),
        *_files(analysis.sweep),
    ]


def _files(sweep: Sweep) -> list[Finding]:
    """Count files that are missing, ignored or without a checksum."""
    found = []

    def add(level: Level, number: int, sentence: str) -> None:
        found.append(
            Finding(question="data", claim="incomplete", level=level, sentence=sentence,
                    value=number, unit="runs")
        )  # fmt: skip

    if n_copies := len(sweep.copies):
        copies = counted(n_copies, "duplicate record is", "duplicate records are")
        add("neutral", n_copies, f"{copies} ignored, listed below.")
    if n_bare := sweep.n_without_checksum:
        records = counted(n_bare, "record")
        add("attention", n_bare, f"**No checksum: {records}**; damage would not be noticed.")
    if n_missing := len(sweep.missing):
        missing = counted(n_missing, "planned run is", "planned runs are")
        add("attention", n_missing, f"**{missing} not finished.**")
    if n_unreadable := len(sweep.unreadable):
        unreadable = counted(n_unreadable, "file or folder", "files or folders")
        add("bad", n_unreadable, f"**Left out: {unreadable} that cannot be used**, listed below.")
    return found


def _differing_versions(analysis: Analysis) -> list[Finding]:
    """Name the code and versions that differ between runs which are averaged."""
    done = analysis.runs[analysis.runs["status"] == "done"]
    differences: dict[str, dict[str, set[str]]] = {}
    for _, group in done.groupby(["condition", "implementation"]):
        views = [analysis.views[place] for place in group.index]
        made = [view.record.made_with for view in views if view.record.made_with]
        for part in dict.fromkeys(part for fingerprints in made for part in fingerprints):
            values = {fingerprints.get(part, NOT_RECORDED) for fingerprints in made}
            if len(values) > 1:
                parts = differences.setdefault(views[0].implementation, {})
                parts.setdefault(part, set()).update(values)
    found = []
    for name, parts in sorted(differences.items()):
        listed = "; ".join(f"{part} {', '.join(sorted(values))}" for part, values in parts.items())
        sentence = (
            f"**Runs of {text(name)} used different code or versions** ({text(listed)}) "
            "and are averaged."
        )
        found.append(
            Finding(question="versions", claim="different", level="attention", subject=name,
                    sentence=sentence)
        )  # fmt: skip
    return found


def _common_settings(runs: pd.DataFrame) -> list[Finding]:
    """Name the settings that are the same in every run."""
    settings = (
        *("recipe", "dataset", "batch_size", "epochs", "seed", "device", "threads", "cores"),
        "instructions",
    )
    shared = [
        f"{name.replace('_', ' ')} {text(dataframes.plain(runs[name].iloc[0]))}"
        for name in settings
        if runs[name].nunique(dropna=False) == 1
        and pd.notna(runs[name].iloc[0])
        and runs[name].iloc[0] != "auto"
    ]
    sentence = f"The same in every run: {', '.join(shared)}."
    same = Finding(question="settings", claim="same", level="neutral", sentence=sentence)
    return [same] if shared else []


def _endings(views: Sequence[RunView]) -> list[Finding]:
    """Count how runs ended; name each implementation with failed runs, and the first reason."""
    if not views:
        return []
    counts: dict[Status, int] = {}
    without: dict[tuple[Status, str], list[RunView]] = {}
    for view in views:
        status = view.record.status
        counts[status] = counts.get(status, 0) + 1
        if status != "done":
            without.setdefault((status, view.implementation), []).append(view)
    listed = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    broken = counts.keys() & BROKEN
    sentence = f"Runs: {listed}."
    found = [
        Finding(
            question="runs",
            claim="incomplete" if without else "complete",
            level="bad" if broken else "attention" if without else "good",
            value=counts.get("done", 0),
            unit="runs",
            sentence=f"**{sentence}**" if broken else sentence,
        )
    ]
    for (status, name), group in [*without.items()][:MAX_REASONS]:
        errors = (view.record.error for view in group)
        reason = next((first_line(error.message) for error in errors if error), "")
        because = f": {text(reason)}" if reason else ""
        ended = status.replace("_", " ")
        found.append(
            Finding(
                question="runs", claim="incomplete", subject=name, value=len(group), unit="runs",
                level="bad" if status in BROKEN else "attention",
                run_ids=tuple(view.record.run_id for view in group),
                sentence=f"{counted(len(group), 'run')} of {text(name)} {ended}{because}",
            )
        )  # fmt: skip
    if len(without) > MAX_REASONS:
        sentence = f"{len(without) - MAX_REASONS} more kinds of ending: see the runs."
        found.append(
            Finding(question="runs", claim="incomplete", level="attention", sentence=sentence)
        )
    return found
