"""`bench-compare --calibrate`: measure what this machine finds, and store it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bench import imports, terminal
from bench.decisions import FIRST_LOOK, smallest_found
from bench.regression import power, session
from bench.regression.calibration import resampling
from bench.regression.cases import Case, parse_cases
from bench.regression.exit_statuses import CANT_TELL, NOT_MEASURED, NOT_SLOWER
from bench.regression.metrics import METRICS, chosen
from bench.regression.outcome import Outcome
from bench.regression.pair_record import Pair
from bench.regression.power import Power
from bench.regression.settings import DEFAULT_NAMES, Calibration
from bench.regression.sides.checkout import both_checked_out
from bench.results.history import STEP
from bench.statistics import estimate

MAX_PAIRS = 200
SECONDS = 300.0  # a session of 5 minutes
NUMBERS = (
    "pairs", "ratio\n(95 % interval)", "spread", "seconds\nper pair", "false alarms",
    "without\ncommon pairs", "finds in\n5 minutes",
)  # fmt: skip
CAPTION = (
    "Copies of this project were compared with each other. False alarms: share of 1,000 sessions "
    "that answer slower, drawn from the pairs after a shift to a ratio of 1; and of sessions that "
    "share no pairs. Finds: the smallest slowdown of a step that is found with a probability of "
    "95 %, by the spread of the pairs, one case alone."
)


def run(settings: Calibration) -> int:
    """Calibrate the given cases; return the exit status."""
    cases = parse_cases(settings.cases)
    seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    project = str(imports.PROJECT)
    # Two copies, because a comparison has two: where files lie can affect speed.
    with (
        both_checked_out(project, project, None, names=("project", "project")) as sides,
        session.reserved(settings) as conditions,
    ):
        outcomes = session.run(
            cases,
            sides,
            conditions,
            smallest=chosen(DEFAULT_NAMES, {}),
            n_pairs=MAX_PAIRS,
            on_pair=_timed(seconds),
        )
    now = datetime.now(UTC).date().isoformat()
    powers = [
        evaluate(outcome.case, outcome.pairs, statistics.median(seconds[outcome.case.name]), now)
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


def evaluate(
    case: Case, pairs: Sequence[Pair], seconds_per_pair: float, calibrated_at: str
) -> Power:
    """Evaluate the time of a step of at least 10 pairs of equal sides.

    Args:
        case: what was measured.
        pairs: the pairs, in order.
        seconds_per_pair: duration of a pair.
        calibrated_at: date, ISO 8601.
    """
    n_tests = len(DEFAULT_NAMES)  # share one error rate
    sample = resampling.Sample.of(pairs, (STEP,), is_equal=True, n_tests=n_tests)
    drawn = sample.evaluate(sample.draw(), STEP)
    separate = sample.separate(STEP)
    answers = () if separate is None else separate.answers
    measured = estimate(sample.values[STEP])
    smallest = smallest_found(int(SECONDS / seconds_per_pair), measured.spread, n_tests)
    return Power(
        case=case.name,
        calibrated_at=calibrated_at,
        n_pairs=len(pairs),
        seconds_per_pair=seconds_per_pair,
        ratio=measured.ratio,
        interval=(measured.low, measured.high),
        spread=measured.spread,
        false_alarms=drawn.share("slower"),
        false_alarms_bound=drawn.bound("slower", "upper"),
        separate=(len(answers), answers.count("slower")),
        # Smaller ones do not matter, so that they may be answered with "not slower".
        finds=None if smallest is None else max(smallest, METRICS[STEP].smallest),
        identity=case.identity,
    )


def _timed(seconds: dict[str, list[float]]) -> Callable[[Sequence[Outcome]], None]:
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

    return on_pair


def _print(powers: Sequence[Power]) -> None:
    shown = terminal.new_table(
        title="What this machine finds", caption=CAPTION, words=("case",), numbers=NUMBERS
    )
    for result in powers:
        n_separate, n_alarms = result.separate
        low, high = result.interval or (math.nan, math.nan)
        shown.add_row(
            result.case,
            str(result.n_pairs),
            f"{result.ratio:.3f}\n({low:.3f} to {high:.3f})",
            f"{result.spread:.1%}",
            f"{result.seconds_per_pair:.1f}",
            f"{result.false_alarms:.1%} (at most {result.false_alarms_bound:.1%})",
            f"{n_alarms} of {n_separate}",
            result.finds_text,
        )
    terminal.console().print(shown)
