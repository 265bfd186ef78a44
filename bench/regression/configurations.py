"""One comparison of configurations: measure, show and keep the results."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from bench import imports, terminal
from bench.machine import facts, lock
from bench.markdown import table, text
from bench.regression import output, progress, rounds
from bench.regression.candidates import parse_groups
from bench.regression.checkout import Side, checked_out
from bench.regression.drawing import draw_rounds, short
from bench.regression.exit_statuses import CANT_TELL, FOUND, NOT_MEASURED, NOT_SLOWER
from bench.regression.group_results import Results

HEADINGS = ("examples/s", "ratio", "95 % interval", "rounds", "answer")
Answer = Literal[
    "reference", "faster", "slower", "equal", "can't tell", "fails", "learns something else"
]


def run(arguments: argparse.Namespace) -> int:
    """Compare the given configurations, show and keep the results; return the exit status."""
    if arguments.output is not None:
        output.check_writable(arguments.output)
    sides = [arguments.base, arguments.head, *arguments.others]
    groups = parse_groups([side for side in sides if side is not None], arguments.over)
    with ExitStack() as stack:
        # A copy: later edits must not change the comparison.
        side = stack.enter_context(checked_out(str(imports.PROJECT), None, None, "project"))
        stack.enter_context(lock.reserved(shared=arguments.share_machine))
        until = time.monotonic() + arguments.budget
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-problems-"))
        on_round = stack.enter_context(progress.configurations(arguments.budget, until))
        results = rounds.measure(
            groups,
            side,
            Path(folder),
            precision=arguments.precision,
            until=until,
            on_round=on_round,
        )
    _print(results, arguments.precision)
    if arguments.output is not None:
        _write(arguments.output, results, side, arguments.precision)
    return _exit_status(results, arguments.precision)


def answer(found: Results, candidate: str, precision: float) -> Answer:
    """Return the answer for a candidate, in comparison with the reference.

    Args:
        found: results of its group.
        candidate: its label.
        precision: half-width of an interval that is narrow enough, such as 0.03.
    """
    if candidate in found.errors:
        return "fails"
    if candidate == found.reference:
        return "reference"
    if found.learns_something_else(candidate):
        return "learns something else"
    estimate = found.estimate(candidate)
    if estimate is None:
        return "can't tell"
    if estimate.low > 1:
        return "slower"
    if estimate.high < 1:
        return "faster"
    is_equal = 1 - precision <= estimate.low and estimate.high <= 1 + precision
    return "equal" if is_equal else "can't tell"


def _row(found: Results, candidate: str, precision: float) -> list[str]:
    estimate = None if candidate == found.reference else found.estimate(candidate)
    seconds = found.seconds_per_example(candidate)
    speed = "-" if seconds is None else f"{1 / seconds:,.0f}"
    n_rounds = str(len(found.values(candidate)))
    result = answer(found, candidate, precision)
    result_text = f"equal within {100 * precision:g} %" if result == "equal" else str(result)
    if estimate is None:
        return [speed, "-", "-", n_rounds, result_text]
    interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
    return [speed, f"{estimate.ratio:.3f}", interval, n_rounds, result_text]


def _meaning(results: Sequence[Results], precision: float) -> str:
    return (
        f"Ratio: time per example / time of {short(results[0].reference)}. Equal: the interval is "
        f"within {precision:.1%} of 1."
    )


def _print(results: Sequence[Results], precision: float) -> None:
    shown = terminal.new_table(
        title="Configurations, trained in turns",
        caption=_meaning(results, precision),
        words=("condition", "configuration"),
        numbers=HEADINGS,
    )
    for found in results:
        condition = found.group.name
        for candidate in found.group.cases:
            shown.add_row(condition, short(candidate), *_row(found, candidate, precision))
            condition = ""
        shown.add_section()
    terminal.console().print(shown)
    for line in _remarks(results):
        print(line)


def _remarks(results: Sequence[Results]) -> list[str]:
    lines = []
    for found in results:
        for candidate, reason in found.errors.items():
            lines.append(f"{found.group.name}: {short(candidate)} fails: {reason}")
        lines += _fastest(found)
        if not found.group.same_problem:
            lines.append(f"{found.group.name}: different problems; learning was not compared")
    return lines


def _fastest(found: Results) -> list[str]:
    """Say which candidate is the fastest, if the two fastest can be told apart."""
    times = {
        candidate: seconds
        for candidate in found.group.cases
        if candidate not in found.errors and (seconds := found.seconds_per_example(candidate))
    }
    first, second = [*sorted(times, key=times.__getitem__), "", ""][:2]
    estimate = found.estimate(second, first) if second else None
    if estimate is None:
        return []
    interval = f"({estimate.low:.3f} to {estimate.high:.3f})"
    if estimate.low > 1:
        return [
            f"{found.group.name}: {short(first)} is the fastest, {estimate.ratio:.3f} times as "
            f"fast as {short(second)} {interval}"
        ]
    return [
        f"{found.group.name}: can't tell which of {short(first)} and {short(second)} is the "
        f"fastest: ratio {estimate.ratio:.3f} {interval}"
    ]


def _exit_status(results: Sequence[Results], precision: float) -> int:
    answers = {
        answer(found, candidate, precision) for found in results for candidate in found.group.cases
    }
    if answers & {"fails", "learns something else"}:
        return FOUND
    if not answers & {"faster", "slower", "equal"}:
        return NOT_MEASURED if not any(found.seconds for found in results) else CANT_TELL
    is_complete = "can't tell" not in answers and not any(
        found.needs_rounds(precision) for found in results
    )
    return NOT_SLOWER if is_complete else CANT_TELL


def _write(folder: Path, results: Sequence[Results], side: Side, precision: float) -> None:
    """Write all rounds, a Markdown report and a forest plot."""
    content = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": side.commit,
        "environment": facts.describe([]),
        "precision": precision,
        "groups": [
            {
                "name": found.group.name,
                "reference": found.reference,
                "errors": found.errors,
                "answers": {
                    candidate: answer(found, candidate, precision)
                    for candidate in found.group.cases
                },
                "estimates": {
                    candidate: found.estimate(candidate) for candidate in found.group.cases
                },
                "seconds_per_example": found.seconds,
                "first_differences": found.differences,
            }
            for found in results
        ],
    }
    (folder / "rounds.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    rows = [
        [
            text(found.group.name),
            text(short(candidate)),
            *map(text, _row(found, candidate, precision)),
        ]
        for found in results
        for candidate in found.group.cases
    ]
    parts = [
        f"### Configurations, trained in turns\n\n{text(facts.cpu_model())}",
        table(["condition", "configuration", *HEADINGS], rows),
        _meaning(results, precision),
        "\n".join(f"- {text(line)}" for line in _remarks(results)),
    ]
    (folder / "report.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    draw_rounds(results, folder / "ratios.png")
    print(f"Written: {folder}")
