"""Tables on the fairness of a comparison: parity verdicts, implementations, the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.markdown import code, table, text
from bench.records import RunRecord, Verdict, setting
from bench.report import dataframes
from bench.report.analysis import Analysis
from bench.terminal import format_distance

DECLARED = ("precision", "tf32", "compilation", "data_path")
HASH_DIGITS = 8


def parity(verdicts: Sequence[Verdict]) -> str:
    """Return the parity verdicts: one row each, with the rungs, code and versions.

    Args:
        verdicts: the verdicts of the sweep.

    Returns:
        A table in Markdown, or nothing.
    """
    rows = []
    for verdict in verdicts:
        rungs = {
            rung.number: ("" if rung.passed else "**fails** ")
            + f"{format_distance(rung.distance)} / {rung.bound:.1e}"
            for rung in verdict.rungs
        }
        word = dataframes.parity(verdict)
        rows.append(
            [
                text(verdict.implementation),
                text(", ".join(verdict.equations.values())),
                word if verdict.passed else f"**{word}**",
                *(rungs.get(number, "-") for number in (1, 2, 3)),
                code(verdict.source[:HASH_DIGITS]),
                text(", ".join(f"{name} {version}" for name, version in verdict.libraries.items())),
                f"{text(verdict.device)}, {verdict.threads}",
            ]
        )
    if not rows:
        return ""
    headings = ["implementation", "recipe", "parity", "1", "2", "3", "code", "versions", "cores"]
    return table(headings, rows, n_words=3)


def sheet(analysis: Analysis) -> str:
    """Return the differences between implementations: one row per implementation.

    Args:
        analysis: the analysis of the report.

    Returns:
        A table in Markdown.
    """
    first = {view.implementation: view.record for view in reversed(analysis.views)}
    runs, rows = analysis.runs, []
    for name in sorted(first):
        busy = runs.loc[runs["implementation"] == name, "cores_kept_busy"].dropna()
        cores = runs.loc[runs["implementation"] == name, "cores"].dropna()
        rows.append(
            [
                text(name),
                *(text(_declared(first[name], key)) for key in DECLARED),
                f"{busy.min():.2f} to {busy.max():.2f}" if len(busy) else "-",
                ", ".join(f"{count:.0f}" for count in sorted(cores.unique())) or "-",
            ]
        )
    headings = ["implementation", "precision", "TF32", "compilation", "data path"]
    return table([*headings, "cores kept busy", "cores given"], rows, n_words=5)


def _declared(record: RunRecord, key: str) -> str:
    value = setting(record, "implementation", "fairness", key)
    return "-" if value is None else str(value)


def environment(records: Sequence[RunRecord]) -> str:
    """Return the environments of the runs, with every value if they differ.

    Args:
        records: the records of the report.

    Returns:
        A table in Markdown without headings.
    """
    labels = {
        "cpu_model": "processor", "caches": "caches", "platform": "system", "python": "Python",
        "libraries": "libraries", "git_commit": "commit",
    }  # fmt: skip
    rows = []
    for key, label in labels.items():
        values = dict.fromkeys(_plain(record.environment.get(key)) for record in records)
        listed = "; ".join(value for value in values if value)
        rows.append([label, text(listed) if listed else "-"])
    ceilings = [
        value / 1e9
        for record in records
        for value in _mapping(record.environment.get("ceiling_flops_per_second")).values()
        if isinstance(value, int | float)
    ]
    if ceilings:
        span = f"{min(ceilings):,.0f} to {max(ceilings):,.0f} GFLOP/s"
        rows.append(["ceiling, float32 matrix multiplication", span])
    if kernels := sorted({kernel for record in records for kernel in _blas_kernels(record)}):
        rows.append(["BLAS kernels", text(", ".join(kernels))])
    return table(["", ""], rows, n_words=2)


def _blas_kernels(record: RunRecord) -> Iterator[str]:
    """Yield the BLAS libraries of a run with the kernels they used, such as `openblas Haswell`."""
    libraries = record.environment.get("linear_algebra")
    for library in libraries if isinstance(libraries, list) else ():
        names = _mapping(library)
        yield " ".join(
            str(names[key]) for key in ("internal_api", "architecture") if names.get(key)
        )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in sorted(value.items()))
    return "" if value is None else str(value)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}
