"""The files of a report, in the chosen formats."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench import files
from bench.report.charts.renderer import Renderer
from bench.report.contents.blocks import FIGURES
from bench.results import store

if TYPE_CHECKING:
    from bench.report.charts.drawing import Drawing
    from bench.report.findings.finding import Finding
    from bench.report.frames.analysis import Analysis
    from bench.results.history import Entry

SOURCE = "record.json"  # every page of bench-report, and no other, names its source
FINDINGS_VERSION = 1  # of findings.json; docs/findings.md explains its keys


def write_report(
    sweep: store.Sweep,
    folder: Path,
    formats: Set[str],
    target: float | None = None,
    history: Sequence[Entry] = (),
) -> Path | None:
    """Write a report, and print its comparison.

    Args:
        sweep: one sweep, or several sweeps merged into one.
        folder: where to write; created if it does not exist.
        formats: some of `html`, `md`, `csv`, `json`, `terminal`.
        target: the validation accuracy to time; None: the highest that all have reached.
        history: speed over commits; drawn unless it is empty.

    Returns:
        The most important file: index.html, report.md or runs.csv; None for the terminal alone.

    Raises:
        FileError: a file can't be written.
        OSError: the folder can't be created, or a picture can't be written.
    """
    _refuse_to_overwrite(folder, formats)
    with Renderer(folder / FIGURES) if formats & {"html", "md"} else nullcontext() as renderer:
        # Imports are where they are needed, so that no format waits for the libraries of another.
        from bench.report.findings.findings import findings
        from bench.report.frames.analysis import analyse

        analysis = analyse(sweep, target)
        if renderer is not None:
            from bench.report.charts.drawing import Drawing

            drawing = Drawing(analysis, history, folder)
            renderer.draw(drawing.specifications())
        found = findings(analysis)
        written = _write_data(analysis, found, folder, formats)
        if renderer is not None:
            written = _write_pages(analysis, found, drawing, renderer, folder, formats)
    if "terminal" in formats:
        from bench.report.pages.terminal_report import print_comparison, print_findings

        print_comparison(analysis)
        print_findings(found)
    return written


def _write_data(
    analysis: Analysis, found: Sequence[Finding], folder: Path, formats: Set[str]
) -> Path | None:
    """Write the files for other programs, and return the most important one."""
    from bench.report.frames.runs import curves_frame

    written = None
    if "csv" in formats:
        written = folder / "runs.csv"
        _write(written, analysis.runs.to_csv(index=False))
        _write(folder / "curves.csv", curves_frame(analysis.views).to_csv(index=False))
    if "json" in formats:
        path = folder / "findings.json"
        _write(path, _findings_json(analysis, found))
        written = written or path
    return written


def _findings_json(analysis: Analysis, found: Sequence[Finding]) -> str:
    """Return the content of findings.json."""
    from bench.report.findings.headline import headline
    from bench.report.findings.tiles import tiles

    encoded = msgspec.json.encode(
        {
            "schema_version": FINDINGS_VERSION,
            "sweep_name": analysis.sweep.name,
            "conditions": analysis.conditions,
            "headline": headline(found),
            "tiles": tiles(found),
            "findings": found,
        }
    )
    return msgspec.json.format(encoded, indent=1).decode() + "\n"


def _write_pages(
    analysis: Analysis,
    found: Sequence[Finding],
    drawing: Drawing,
    renderer: Renderer,
    folder: Path,
    formats: Set[str],
) -> Path:
    """Write the pages and the pictures of data, and return the most important page."""
    from bench.report.contents.document import document
    from bench.report.pages import markdown_report

    content = document(analysis, found, drawing.figures(), drawing.data.notices)
    written = folder / "report.md"
    if "md" in formats:
        _write(written, markdown_report.page(content))
    renderer.wait()
    if "html" in formats:
        from bench.report.pages import html_report

        written = folder / "index.html"
        page = html_report.page(content, drawing.data, drawing.charts, drawing.colours, folder)
        _write(written, page)
    return written


def _refuse_to_overwrite(folder: Path, formats: Set[str]) -> None:
    """Raise FileError if a page in the folder is not of bench-report."""
    for name, form in (("index.html", "html"), ("report.md", "md")):
        path = folder / name
        if form not in formats or not path.exists():
            continue
        if SOURCE not in path.read_text(encoding="utf-8", errors="replace"):
            raise files.FileError(
                f"{path}: not written by bench-report; choose another folder with --output"
            )


def _write(path: Path, content: str) -> None:
    files.write_atomically(path, content.encode("utf-8", "backslashreplace"))
