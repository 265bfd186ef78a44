"""One comparison of configurations: measure, show and keep the results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import imports
from bench.console import counted
from bench.machine import facts
from bench.markdown import text
from bench.regression import session
from bench.regression.configurations import rounds
from bench.regression.configurations.candidates import parse_groups
from bench.regression.configurations.results import Results
from bench.regression.exit_statuses import CANT_TELL, FOUND, NOT_MEASURED, NOT_SLOWER
from bench.regression.output.report import Report, Row, check_writable, draw
from bench.regression.settings import Configurations
from bench.regression.sides.checkout import Side, checked_out
from bench.statistics import MIN_PAIRS

HEADINGS = ("examples/s", "ratio", "95 % interval", "rounds", "answer")


def run(settings: Configurations) -> int:
    """Compare the given configurations, show and keep the results; return the exit status."""
    check_writable(settings.output)
    groups = parse_groups(settings.candidates, settings.over, settings.config_dir)
    with ExitStack() as stack:
        # A copy: later edits must not change the comparison.
        side = stack.enter_context(checked_out(str(imports.PROJECT), None, None, "project"))
        conditions = stack.enter_context(session.reserved(settings))
        results = rounds.measure(groups, side, conditions, settings.precision)
    report(results).show()
    if settings.output is not None:
        _write(settings.output, results, side)
    return _exit_status(results)


def report(results: Sequence[Results]) -> Report:
    """Return a report with a row per configuration of each group."""
    title = "Configurations, trained in turns"
    return Report(
        title=title,
        caption=(
            f"Ratio: time per example / time of {short(results[0].reference)}. Equal: the interval "
            f"is within {results[0].precision:.1%} of 1."
        ),
        words=("condition", "configuration"),
        numbers=HEADINGS,
        rows=[
            [measured.group.name, short(candidate), *_row(measured, candidate)]
            for measured in results
            for candidate in measured.group.cases
        ],
        remarks=_remarks(results),
        heading=f"### {title}\n\n{text(facts.cpu_model())}",
    )


def _row(measured: Results, candidate: str) -> list[str]:
    estimate = None if candidate == measured.reference else measured.estimate(candidate)
    seconds = measured.seconds_per_example(candidate)
    answer = measured.answer(candidate)
    return [
        "-" if seconds is None else f"{1 / seconds:,.0f}",
        *(["-", "-"] if estimate is None else [f"{estimate.ratio:.3f}", estimate.interval]),
        str(len(measured.values(candidate))),
        f"equal within {100 * measured.precision:g} %" if answer == "equal" else answer,
    ]


def _remarks(results: Sequence[Results]) -> list[str]:
    lines = []
    for measured in results:
        for candidate, reason in measured.errors.items():
            lines.append(f"{measured.group.name}: {short(candidate)} fails: {reason}")
        n_rounds = len(measured.seconds)
        if n_rounds < MIN_PAIRS and measured.needs_rounds:
            lines.append(
                f"{measured.group.name}: {counted(n_rounds, 'round')}; an interval needs "
                f"{MIN_PAIRS}: use a longer --budget"
            )
        lines += _fastest(measured)
        if not measured.group.same_problem:
            lines.append(f"{measured.group.name}: different problems; learning was not compared")
    return lines


def _fastest(measured: Results) -> list[str]:
    """Return which candidate is the fastest, or that the two fastest do not differ clearly."""
    times = {
        candidate: seconds
        for candidate in measured.group.cases
        if candidate not in measured.errors and (seconds := measured.seconds_per_example(candidate))
    }
    first, second = [*sorted(times, key=times.__getitem__), "", ""][:2]
    estimate = measured.estimate(second, first) if second else None
    if estimate is None:
        return []
    name, fastest, next_one = measured.group.name, short(first), short(second)
    if estimate.low > 1:
        return [
            f"{name}: {fastest} is the fastest, {estimate.ratio:.3f} times as fast as {next_one} "
            f"({estimate.interval})"
        ]
    return [
        f"{name}: can't tell which of {fastest} and {next_one} is the fastest: ratio "
        f"{estimate.ratio:.3f} ({estimate.interval})"
    ]


def _exit_status(results: Sequence[Results]) -> int:
    answers = {
        measured.answer(candidate) for measured in results for candidate in measured.group.cases
    }
    if answers & {"fails", "learns something else"}:
        return FOUND
    if not any(measured.seconds for measured in results):
        return NOT_MEASURED
    is_complete = "can't tell" not in answers and not any(r.needs_rounds for r in results)
    return NOT_SLOWER if is_complete else CANT_TELL


def _write(folder: Path, results: Sequence[Results], side: Side) -> None:
    """Write all rounds, a Markdown report, and a forest plot if a round was finished."""
    content = {
        "commit": side.commit,
        "precision": results[0].precision,
        "groups": [
            {
                "name": measured.group.name,
                "reference": measured.reference,
                "settings": {
                    label: case.full_settings for label, case in measured.group.cases.items()
                },
                "errors": measured.errors,
                "answers": {label: measured.answer(label) for label in measured.group.cases},
                "estimates": {label: measured.estimate(label) for label in measured.group.cases},
                "seconds_per_example": measured.seconds,
                "first_differences": measured.differences,
            }
            for measured in results
        ],
    }
    report(results).write(folder, "rounds.json", content)
    rows = [
        Row(
            label=f"{measured.group.name}   {short(candidate)}",
            estimate=measured.estimate(candidate),
            values=values,
        )
        for measured in results
        for candidate in measured.group.cases
        if candidate != measured.reference and (values := measured.values(candidate))
    ]
    title = f"Time per example / time of {short(results[0].reference)}"
    label = "above 1: slower than the reference; each mark is a round"
    draw(rows, folder / "ratios.png", title, label)
    print(f"Written: {folder}" + ("" if rows else " (no ratios.png: no round was finished)"))


def short(candidate: str) -> str:
    """Return a configuration without the key of the most common kind."""
    return candidate.removeprefix("implementation=")
