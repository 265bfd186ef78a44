"""The conclusion of a bisection in words, and as the result in the log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bench.decisions import LOOKS
from bench.regression.bisection.chain import Chain
from bench.regression.bisection.decisions import Conclusion
from bench.regression.sides.repository import Repository, describe_commit
from bench.statistics import Estimate

MAX_LISTED = 10  # suspects
ERROR_PROBABILITY = sum(LOOKS.values())  # that a commit without a change is called slower

Searched = Sequence[tuple[Chain, Conclusion]]


def decisive(searched: Searched) -> Conclusion:
    """Return the conclusion that counts: of the innermost branch that has suspects."""
    return next((end for _, end in reversed(searched) if end.suspects), searched[0][1])


def result(searched: Searched, repository: Repository) -> dict[str, Any]:
    """Return the result for the log."""
    conclusion = decisive(searched)
    commit = conclusion.commit
    return {
        "answer": "found" if commit else "suspects" if conclusion.suspects else conclusion.answer,
        "commit": None if commit is None else describe_commit(commit, repository),
        "suspects": conclusion.suspects,
        "compared_with": conclusion.base or None,
        "change": conclusion.change,
        "change_answer": conclusion.change_answer,
        "total": searched[0][1].total,
        "error_probability": None if commit is None else ERROR_PROBABILITY,
    }


def lines(case: str, searched: Searched, repository: Repository) -> list[str]:
    """Return the conclusion in words.

    Args:
        case: name of the case.
        searched: each chain with its conclusion.
        repository: repository with the commits.
    """
    conclusion, total = decisive(searched), searched[0][1].total
    if not conclusion.suspects or total is None:
        return [f"{case}: BAD against GOOD: {conclusion.answer}; no commit is named"]
    change = conclusion.change
    if conclusion.commit is not None and change is not None:
        words = _found(case, conclusion.commit, change, total, repository)
        if searched[-1][1] is not conclusion:
            words.append("No commit of the merged branch is known to be slower by itself.")
    else:
        words = [*_doubt(case, conclusion), *_listed(conclusion, repository)]
    for _, outer in searched:
        if outer is conclusion:
            break
        if outer.commit is not None and outer.change is not None:
            merge = describe_commit(outer.commit, repository)
            words.append(f"Merged by {merge}: {_ratio(outer.change, 'its parent')}")
    return words


def _found(
    case: str, commit: str, change: Estimate, total: Estimate, repository: Repository
) -> list[str]:
    description = describe_commit(commit, repository)
    share = math.log(change.ratio) / math.log(total.ratio)
    words = [
        f"This commit made {case} slower:",
        f"  {description}",
        f"  {description.author}, {description.author_date}",
        f"  {_ratio(change, 'its parent')}",
        f"  This is {share:.0%} of the whole slowdown: BAD takes {_ratio(total, 'GOOD')}",
        f"Confirmed: the commit was compared with its parent directly. For a commit that is not "
        f"slower, the probability of this answer is at most {ERROR_PROBABILITY:.1%}.",
    ]
    if change.high < total.low:
        words.append("Several commits share the slowdown: others cause the rest.")
    return words


def _doubt(case: str, conclusion: Conclusion) -> list[str]:
    """Return why no commit is named."""
    n_suspects = len(conclusion.suspects)
    if conclusion.change_answer == "not slower":
        return [
            f"{case}: no commit is named: several commits probably share the slowdown. "
            "The first commit with more than half of it is not slower than the one before."
        ]
    if n_suspects == 1:
        return [
            f"{case}: probably this commit, not confirmed: the direct comparison with its parent "
            "can't tell whether it is slower."
        ]
    words = [f"{case}: one of these {n_suspects} commits or several; the others can't be measured"]
    if conclusion.n_undecided:
        words = [
            f"{case}: in these {n_suspects} commits. {conclusion.n_undecided} tested commits have "
            "about half of the slowdown: several commits may share it."
        ]
    if conclusion.change is not None:
        words.append(f"Together: {_ratio(conclusion.change, conclusion.base[:10])}")
    return words


def _listed(conclusion: Conclusion, repository: Repository) -> list[str]:
    listed = [
        f"  {describe_commit(commit, repository)}" for commit in conclusion.suspects[:MAX_LISTED]
    ]
    if len(conclusion.suspects) > MAX_LISTED:
        listed.append(f"  and {len(conclusion.suspects) - MAX_LISTED} more, in the log")
    return listed


def _ratio(estimated: Estimate, base: str) -> str:
    return (
        f"{estimated.ratio:.3f} times as long as {base} (95 % interval {estimated.interval}, "
        f"{estimated.n_pairs} pairs)"
    )
