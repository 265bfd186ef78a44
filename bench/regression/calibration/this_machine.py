"""`bench-compare --calibrate`: measure what this machine finds, and store it."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import imports, terminal
from bench.machine import lock
from bench.regression import progress, session
from bench.regression.calibration import power
from bench.regression.calibration.power import Power
from bench.regression.cases import parse_cases
from bench.regression.checkout import Side, checked_out
from bench.regression.exit_statuses import CANT_TELL, NOT_MEASURED, NOT_SLOWER
from bench.regression.metrics import DEFAULT_METRICS, chosen, parse_metrics
from bench.regression.outcome import Outcome
from bench.regression.side_process import SideName
from bench.statistics import FIRST_LOOK

MAX_PAIRS = 200
NUMBERS = (
    "pairs", "ratio", "spread", "seconds\nper pair", "false alarms", "without\ncommon pairs",
    "finds in\n5 minutes",
)  # fmt: skip
CAPTION = (
    "Copies of this project were compared with each other. False alarms: share of 1,000 sessions "
    "that answer slower, drawn from the pairs after a shift to a ratio of 1; and of sessions that "
    "share no pairs. Finds: the smallest slowdown of a step that 95 % of sessions find, one case "
    "alone."
)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate the given cases; return the exit status."""
    cases = parse_cases(arguments.cases)
    seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    project = str(imports.PROJECT)
    with ExitStack() as stack:
        # Two copies, because a comparison has two: where files lie can affect speed.
        sides: dict[SideName, Side] = {
            "base": stack.enter_context(checked_out(project, None, None, "project")),
            "head": stack.enter_context(checked_out(project, None, None, "project")),
        }
        stack.enter_context(lock.reserved(shared=arguments.share_machine))
        until = time.monotonic() + arguments.budget
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-problems-"))
        show = stack.enter_context(progress.revisions(arguments.budget, until))
        outcomes = session.run(
            cases,
            sides,
            Path(folder),
            smallest=chosen(parse_metrics(DEFAULT_METRICS), {}),
            until=until,
            on_pair=_timed(seconds, show),
            n_pairs=MAX_PAIRS,
        )
    now = datetime.now(UTC).date().isoformat()
    powers = [
        power.evaluate(
            outcome.case.name,
            [pair.value for pair in outcome.pairs],
            statistics.median(seconds[outcome.case.name]),
            now,
        )
        for outcome in outcomes
        if len(outcome.pairs) >= FIRST_LOOK
    ]
    _print(powers)
    for outcome in outcomes:
        if len(outcome.pairs) < FIRST_LOOK:
            reason = outcome.error or f"only {len(outcome.pairs)} pairs; increase --budget"
            print(f"{outcome.case.name}: not calibrated: {reason}")
    if not powers:
        return NOT_MEASURED
    print(f"Stored: {power.store(powers)}; later reports of these cases quote it")
    return NOT_SLOWER if len(powers) == len(cases) else CANT_TELL


def _timed(
    seconds: dict[str, list[float]], show: Callable[[Sequence[Outcome]], None]
) -> Callable[[Sequence[Outcome]], None]:
    """Return a function to call after every pair, which keeps its duration by case."""
    last = time.monotonic()

    def on_pair(outcomes: Sequence[Outcome]) -> None:
        nonlocal last
        now = time.monotonic()
        for outcome in outcomes:
            durations = seconds[outcome.case.name]
            if len(outcome.pairs) > len(durations):
                durations.append(now - last)
        last = now
        show(outcomes)

    return on_pair


def _print(powers: Sequence[Power]) -> None:
    shown = terminal.new_table(
        title="What this machine finds", caption=CAPTION, words=("case",), numbers=NUMBERS
    )
    for found in powers:
        n_separate, n_alarms = found.separate
        shown.add_row(
            found.case,
            str(found.n_pairs),
            f"{found.ratio:.3f}",
            f"{found.spread:.1%}",
            f"{found.seconds_per_pair:.1f}",
            f"{found.false_alarms:.1%} (at most {found.false_alarms_bound:.1%})",
            f"{n_alarms} of {n_separate}",
            found.found,
        )
    terminal.console().print(shown)
