"""Output of a comparison: a table, and a folder with a report and the raw pairs."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import terminal
from bench.machine import facts
from bench.markdown import table, text
from bench.regression import dashboards
from bench.regression.checkout import Side, different_libraries
from bench.regression.drawing import draw_pairs
from bench.regression.metrics import METRICS, Metric
from bench.regression.outcome import Outcome
from bench.regression.pair_record import JSON_NAMES
from bench.regression.remarks import SOMETHING_ELSE, remarks
from bench.regression.side_process import SideName
from bench.results.history import STEP

MARKER = "<!-- bench-compare -->"  # the workflow finds its earlier comment by this
HEADINGS = ("BASE", "ratio", "95 % interval", "pairs", "spread", "answer")
MEANING = (
    "Ratio: HEAD / {other}. Spread: standard deviation of the pairs. Not slower, not more: the "
    "increase is below what matters, with 99 % certainty."
)
LAST_RECORDED = "the last recorded commit"


def print_table(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> None:
    """Print a table with a row per case and metric, and remarks below."""
    answers = terminal.new_table(
        title=_title(outcomes, sides),
        caption=_meaning(outcomes),
        words=("case", "metric"),
        numbers=HEADINGS,
    )
    for outcome in outcomes:
        name = outcome.case.name
        for row in _rows(outcome):
            answers.add_row(name, *row)
            name = ""
    terminal.console().print(answers)
    for remark in remarks(outcomes, sides):
        print(remark)


def _title(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> str:
    other = LAST_RECORDED if _has_history(outcomes) else f"BASE {_name(sides['base'])}"
    return f"HEAD {_name(sides['head'])} against {other}"


def _meaning(outcomes: Sequence[Outcome]) -> str:
    return MEANING.format(other=LAST_RECORDED if _has_history(outcomes) else "BASE")


def _has_history(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome.since for outcome in outcomes)


def _name(side: Side) -> str:
    if side.commit is None:
        return side.label
    commit, dirty, _ = side.commit.partition("-dirty")
    short = commit[:10] + dirty
    return side.label if short == side.label else f"{side.label} ({short})"


def _rows(outcome: Outcome) -> list[list[str]]:
    """Return a row for every metric of a case; one row if there are too few pairs."""
    if outcome.estimate is None:
        rows = [["", "-", "-", "-", str(len(outcome.pairs)), "-", _no_answer(outcome)]]
    else:
        rows = [_row(outcome, METRICS[name]) for name in outcome.smallest]
    if outcome.learns_something_else:
        rows[0][-1] += f", {SOMETHING_ELSE}"
    return rows


def _row(outcome: Outcome, metric: Metric) -> list[str]:
    estimate = outcome.since.get(metric.name) or outcome.estimate_of(metric.name)
    assert estimate is not None  # noqa: S101  # there are enough pairs
    answer = outcome.answers.get(metric.name)
    return [
        metric.name,
        _reading(outcome, metric),
        f"{estimate.ratio:.3f}",
        f"{estimate.low:.3f} to {estimate.high:.3f}",
        str(estimate.n_pairs),
        f"{estimate.spread:.1%}",
        metric.words.get(answer, answer) if answer else _no_answer(outcome),
    ]


def _reading(outcome: Outcome, metric: Metric) -> str:
    """Return BASE's reading with its unit; the time of a step is that of a slice, divided."""
    reading = statistics.median(outcome.readings(metric.name))
    if metric.name == STEP:
        return metric.format(reading / outcome.n_steps) if outcome.n_steps else "-"
    return metric.format(reading)


def _no_answer(outcome: Outcome) -> str:
    return "not measured" if outcome.failed is None else f"{outcome.failed.upper()} fails"


def check_writable(folder: Path) -> None:
    """Create a folder, and check that files can be written to it.

    Raises:
        OSError: it can't be created or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def write(folder: Path, outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> None:
    """Write the raw pairs, a report for a pull request, and a plot."""
    content = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sides": {
            name: {"label": side.label, "commit": side.commit} for name, side in sides.items()
        },
        "different_libraries": different_libraries(sides["base"], sides["head"]),
        "environment": facts.describe([]),
        "cells": [
            {
                "cell": outcome.case.name,
                "answer": outcome.answer,
                "n_steps": outcome.n_steps,
                "error": outcome.error,
                "failed": outcome.failed,
                "learns_something_else": outcome.learns_something_else,
                "bounds": {
                    JSON_NAMES[key]: bound for key, bound in outcome.learning.bounds.items()
                },
                "estimate": outcome.estimate,
                "since_last_recorded": outcome.since,
                "metrics": {
                    name: {
                        "answer": outcome.answers.get(name),
                        "smallest": smallest,
                        "estimate": outcome.estimate_of(name),
                    }
                    for name, smallest in outcome.smallest.items()
                },
                "pairs": outcome.pairs,
            }
            for outcome in outcomes
        ],
    }
    (folder / "pairs.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    (folder / "report.md").write_text(markdown(outcomes, sides), encoding="utf-8")
    dashboards.write(folder, outcomes)
    if any(outcome.estimate for outcome in outcomes):
        draw_pairs(
            outcomes,
            folder / "ratios.png",
            f"HEAD {_name(sides['head'])} against BASE {_name(sides['base'])}",
        )
    print(f"Written: {folder}")


def markdown(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> str:
    """Return the comparison as a comment for a pull request."""
    rows = [
        [text(outcome.case.name), *map(text, row)] for outcome in outcomes for row in _rows(outcome)
    ]
    parts = [
        f"{MARKER}\n### Training speed: {text(_title(outcomes, sides))}",
        table(["case", "metric", *HEADINGS], rows),
        _meaning(outcomes),
        "\n".join(f"- {text(remark)}" for remark in remarks(outcomes, sides)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
