"""The contents of a report's pages, and report.md, which shows them in Markdown."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from bench.console import first_line
from bench.markdown import block, code, text, visible
from bench.records import RunRecord, is_synthetic
from bench.report import fairness, layouts
from bench.report.circumstances import counted
from bench.report.comparing import Analysis
from bench.report.findings import findings
from bench.report.repeating import command

MAX_CHARACTERS = 65_000  # of report.md; the text of a pull request may have 65,536
MAX_ROWS = 100  # of a table, if the page is short enough
MAX_TRACEBACKS, MAX_TRACEBACK = 3, 5_000


def sections(analysis: Analysis) -> dict[str, Any]:
    """Return the contents of a page, in Markdown, by the names that the templates use."""
    sweep, runs, comparison = analysis.sweep, analysis.runs, analysis.comparison
    validated = runs["validation_accuracy"].notna().any()
    return {
        "sweep_name": visible(sweep.name),
        "synthetic": is_synthetic(sweep.records),
        "stamp": analysis.stamp,
        "answers": findings(analysis),
        "chosen_on": "validation accuracy after the last epoch" if validated else "training loss",
        "comparison": layouts.comparison(comparison),
        "rates": layouts.rates(runs, comparison),
        "ledger": layouts.ledger(runs),
        "confused": layouts.confused(sweep, comparison),
        "parity": fairness.parity(sweep.verdicts),
        "fairness": fairness.sheet(analysis),
        "runs": layouts.runs(sweep.records),
        "n_runs": len(sweep.records),
        "troubles": troubles(sweep.records),
        "tracebacks": tracebacks(sweep.records),
        "missing": [visible(name) for name in sweep.missing],
        "left_out": [visible(sentence) for sentence in (*sweep.unreadable, *sweep.copies)],
        "commands": [command(record) for record in sweep.records],
        "environment": fairness.environment(sweep.records),
    }


def troubles(records: Sequence[RunRecord]) -> list[tuple[str, str, str, str]]:
    """Return run_id, status, first line of the message, and log file of every run with an error."""
    return [
        (
            visible(record.run_id),
            record.status.replace("_", " "),
            first_line(record.error.message),
            visible(f"{record.run_id}/run.log"),
        )
        for record in records
        if record.error is not None
    ]


def tracebacks(records: Sequence[RunRecord]) -> list[tuple[list[str], str]]:
    """Return each traceback once, with the run_ids of the runs that ended in it."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.error is not None and record.error.traceback:
            lines = "\n".join(map(visible, record.error.traceback.splitlines()))
            found.setdefault(lines, []).append(visible(record.run_id))
    return [(names, lines) for lines, names in found.items()]


def markdown(contents: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """Return report.md, with as many rows in its tables as fit.

    Args:
        contents: as `sections` returns them.
        plots: captions by file name, in the order in which they are shown.
    """
    template = _template()
    most = MAX_ROWS
    while True:
        page = template.render(contents, plots=plots, most=most)
        page = re.sub(r"\n{3,}", "\n\n", page)
        if len(page) < MAX_CHARACTERS:
            return page
        if most == 0:
            break
        most //= 2
    ending = "\n\n**Cut here**: a pull request takes no more. index.html has everything.\n"
    return page[: MAX_CHARACTERS - len(ending) - 1].rpartition("\n")[0] + ending


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        trim_blocks=True,
        autoescape=False,  # noqa: S701
    )  # the filters below escape every value; Markdown is not HTML
    environment.filters |= {
        "text": text,
        "code": code,
        "block": functools.partial(block, max_characters=MAX_TRACEBACK),
        "first": _first,
        "names": _names,
    }
    environment.globals["most_tracebacks"] = MAX_TRACEBACKS
    return environment.get_template("report.md.j2")


def _first(laid_out: str | Sequence[str], most: int) -> str:
    """Keep the first rows of a table, and add how many more there are."""
    lines = laid_out.splitlines() if isinstance(laid_out, str) else laid_out
    left = len(lines) - 2 - most
    shown = "\n".join(lines[: most + 2] if most else [])
    return shown if left <= 0 else f"{shown}\n\n{counted(left, 'more row')}: see runs.csv.\n"


def _names(names: Sequence[str], most: int) -> str:
    """List the first names as code, and add how many more there are."""
    listed = ", ".join(map(code, names[:most]))
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"
