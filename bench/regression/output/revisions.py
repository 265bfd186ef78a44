"""Output of a comparison of revisions: its report, the raw pairs, and files for dashboards."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.markdown import text
from bench.regression.metrics import METRICS, Metric
from bench.regression.outcome import Outcome
from bench.regression.output import dashboards
from bench.regression.output.remarks import SOMETHING_ELSE, remarks
from bench.regression.output.report import Report, Row, draw
from bench.regression.pair_record import JSON_NAMES
from bench.regression.sides.checkout import Side, Sides, different_libraries
from bench.results.history import STEP

MARKER = "<!-- bench-compare -->"  # the workflow finds its earlier comment by this
HEADINGS: tuple[str, ...] = ("BASE", "ratio", "95 % interval", "pairs", "spread", "answer")
AGAINST = "against"  # heading with a history: the commit that a row is compared with
CAPTION = (
    "Ratio: HEAD / {other}. Spread: standard deviation of the pairs. Not slower, not more: the "
    "increase is below what matters, with 99 % certainty."
)


def report(outcomes: Sequence[Outcome], sides: Sides) -> Report:
    """Return a report with a row per case and metric.

    With a history, each row names the commit that it is compared with.
    """
    base = _name(sides["base"])
    title, other, numbers = f"BASE {base}", "BASE", HEADINGS
    has_history = any(outcome.since for outcome in outcomes)
    if has_history:
        title = f"the history, with reference {base}"
        other, numbers = f'the commit under "{AGAINST}"', (AGAINST, *HEADINGS)
    title = f"HEAD {_name(sides['head'])} against {title}"
    return Report(
        title=title,
        caption=CAPTION.format(other=other),
        words=("case", "metric"),
        numbers=numbers,
        rows=[
            [outcome.case.name, *row] for outcome in outcomes for row in _rows(outcome, has_history)
        ],
        remarks=remarks(outcomes, sides),
        heading=f"{MARKER}\n### Training speed: {text(title)}",
    )


def _name(side: Side) -> str:
    if side.commit is None:
        return side.label
    commit, dirty, _ = side.commit.partition("-dirty")
    short = commit[:10] + dirty
    return short if side.label in (short, side.commit) else f"{side.label} ({short})"


def _rows(outcome: Outcome, has_history: bool) -> list[list[str]]:
    """Return a row for every metric of a case; one row if there are too few pairs."""
    if outcome.estimate is None:
        rows = [["", "-", "-", "-", str(len(outcome.pairs)), "-", _no_answer(outcome)]]
    else:
        rows = [_row(outcome, METRICS[name]) for name in outcome.smallest]
    if has_history:
        for row, metric in zip(rows, outcome.smallest, strict=False):
            entry = outcome.last_recorded.get(metric)
            row.insert(1, "BASE" if entry is None else entry.commit[:7])
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
        estimate.interval,
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


def write(folder: Path, outcomes: Sequence[Outcome], sides: Sides) -> None:
    """Write the report, the raw pairs, files for dashboards, and a plot."""
    content = {
        "sides": {
            name: {"label": side.label, "commit": side.commit} for name, side in sides.items()
        },
        "different_libraries": different_libraries(sides),
        "cells": [
            {
                "cell": outcome.case.name,
                "identity": outcome.case.identity,
                "settings": outcome.case.settings,
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
    report(outcomes, sides).write(folder, "pairs.json", content)
    dashboards.write(folder, outcomes)
    title = f"HEAD {_name(sides['head'])} against BASE {_name(sides['base'])}"
    draw(_drawn(outcomes), folder / "ratios.png", title, "HEAD / BASE; each mark is a pair")
    print(f"Written: {folder}")


def _drawn(outcomes: Sequence[Outcome]) -> list[Row]:
    """Return what to draw of each metric of each case."""
    return [
        Row(
            label=f"{outcome.case.name}   {metric}",
            estimate=estimate,
            values=[pair.value_of(metric) for pair in outcome.pairs],
            # An answer against a recorded commit is not about this ratio.
            is_slower=outcome.answers.get(metric) == "slower" and metric not in outcome.since,
        )
        for outcome in outcomes
        for metric, estimate in outcome.estimates().items()
    ]
