"""One comparison of configurations: measure, show and keep the results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from bench import imports
from bench.machine import facts
from bench.markdown import text
from bench.regression import session
from bench.regression.configurations import rounds
from bench.regression.configurations.candidates import parse_groups
from bench.regression.configurations.results import Results
from bench.regression.exit_statuses import CANT_TELL, FOUND, NOT_MEASURED, NOT_SLOWER
from bench.regression.output import drawing
from bench.regression.output.drawing import Row
from bench.regression.output.report import Report, check_writable
from bench.regression.settings import Configurations
from bench.regression.sides.checkout import Side, checked_out

HEADINGS = ("examples/s", "ratio", "95 % interval", "rounds", "answer")
Answer = Literal[
    "reference", "faster", "slower", "equal", "can't tell", "fails", "learns something else"
]


def run(settings: Configurations) -> int:
    """Compare the given configurations, show and keep the results; return the exit status."""
    check_writable(settings.output)
    groups = parse_groups(settings.candidates, settings.over, settings.config_dir)
    with ExitStack() as stack:
        # A copy: later edits must not change the comparison.
        side = stack.enter_context(checked_out(str(imports.PROJECT), None, None, "project"))
        conditions = stack.enter_context(session.reserved(settings))
        results = rounds.measure(groups, side, conditions, settings.precision)
    report(results, settings.precision).show()
    if settings.output is not None:
        _write(settings.output, results, side, settings.precision)
    return _exit_status(results, settings.precision)


def answer(measured: Results, candidate: str, precision: float) -> Answer:
    """Return the answer for a candidate, in comparison with the reference.

    Args:
        measured: results of its group.
        candidate: its label.
        precision: half-width of an interval that is narrow enough, such as 0.03.
    """
    if candidate in measured.errors:
        return "fails"
    if candidate == measured.reference:
        return "reference"
    if measured.learns_something_else(candidate):
        return "learns something else"
    estimate = measured.estimate(candidate)
    if estimate is None:
        return "can't tell"
    if estimate.low > 1:
        return "slower"
    if estimate.high < 1:
        return "faster"
    is_equal = 1 - precision <= estimate.low and estimate.high <= 1 + precision
    return "equal" if is_equal else "can't tell"


def report(results: Sequence[Results], precision: float) -> Report:
    """Return a report with a row per configuration of each group."""
    title = "Configurations, trained in turns"
    return Report(
        title=title,
        caption=(
            f"Ratio: time per example / time of {short(results[0].reference)}. Equal: the interval "
            f"is within {precision:.1%} of 1."
        ),
        words=("condition", "configuration"),
        numbers=HEADINGS,
        rows=[
            [measured.group.name, short(candidate), *_row(measured, candidate, precision)]
            for measured in results
            for candidate in measured.group.cases
        ],
        remarks=_remarks(results),
        heading=f"### {title}\n\n{text(facts.cpu_model())}",
    )


def _row(measured: Results, candidate: str, precision: float) -> list[str]:
    estimate = None if candidate == measured.reference else measured.estimate(candidate)
    seconds = measured.seconds_per_example(candidate)
    speed = "-" if seconds is None else f"{1 / seconds:,.0f}"
    n_rounds = str(len(measured.values(candidate)))
    result = answer(measured, candidate, precision)
    result_text = f"equal within {100 * precision:g} %" if result == "equal" else str(result)
    if estimate is None:
        return [speed, "-", "-", n_rounds, result_text]
    interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
    return [speed, f"{estimate.ratio:.3f}", interval, n_rounds, result_text]


def _remarks(results: Sequence[Results]) -> list[str]:
    lines = []
    for measured in results:
        for candidate, reason in measured.errors.items():
            lines.append(f"{measured.group.name}: {short(candidate)} fails: {reason}")
        lines += _fastest(measured)
        if not measured.group.same_problem:
            lines.append(f"{measured.group.name}: different problems; learning was not compared")
    return lines


def _fastest(measured: Results) -> list[str]:
    """Say which candidate is the fastest, if the two fastest can be told apart."""
    times = {
        candidate: seconds
        for candidate in measured.group.cases
        if candidate not in measured.errors and (seconds := measured.seconds_per_example(candidate))
    }
    first, second = [*sorted(times, key=times.__getitem__), "", ""][:2]
    estimate = measured.estimate(second, first) if second else None
    if estimate is None:
        return []
    interval = f"({estimate.low:.3f} to {estimate.high:.3f})"
    if estimate.low > 1:
        return [
            f"{measured.group.name}: {short(first)} is the fastest, {estimate.ratio:.3f} times as "
            f"fast as {short(second)} {interval}"
        ]
    return [
        f"{measured.group.name}: can't tell which of {short(first)} and {short(second)} is the "
        f"fastest: ratio {estimate.ratio:.3f} {interval}"
    ]


def _exit_status(results: Sequence[Results], precision: float) -> int:
    answers = {
        answer(measured, candidate, precision)
        for measured in results
        for candidate in measured.group.cases
    }
    if answers & {"fails", "learns something else"}:
        return FOUND
    if not answers & {"faster", "slower", "equal"}:
        return NOT_MEASURED if not any(measured.seconds for measured in results) else CANT_TELL
    is_complete = "can't tell" not in answers and not any(
        measured.needs_rounds(precision) for measured in results
    )
    return NOT_SLOWER if is_complete else CANT_TELL


def _write(folder: Path, results: Sequence[Results], side: Side, precision: float) -> None:
    """Write all rounds, a Markdown report and a forest plot."""
    content = {
        "commit": side.commit,
        "precision": precision,
        "groups": [
            {
                "name": measured.group.name,
                "reference": measured.reference,
                "settings": {
                    candidate: case.full_settings
                    for candidate, case in measured.group.cases.items()
                },
                "errors": measured.errors,
                "answers": {
                    candidate: answer(measured, candidate, precision)
                    for candidate in measured.group.cases
                },
                "estimates": {
                    candidate: measured.estimate(candidate) for candidate in measured.group.cases
                },
                "seconds_per_example": measured.seconds,
                "first_differences": measured.differences,
            }
            for measured in results
        ],
    }
    report(results, precision).write(folder, "rounds.json", content)
    rows = [
        Row(
            label=f"{measured.group.name}   {short(candidate)}",
            estimate=estimate,
            values=measured.values(candidate),
        )
        for measured in results
        for candidate in measured.group.cases
        if candidate != measured.reference
        and (estimate := measured.estimate(candidate)) is not None
    ]
    title = f"Time per example / time of {short(results[0].reference)}"
    label = "above 1: slower than the reference; each mark is a round"
    drawing.draw(rows, folder / "ratios.png", title, label)
    print(f"Written: {folder}")


def short(candidate: str) -> str:
    """Return a configuration without the key of the most common kind."""
    return candidate.removeprefix("implementation=")
