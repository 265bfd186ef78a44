"""The sections that report.md and index.html share, and report.md itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from bench.console import printable
from bench.markdown import block, code, text
from bench.plotting import Picture
from bench.records import RunRecord, is_synthetic
from bench.report import dataframes, fairness, tables
from bench.report.analysis import Analysis
from bench.report.findings import findings
from bench.report.repeat_commands import command
from bench.report.sweep_summary import counted
from bench.results.store import LOG_NAME

MAX_CHARACTERS = 65_000  # of report.md; the text of a pull request may have 65,536
MAX_ROWS = 100  # of a table, if the page is short enough
MAX_TRACEBACKS, MAX_TRACEBACK = 3, 5_000  # number; characters of each
MAX_SENTENCES = 40


def sections(analysis: Analysis) -> dict[str, Any]:
    """Return the sections of a report, in Markdown, by the names that the templates use."""
    sweep, runs, comparison = analysis.sweep, analysis.runs, analysis.comparison
    validated = runs["validation_accuracy"].notna().any()
    return {
        "sweep_name": printable(sweep.name),
        "synthetic": is_synthetic(sweep.records),
        "stamp": analysis.stamp,
        "findings": findings(analysis),
        "best_by": "validation accuracy after the last epoch" if validated else "training loss",
        "comparison": tables.comparison(comparison),
        "rates": tables.rates(runs, comparison),
        "time_by_part": tables.time_by_part(runs),
        "mistakes": tables.mistakes(analysis),
        "without_result": _without_result(analysis),
        "parity": fairness.parity(sweep.verdicts),
        "fairness": fairness.sheet(analysis),
        "runs": tables.runs(sweep.records),
        "n_runs": len(sweep.records),
        "log_file": f"RUN/{LOG_NAME}" if any(record.error for record in sweep.records) else "",
        "tracebacks": tracebacks(sweep.records),
        "missing": [printable(name) for name in sweep.missing],
        "left_out": [printable(sentence) for sentence in (*sweep.unreadable, *sweep.copies)],
        "commands": [command(record) for record in sweep.records],
        "environment": fairness.environment(sweep.records),
    }


def _without_result(analysis: Analysis) -> str:
    """Return a sentence that lists the implementations without a finished run, or ""."""
    compared = analysis.comparison
    if len(compared) == len(analysis.finished):
        return ""
    listed = "; ".join(
        f"{label}: " + ", ".join(f"{row.implementation} ({row.status})" for row in rows)
        for label, group in dataframes.conditions(compared)
        if (rows := [row for row in dataframes.rows(group) if row.status != "done"])
    )
    return text(f"Without a finished run, and not in the charts of finished runs: {listed}.")


def tracebacks(records: Sequence[RunRecord]) -> list[tuple[list[str], str]]:
    """Return each traceback once, with the run_ids of its runs."""
    run_ids: dict[str, list[str]] = {}
    for record in records:
        if record.error is not None and record.error.traceback:
            lines = "\n".join(map(printable, record.error.traceback.splitlines()))
            run_ids.setdefault(lines, []).append(printable(record.run_id))
    return [(names, lines) for lines, names in run_ids.items()]


def page(sections: Mapping[str, Any], pictures: Mapping[str, Picture]) -> str:
    """Return report.md, with as many rows in its tables as fit.

    Args:
        sections: as `sections` returns them.
        pictures: the pictures by file name, in the order of the report.
    """
    template = _template()
    content, max_rows = "", 2 * MAX_ROWS
    while max_rows and (not content or len(content) >= MAX_CHARACTERS):
        max_rows //= 2
        content = template.render(sections, pictures=pictures, max_rows=max_rows)
        content = re.sub(r"\n{3,}", "\n\n", content)
    if len(content) < MAX_CHARACTERS:
        return content
    ending = "\n\n**Cut here** to fit into a pull request. index.html contains everything.\n"
    return content[: MAX_CHARACTERS - len(ending) - 1].rpartition("\n")[0] + ending


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        trim_blocks=True,
        autoescape=False,  # noqa: S701
    )  # the filters below escape all values; Markdown is not HTML
    environment.filters |= {
        "text": text,
        "code": code,
        "block": functools.partial(block, max_characters=MAX_TRACEBACK),
        "first": _first,
        "names": _names,
    }
    environment.globals |= {"max_tracebacks": MAX_TRACEBACKS, "max_sentences": MAX_SENTENCES}
    return environment.get_template("report.md.j2")


def _first(table: str, max_rows: int) -> str:
    """Return the first rows of a table, and the number of the others."""
    lines = table.splitlines()
    n_left = len(lines) - 2 - max_rows
    rows = "\n".join(lines[: max_rows + 2] if max_rows else [])
    return rows if n_left <= 0 else f"{rows}\n\n{counted(n_left, 'more row')}: see runs.csv.\n"


def _names(names: Sequence[str], maximum: int) -> str:
    """Return the first names as code, and the number of the others."""
    listed = ", ".join(map(code, names[:maximum]))
    return listed if len(names) <= maximum else f"{listed} and {len(names) - maximum} more"
