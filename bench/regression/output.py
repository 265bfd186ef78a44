"""Output of a comparison: progress, a table, and a folder with a report and the raw pairs."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, Progress, TextColumn

from bench import terminal
from bench.machine import facts
from bench.markdown import table, text
from bench.regression.calibration import power
from bench.regression.checkout import Side, different_libraries
from bench.regression.outcome import Outcome
from bench.regression.pairs import JSON_NAMES
from bench.regression.rounds import Results
from bench.regression.side_process import SideName
from bench.statistics import Estimate

MARKER = "<!-- bench-compare -->"  # the workflow finds its earlier comment by this
HEADINGS = ("ratio", "95 % interval", "pairs", "spread", "answer")
MEANING = (
    "Ratio: time of HEAD / time of {other}. Spread: standard deviation of the pairs. Not slower: "
    "the slowdown is below what matters, with 99 % certainty."
)
LAST_RECORDED = "the last recorded commit"
SOMETHING_ELSE = "learns something else"
DIFFERENCES = {
    "first_difference": "the update after a few steps",
    "losses_difference": "the loss of a slice",
    "last_difference": "the update after all slices",
}


@contextmanager
def progress(budget_seconds: float, until: float) -> Iterator[Callable[[Sequence[Outcome]], None]]:
    """Show the progress of a session, and the highest ratio that is still possible.

    Args:
        budget_seconds: length of the session.
        until: end of the session on the clock of `time.monotonic`.

    Yields:
        A function to call after every pair with all outcomes so far.
    """
    with _progress_bar("pairs", budget_seconds, until) as update:

        def on_pair(outcomes: Sequence[Outcome]) -> None:
            n_pairs = max(len(outcome.pairs) for outcome in outcomes)
            estimates = [outcome.estimate for outcome in outcomes]
            highest = max((e.high for e in estimates if e is not None), default=None)
            update(f"{n_pairs} pairs" + (f", ratios up to {highest:.3f}" if highest else ""))

        yield on_pair


@contextmanager
def round_progress(
    budget_seconds: float, until: float
) -> Iterator[Callable[[Sequence[Results]], None]]:
    """Show the progress of a comparison of configurations. Arguments as for `progress`.

    Yields:
        A function to call after every round of a group with all results so far.
    """
    with _progress_bar("rounds", budget_seconds, until) as update:
        yield lambda results: update(
            f"{min(len(found.seconds) for found in results)} rounds of all"
        )


@contextmanager
def _progress_bar(
    description: str, budget_seconds: float, until: float
) -> Iterator[Callable[[str], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=terminal.console(), transient=True) as bar:
        task = bar.add_task(description, total=budget_seconds, state="starting")

        def update(state: str) -> None:
            left = max(0.0, until - time.monotonic())
            bar.update(task, completed=budget_seconds - left, state=state)

        yield update


def print_table(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> None:
    """Print a table with a row per case, and remarks below."""
    answers = terminal.new_table(
        title=_title(outcomes, sides), caption=_meaning(outcomes), words=("case",), numbers=HEADINGS
    )
    for outcome in outcomes:
        answers.add_row(outcome.case.name, *_row(outcome))
    terminal.console().print(answers)
    for remark in _remarks(outcomes, sides):
        print(remark)


def _title(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> str:
    other = LAST_RECORDED if _has_history(outcomes) else f"BASE {_name(sides['base'])}"
    return f"HEAD {_name(sides['head'])} against {other}"


def _meaning(outcomes: Sequence[Outcome]) -> str:
    return MEANING.format(other=LAST_RECORDED if _has_history(outcomes) else "BASE")


def _has_history(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome.since is not None for outcome in outcomes)


def _name(side: Side) -> str:
    if side.commit is None:
        return side.label
    commit, dirty, _ = side.commit.partition("-dirty")
    short = commit[:10] + dirty
    return side.label if short == side.label else f"{side.label} ({short})"


def _row(outcome: Outcome) -> list[str]:
    estimate = outcome.since or outcome.estimate
    if outcome.failed is not None:
        answer = f"{outcome.failed.upper()} fails"
    else:
        answer = str(outcome.answer or "not measured")
    if outcome.learns_something_else:
        answer += f", {SOMETHING_ELSE}"
    if estimate is None:
        return ["-", "-", str(len(outcome.pairs)), "-", answer]
    interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
    return [
        f"{estimate.ratio:.3f}", interval, str(estimate.n_pairs), f"{estimate.spread:.1%}", answer,
    ]  # fmt: skip


def _remarks(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> list[str]:
    base, head = sides["base"], sides["head"]
    different = different_libraries(base, head)
    in_both = {name: pair for name, pair in different.items() if "none" not in pair}
    lines = [f"{name}: {old} in BASE, {new} in HEAD" for name, (old, new) in in_both.items()]
    if len(different) > len(in_both):
        n_others = len(different) - len(in_both)
        lines.append(f"{n_others} libraries are installed on one side only")
    if base.python == head.python and base.commit == head.commit and base.is_exact_commit:
        lines.append("BASE and HEAD are the same commit with the same interpreter")
    for outcome in outcomes:
        name = outcome.case.name
        if outcome.remark is not None:
            lines.append(f"{name}: {outcome.remark}")
        if outcome.learns_something_else:
            lines.append(f"{name}: {SOMETHING_ELSE}: {_differences(outcome)}")
        if not outcome.is_measured:
            lines.append(f"{name}: not measured: {outcome.error}")
    return lines + power.quote(outcome.case.name for outcome in outcomes)


def _differences(outcome: Outcome) -> str:
    """Return how much the models of the sides differ, and how much rounding explains."""
    learning = outcome.learning
    return f"HEAD and {learning.compared_with} differ by " + ", ".join(
        f"{difference:.1%} of {DIFFERENCES[key]} (rounding explains {learning.bounds[key]:.1%})"
        for key, difference in learning.differences.items()
    )


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
                "error": outcome.error,
                "failed": outcome.failed,
                "learns_something_else": outcome.learns_something_else,
                "bounds": {
                    JSON_NAMES[key]: bound for key, bound in outcome.learning.bounds.items()
                },
                "estimate": outcome.estimate,
                "since_last_recorded": outcome.since,
                "pairs": outcome.pairs,
            }
            for outcome in outcomes
        ],
    }
    (folder / "pairs.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    (folder / "report.md").write_text(markdown(outcomes, sides), encoding="utf-8")
    if any(outcome.estimate for outcome in outcomes):
        _draw(
            outcomes,
            folder / "ratios.png",
            f"HEAD {_name(sides['head'])} against BASE {_name(sides['base'])}",
        )
    print(f"Written: {folder}")


def markdown(outcomes: Sequence[Outcome], sides: Mapping[SideName, Side]) -> str:
    """Return the comparison as a comment for a pull request."""
    rows = [
        [text(outcome.case.name), *(text(value) for value in _row(outcome))] for outcome in outcomes
    ]
    parts = [
        f"{MARKER}\n### Training speed: {text(_title(outcomes, sides))}",
        table(["case", *HEADINGS], rows),
        _meaning(outcomes),
        "\n".join(f"- {text(remark)}" for remark in _remarks(outcomes, sides)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _draw(outcomes: Sequence[Outcome], path: Path, title: str) -> None:
    """Draw every pair as a point, and the interval of each case."""
    from bench import plotting

    estimated: list[tuple[Outcome, Estimate]] = [
        (outcome, estimate) for outcome in outcomes if (estimate := outcome.estimate) is not None
    ]
    with plotting.figure(path, title, figsize=(8, 1.6 + 0.6 * len(estimated))) as (_, axes):
        panel: Any = axes[0, 0]
        for row, (outcome, estimate) in enumerate(estimated):
            ratios = [math.exp(pair.value) for pair in outcome.pairs]
            # Spread the points, so that they do not cover each other.
            heights = [row + 0.25 * ((n * 7 % 11) / 10 - 0.5) for n in range(len(ratios))]
            panel.plot(ratios, heights, "o", color="#999999", markersize=3)
            panel.errorbar(
                estimate.ratio,
                row,
                xerr=[[estimate.ratio - estimate.low], [estimate.high - estimate.ratio]],
                fmt="s",
                color="#D55E00" if outcome.answer == "slower" else "#0072B2",
                capsize=4,
            )
        panel.axvline(1, color="black", linewidth=1)
        panel.set_yticks(range(len(estimated)), [outcome.case.name for outcome, _ in estimated])
        panel.set_ylim(-0.6, len(estimated) - 0.4)
        panel.invert_yaxis()
        panel.set_xlabel("time of HEAD / time of BASE; each point is a pair")
