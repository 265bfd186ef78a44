"""Tables on the fairness of a comparison: parity verdicts, implementations, the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.nested import setting
from bench.records import RunRecord
from bench.report.contents.blocks import Cell, Column, Row, Table, simple_table
from bench.report.contents.tables import LEVELS
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.terminal import format_distance

DECLARED = {"precision": "precision", "tf32": "TF32", "compilation": "compilation",
            "data_path": "data path"}  # fmt: skip
HASH_DIGITS = 8


def parity(analysis: Analysis) -> Table:
    """Return the parity verdicts: one row each, with the rungs, code and versions.

    Args:
        analysis: of a sweep with verdicts.
    """
    rows = []
    place = {name: number for number, name in enumerate(analysis.names)}
    verdicts = analysis.sweep.verdicts
    for verdict in sorted(verdicts, key=lambda one: place.get(one.implementation, len(place))):
        rungs = {
            rung.number: Cell(
                f"{format_distance(rung.distance)} (limit {rung.bound:.1e})",
                level="" if rung.passed else "bad",
            )
            for rung in verdict.rungs
        }
        word = dataframes.parity(verdict)
        cells = [
            verdict.implementation,
            ", ".join(verdict.equations.values()),
            Cell(word, level=LEVELS[word]),
            *(rungs.get(number, "-") for number in (1, 2, 3)),
            Cell(verdict.source[:HASH_DIGITS], is_code=True),
            ", ".join(f"{name} {version}" for name, version in verdict.libraries.items()),
            f"{verdict.device}, {verdict.threads}",
        ]
        rows.append(Row(cells, {"implementation": verdict.implementation}))
    columns = [
        *(Column(name, is_number=False) for name in ("implementation", "recipe", "parity")),
        *(Column(name, is_number=False) for name in ("gradients", "one step", "fifty steps")),
        Column("code", is_number=False, is_extra=True), Column("versions", is_number=False),
        Column("device, threads", is_number=False, is_extra=True),
    ]  # fmt: skip
    caption = "Parity: distance from the reference in each check, with the limit that passes"
    return Table(caption, columns, [("", rows)])


def sheet(analysis: Analysis) -> Table:
    """Return the differences between implementations: one row per implementation."""
    first = {view.implementation: view.record for view in reversed(analysis.views)}
    runs, rows = analysis.runs, []
    has_gpu = (runs["device"] == "gpu").any()
    declared = {key: word for key, word in DECLARED.items() if key != "tf32" or has_gpu}
    for name in analysis.names:
        busy = runs.loc[runs["implementation"] == name, "cores_kept_busy"].dropna()
        cores = runs.loc[runs["implementation"] == name, "cores"].dropna()
        cells = [
            name,
            *(_declared(first[name], key) for key in declared),
            f"{busy.min():.2f} to {busy.max():.2f}" if len(busy) else "-",
            ", ".join(f"{count:.0f}" for count in sorted(cores.unique())) or "-",
        ]
        rows.append(Row(cells, {"implementation": name}))
    headings = ["implementation", *declared.values(), "cores kept busy", "cores given"]
    caption = (
        "Differences between implementations: cores kept busy is processor time over wall-clock "
        "time of training, lowest to highest of the runs"
    )
    return simple_table(caption, headings, rows, len(headings) - 2)


def _declared(record: RunRecord, key: str) -> str:
    value = setting(record, "implementation", "fairness", key)
    return "-" if value is None else str(value)


def environment(records: Sequence[RunRecord]) -> Table:
    """Return the environments of the runs, with every value if they differ."""
    labels = {
        "cpu_model": "processor", "caches": "caches", "platform": "system", "python": "Python",
        "libraries": "libraries", "git_commit": "commit",
    }  # fmt: skip
    rows = []
    for key, label in labels.items():
        values = dict.fromkeys(_plain(record.environment.get(key)) for record in records)
        listed = "; ".join(value for value in values if value)
        if key == "libraries":  # most are the same in every run
            each = {library for value in values if value for library in value.split(", ")}
            listed = ", ".join(sorted(each))
        rows.append(Row([label, listed or "-"]))
    ceilings = [
        value / 1e9
        for record in records
        for value in _mapping(record.environment.get("ceiling_flops_per_second")).values()
        if isinstance(value, int | float)
    ]
    if ceilings:
        span = f"{min(ceilings):,.0f} to {max(ceilings):,.0f} GFLOP/s"
        rows.append(Row(["ceiling, float32 matrix multiplication", span]))
    if kernels := sorted({kernel for record in records for kernel in _blas_kernels(record)}):
        rows.append(Row(["BLAS", "; ".join(kernels)]))
    return simple_table("Machine, libraries and code", ["", ""], rows, 2)


def _blas_kernels(record: RunRecord) -> Iterator[str]:
    """Yield the BLAS libraries of a run and the processors that their kernels are made for."""
    libraries = record.environment.get("linear_algebra")
    for library in libraries if isinstance(libraries, list) else ():
        names = _mapping(library)
        found = (str(names[key]) for key in ("internal_api", "architecture") if names.get(key))
        yield ", kernels for ".join(found)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in sorted(value.items()))
    return "" if value is None else str(value)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}
