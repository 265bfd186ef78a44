"""What a report says of its own fairness: the verdicts of the parity ladder, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

from bench.markdown import code, table, text
from bench.records import RunRecord, Verdict, setting
from bench.report import frames
from bench.report.comparing import Analysis
from bench.terminal import shown_distance

DECLARED = ("precision", "tf32", "compilation", "data_path")
HASH_DIGITS = 8


def parity(verdicts: Sequence[Verdict]) -> str:
    """Lay out a row a verdict: what it is about, its rungs, and what it holds for."""
    rows = []
    for verdict in verdicts:
        rungs = {
            rung.number: ("" if rung.passed else "**fails** ")
            + f"{shown_distance(rung.distance)} / {rung.bound:.1e}"
            for rung in verdict.rungs
        }
        word = frames.parity(verdict)
        rows.append(
            [
                text(verdict.implementation),
                text(", ".join(verdict.equations.values())),
                word if verdict.passed else f"**{word}**",
                *(rungs.get(number, "-") for number in (1, 2, 3)),
                code(verdict.source[:HASH_DIGITS]),
                text(", ".join(f"{name} {at}" for name, at in verdict.libraries.items())),
                f"{text(verdict.device)}, {verdict.threads}",
            ]
        )
    if not rows:
        return ""
    headings = ["implementation", "recipe", "parity", "1", "2", "3", "code", "versions", "cores"]
    return table(headings, rows, n_words=3)


def sheet(analysis: Analysis) -> str:
    """Lay out the fairness sheet: a row for each implementation."""
    first = {view.implementation: view.record for view in reversed(analysis.views)}
    runs, rows = analysis.runs, []
    for name in sorted(first):
        busy = runs.loc[runs["implementation"] == name, "cores_kept_busy"].dropna()
        given = runs.loc[runs["implementation"] == name, "cores"].dropna()
        rows.append(
            [
                text(name),
                *(text(_declared(first[name], key)) for key in DECLARED),
                f"{busy.min():.2f} to {busy.max():.2f}" if len(busy) else "-",
                ", ".join(f"{count:.0f}" for count in sorted(given.unique())) or "-",
            ]
        )
    headings = ["implementation", "precision", "TF32", "compilation", "data path"]
    return table([*headings, "cores kept busy", "cores given"], rows, n_words=5)


def _declared(record: RunRecord, key: str) -> str:
    value = setting(record, "implementation", "fairness", key)
    return "-" if value is None else str(value)
