"""How many pairs fit in the budget, and which slowdown they find."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.decisions import LOOKS, smallest_found
from bench.regression import power
from bench.regression.outcome import Outcome
from bench.results.history import STEP
from bench.statistics import MIN_PAIRS

ENOUGH_PAIRS = min(LOOKS)  # for either answer
USUAL_SPREAD = 0.011  # of pairs, where the machine was not calibrated: docs/regression/rates.md


def announce_pairs(
    outcomes: Sequence[Outcome], round_seconds: float, remaining_seconds: float
) -> bool:
    """Print how many pairs fit; return whether to answer one case after the other.

    Args:
        outcomes: all cases, before the first pair.
        round_seconds: time of one pair of every case.
        remaining_seconds: time that is left.
    """
    cases = [outcome for outcome in outcomes if not outcome.is_finished]
    n_pairs = _number_of(round_seconds, remaining_seconds)
    if not cases:
        return False
    each = "" if len(cases) == 1 else f" of each of {len(cases)} cases"
    text = f"Budget: about {n_pairs} pairs{each}"
    if len(cases) == 1 or n_pairs >= ENOUGH_PAIRS:
        print(f"{text}. {_found(cases, n_pairs)}", flush=True)
        return False
    n_answered = min(len(cases), n_pairs * len(cases) // ENOUGH_PAIRS)
    print(
        f"{text}, fewer than the {ENOUGH_PAIRS} for an answer, so cases are answered one after the "
        f"other: about {n_answered} of them. {_found(cases, ENOUGH_PAIRS)}",
        flush=True,
    )
    return True


def explain(outcome: Outcome, n_tests: int) -> str | None:
    """Explain why a step is undecided, and what to change; None if it is decided.

    Args:
        outcome: outcome of a case.
        n_tests: number of tests of all cases.
    """
    estimate = outcome.estimate
    if outcome.answer != "can't tell" or estimate is None or outcome.since:
        return None
    slowdown = smallest_found(estimate.n_pairs, estimate.spread, n_tests)
    finds = "too few" if slowdown is None else f"enough to find a slowdown of {slowdown:.0%}"
    return (
        f"{estimate.n_pairs} pairs with a spread of {estimate.spread:.1%} are {finds}; use a "
        "longer --budget or a quieter machine"
    )


def announce_rounds(n_groups: int, round_seconds: float, remaining_seconds: float) -> bool:
    """Print how many rounds fit; return whether to measure one condition after the other.

    Args:
        n_groups: number of conditions; each was measured once.
        round_seconds: time of one round of every condition.
        remaining_seconds: time that is left.
    """
    n_rounds = 1 + _number_of(round_seconds, remaining_seconds)
    one_by_one = n_groups > 1 and n_rounds < MIN_PAIRS
    each = "" if n_groups == 1 else f" of each of {n_groups} conditions"
    advice = "."
    if one_by_one:
        advice = ", so conditions are measured one after the other."
    elif n_rounds < MIN_PAIRS:
        missing_seconds = (MIN_PAIRS - n_rounds) * round_seconds
        advice = f": increase --budget by about {math.ceil(missing_seconds)} s."
    print(
        f"Budget: about {n_rounds} rounds{each}. An interval needs {MIN_PAIRS}{advice}", flush=True
    )
    return one_by_one


def next_case(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the case to measure if time is short: one with few pairs until it has an answer."""
    unfinished = [outcome for outcome in outcomes if not outcome.is_finished]
    return min(unfinished, key=lambda o: len(o.pairs) if len(o.pairs) >= ENOUGH_PAIRS else 0)


def _number_of(round_seconds: float, remaining_seconds: float) -> int:
    return max(0, int(remaining_seconds / max(round_seconds, 1e-3)))


def _found(cases: Sequence[Outcome], n_pairs: int) -> str:
    """Return a sentence: which slowdown `n_pairs` find, by the spread on this machine if known."""
    stored = power.read()
    spreads = [stored[o.case.identity].spread for o in cases if o.case.identity in stored]
    spread = max(spreads, default=USUAL_SPREAD)
    n_tests = sum(len(outcome.smallest) for outcome in cases)
    slowdown = smallest_found(n_pairs, spread, n_tests)
    if slowdown is None:
        return f"An answer needs {MIN_PAIRS}: increase --budget."
    if STEP not in cases[0].smallest:
        return f"An answer needs up to {ENOUGH_PAIRS}."
    smallest = max(slowdown, cases[0].smallest[STEP])
    source = "calibrated" if spreads else "usual"
    return (
        f"They find a slowdown of {smallest:.1%} or more, with the {source} spread of {spread:.1%}."
    )
