"""The section with all runs: their table, what is missing, why runs failed, their commands."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.console import counted, printable
from bench.markdown import code, text
from bench.records import RunRecord
from bench.report.contents.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Folded,
    Lines,
    Row,
    Section,
    Table,
    Text,
)
from bench.report.contents.repeat_command import repeat_command, repeat_commands
from bench.report.contents.tables import (
    CEILING,
    LEVELS,
    OTHER_WORK,
    folded_if_long,
    keys_of,
    quiet,
    reason_of,
)
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.display_names import RunView
from bench.report.frames.repeats import MAX_UNEVEN, over_repeats
from bench.results.store import LOG_NAME
from bench.terminal import format_number

MAX_COMMANDS = 1000
UNLISTED = {"architecture", "dataset_fingerprint", "machine"}  # settings without a column


def all_runs(analysis: Analysis) -> Section:
    """Return the section.

    Args:
        analysis: the analysis of any number of records.
    """
    sweep, blocks = analysis.sweep, list[Block]()
    if sweep.records:
        blocks.append(folded_if_long(counted(len(sweep.records), "run"), _table(analysis)))
    if sweep.missing:
        summary = f"Planned, but not finished when this report was written: {len(sweep.missing)}"
        blocks.append(Folded(summary, [Bullets([code(name) for name in sweep.missing])]))
    if left_out := [*sweep.unreadable, *sweep.copies]:
        blocks.append(Folded(f"Left out: {len(left_out)}", [Bullets([*map(text, left_out)])]))
    if found := tracebacks(sweep.records):
        parts: list[Block] = [Text(f"The folder of a run contains its output, {code(LOG_NAME)}.")]
        for names, lines in found:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts += [Text(f"{', '.join(map(code, names[:3]))}{more}:"), Lines(lines, True)]
        blocks.append(Folded("Where in the code runs failed", parts))
    if sweep.records:
        commands = repeat_commands(sweep.records)
        shown: list[Block] = [Lines(commands[:MAX_COMMANDS])]
        if len(commands) > MAX_COMMANDS:
            shown.append(Text(f"{len(commands) - MAX_COMMANDS:,} more are needed for all runs."))
        if len(commands) < len(sweep.records):
            shown += [Text("For one run, give its own values, for example:"),
                      Lines([repeat_command(sweep.records[0])])]  # fmt: skip
        blocks.append(Folded("Commands that repeat the runs", shown, is_printed=True))
    return Section("runs", "All runs", blocks)


def tracebacks(records: Sequence[RunRecord]) -> list[tuple[list[str], list[str]]]:
    """Return each traceback once: the run_ids of its runs, and its lines."""
    run_ids: dict[str, list[str]] = {}
    for record in records:
        if record.error is not None and record.error.traceback:
            run_ids.setdefault(record.error.traceback, []).append(printable(record.run_id))
    return [(names, [*map(printable, lines.splitlines())]) for lines, names in run_ids.items()]


def _table(analysis: Analysis) -> Table:
    """Return the runs: first those without a result, then those that differ from their repeats."""
    swept = [name for name in dataframes.varying(analysis.runs) if name not in UNLISTED]
    columns = [
        Column("run", is_number=False), *(Column(name.replace("_", " ")) for name in swept),
        Column("status", is_number=False),
        Column("reason", is_number=False, is_extra=not any(map(reason_of, analysis.sweep.records))),
        Column("epochs"), Column("test accuracy"),
        Column("examples/s", definition="median over the epochs"),
        Column("ceiling", is_extra=True, definition=CEILING), Column("train s"),
        Column("total s", is_extra=True),
        Column("other work", is_number=False, definition="whether other work was seen; "
               "similar runs differ from it in learning rate or seed only"),
    ]  # fmt: skip
    runs = analysis.runs
    differs = _differs(runs)
    ordered = sorted(
        zip(analysis.views, dataframes.rows(runs), differs, strict=True),
        key=lambda entry: (
            entry[0].record.status == "done",
            not entry[2],
            entry[1].condition,
            analysis.names.index(entry[0].implementation),
        ),
    )
    rows = []
    for view, row, words in ordered:
        name, *cells = _run_row(view, words)
        settings = [dataframes.plain(getattr(row, key)) for key in swept]
        rows.append(Row([name, *settings, *cells], keys_of(row)))
    return Table("Runs", columns, [("", rows)])


def _differs(runs: pd.DataFrame) -> list[str]:
    """Return in words how each run differs from its repeats, or ""."""
    found = pd.Series("", runs.index)
    seconds, speed = over_repeats(runs, "train_seconds"), over_repeats(runs)
    found[seconds > MAX_UNEVEN] = "longer than similar runs"
    found[speed > MAX_UNEVEN] = "faster than similar runs"
    found[speed < 1 / MAX_UNEVEN] = "slower than similar runs"
    return found.tolist()


def _other_work(record: RunRecord, differs: str) -> Cell | str:
    """Return whether other work was seen, and how the run differs from its repeats."""
    if record.examples_per_second is None:
        return "-"
    word = dataframes.quiet(record)
    if not differs:
        return quiet(word)
    but = "but " if word == dataframes.QUIET else ""
    return Cell(f"{OTHER_WORK[word]}, {but}{differs}", level="attention")


def _run_row(view: RunView, differs: str) -> list[Cell | str]:
    record = view.record
    status = record.status.replace("_", " ")
    return [
        Cell(record.run_id, is_code=True),
        Cell(status, level=LEVELS.get(record.status, "bad")),
        reason_of(record),
        str(max(len(record.epochs) - 1, 0)),
        format_number(record.test_accuracy, ".4f"),
        format_number(record.examples_per_second, ",.0f"),
        format_number(record.flops_utilisation, ".0%"),
        format_number(record.seconds.train, ".1f"),
        format_number(record.seconds.total, ".1f"),
        _other_work(record, differs),
    ]
