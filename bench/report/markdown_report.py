"""The sections that report.md and index.html share, with commands that repeat runs; report.md."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import jinja2
from omegaconf import OmegaConf

from bench import CONF
from bench.config.identity import DESCRIBING_KEYS, GROUPS, REPEAT_COMMAND_KEYS
from bench.console import as_typed, printable
from bench.contract import Recipe
from bench.markdown import block, code, text
from bench.plotting import Picture
from bench.records import RunRecord, flatten, is_synthetic
from bench.report import dataframes, fairness, tables
from bench.report.analysis import Analysis
from bench.report.findings import findings, sentences
from bench.report.sweep_summary import counted
from bench.results.store import LOG_NAME

MAX_CHARACTERS = 65_000  # of report.md; the text of a pull request may have 65,536
MAX_ROWS = 100  # of a table, if the page is short enough
MAX_TRACEBACKS, MAX_TRACEBACK = 3, 5_000  # number; characters of each
MAX_SENTENCES = 40

# Records may come from strangers: a command contains no characters unsafe in a shell.
SAFE_WORD = re.compile(r"[\w.,=+\[\] -]+", re.ASCII)
SAFE_PATH = re.compile(r"[\w.,=+\[\] /()@#%:~-]+")
# A recipe's constants, for the keys that its file does not contain.
CONSTANTS = {field.name: field.default for field in fields(Recipe)}
NO_COMMAND = "(no command: {} has {} with characters unsafe in a shell)"
FILE_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def sections(analysis: Analysis) -> dict[str, Any]:
    """Return the sections of a report, in Markdown, by the names that the templates use."""
    sweep, runs, comparison = analysis.sweep, analysis.runs, analysis.comparison
    validated = runs["validation_accuracy"].notna().any()
    return {
        "sweep_name": printable(sweep.name),
        "synthetic": is_synthetic(sweep.records),
        "stamp": analysis.stamp,
        "findings": sentences(findings(analysis)),
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
        "commands": [repeat_command(record) for record in sweep.records],
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


def repeat_command(record: RunRecord) -> str:
    """Return the command that repeats a run: its choices, and the keys that differ from them.

    Args:
        record: a record with a configuration of any shape.

    Returns:
        A line for the shell, or in brackets the reason why there is none.
    """
    folder, config = record.config_dir, record.config
    words = [
        word
        for group in GROUPS
        if isinstance(section := config.get(group), Mapping)
        for word in _group_words(group, section)
    ]
    words += [f"{key}={as_typed(config[key])}" for key in REPEAT_COMMAND_KEYS if key in config]
    if not all(SAFE_WORD.fullmatch(word) for word in words):
        return NO_COMMAND.format(printable(record.run_id), "settings")
    if folder is None:
        return shlex.join(["bench", *words])
    if not SAFE_PATH.fullmatch(folder):
        return NO_COMMAND.format(printable(record.run_id), "a --config-dir")
    return shlex.join(["bench", f"--config-dir={folder}", *words])


def _group_words(group: str, section: Mapping[str, Any]) -> Iterator[str]:
    """Yield the choice of a group, and its keys that differ from the file in conf/."""
    name = section.get("name")
    yield f"{group}={name}"
    defaults = _defaults(group, str(name))
    for key, recorded in flatten(section):
        value = list(recorded) if isinstance(recorded, tuple) else recorded
        if key.partition(".")[0] in ("name", *DESCRIBING_KEYS[group]):
            continue
        if defaults is None:
            yield f"{group}.{key}={as_typed(value)}"
        elif key in defaults:
            if defaults[key] != value:
                yield f"{group}.{key}={as_typed(value)}"
        elif group != "dataset" and value != CONSTANTS.get(key, MISSING):
            # The file of a dataset contains every key that the dataset uses.
            yield f"+{group}.{key}={as_typed(value)}"


@functools.cache
def _defaults(group: str, name: str) -> dict[str, Any] | None:
    """Return the content of a file in conf/; None if the project has no such file."""
    file = CONF / group / f"{name}.yaml"
    if not FILE_NAME.fullmatch(name) or not file.is_file():
        return None
    content = OmegaConf.to_container(OmegaConf.create(file.read_text(encoding="utf-8")))
    return dict(flatten(content)) if isinstance(content, dict) else None
