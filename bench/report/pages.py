"""What a page says of one sweep, and report.md, which says it in Markdown."""

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

MAX_CHARACTERS = 65_000  # of report.md; pull requests take 65,536
MAX_ROWS = 100  # of a table, to begin with
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
        "environment": layouts.environment(sweep.records),
    }


def troubles(records: Sequence[RunRecord]) -> list[tuple[str, str, str, str]]:
    """Return run, status, first line of the reason, and log, of every run with an error."""
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
    """Return each traceback once, after the runs that ended in it."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.error is not None and record.error.traceback:
            lines = "\n".join(map(visible, record.error.traceback.splitlines()))
            found.setdefault(lines, []).append(visible(record.run_id))
    return [(names, lines) for lines, names in found.items()]


def markdown(said: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """Return report.md, with tables as long as fits.

    Args:
        said: what `sections` returns.
        plots: captions by file name, in the order in which they are shown.
    """
    template = _template()
    most = MAX_ROWS
    while True:
        page = template.render(said, plots=plots, most=most)
        page = re.sub(r"\n{3,}", "\n\n", page)
        if len(page) < MAX_CHARACTERS:
            return page
        if most == 0:
            break
        most //= 2
    ending = "\n\n**Cut here**, for a pull request takes no more; index.html has all.\n"
    return page[: MAX_CHARACTERS - len(ending) - 1].rpartition("\n")[0] + ending


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        trim_blocks=True,
        autoescape=False,  # noqa: S701
    )  # every value goes through the filters below; Markdown is not HTML
    environment.filters |= {
        "text": text,
        "code": code,
        "block": functools.partial(block, most=MAX_TRACEBACK),
        "first": _first,
        "names": _names,
    }
    environment.globals["most_tracebacks"] = MAX_TRACEBACKS
    return environment.get_template("report.md.j2")


def _first(laid_out: str | Sequence[str], most: int) -> str:
    """Keep the first rows of a table, and say how many more there are."""
    lines = laid_out.splitlines() if isinstance(laid_out, str) else laid_out
    left = len(lines) - 2 - most
    shown = "\n".join(lines[: most + 2] if most else [])
    return shown if left <= 0 else f"{shown}\n\n{counted(left, 'more row')}: see runs.csv.\n"


def _names(names: Sequence[str], most: int) -> str:
    """List the first few names as code, and say how many more there are."""
    listed = ", ".join(map(code, names[:most]))
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"
