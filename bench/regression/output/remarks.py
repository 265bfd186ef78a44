"""Remarks of a comparison: libraries that differ, causes of failures, and other things to know."""

from __future__ import annotations

from collections.abc import Sequence

from bench.regression import budget, power
from bench.regression.outcome import Outcome
from bench.regression.sides.checkout import Sides, different_libraries

SOMETHING_ELSE = "learns something else"
DIFFERENCES = {
    "first_difference": "the update after a few steps",
    "losses_difference": "the loss of a slice",
    "last_difference": "the update after all slices",
}


def remarks(outcomes: Sequence[Outcome], sides: Sides) -> list[str]:
    """Return what a reader must know in addition to the table, one line each."""
    base, head = sides["base"], sides["head"]
    different = different_libraries(sides)
    in_both = {name: pair for name, pair in different.items() if "none" not in pair}
    lines = [f"{name}: {old} in BASE, {new} in HEAD" for name, (old, new) in in_both.items()]
    if len(different) > len(in_both):
        n_others = len(different) - len(in_both)
        lines.append(f"{n_others} libraries are installed on one side only")
    if base.python == head.python and base.commit == head.commit and base.is_exact_commit:
        lines.append("BASE and HEAD are the same commit with the same interpreter")
    n_tests = sum(len(outcome.smallest) for outcome in outcomes)
    for outcome in outcomes:
        name = outcome.case.name
        if explanation := budget.explain(outcome, n_tests):
            lines.append(f"{name}: can't tell: {explanation}")
        if outcome.remark is not None:
            lines.append(f"{name}: {outcome.remark}")
        if outcome.learning.remark is not None:
            lines.append(f"{name}: {outcome.learning.remark}")
        if outcome.learns_something_else:
            lines.append(f"{name}: {SOMETHING_ELSE}: {_differences(outcome)}")
        if not outcome.is_measured:
            lines.append(f"{name}: not measured: {outcome.error}")
    return lines + power.quote(outcome.case for outcome in outcomes)


def _differences(outcome: Outcome) -> str:
    """Return how much the models of the sides differ, and how much rounding explains."""
    learning = outcome.learning
    return f"HEAD and {learning.compared_with} differ by " + ", ".join(
        f"{difference:.1%} of {DIFFERENCES[key]} (rounding explains {learning.bounds[key]:.1%})"
        for key, difference in learning.differences.items()
    )
