"""One commit against the recorded history: what it is compared with, its answer, its entries.

Speed is compared by way of the reference of the history, which was timed both times. Learning is
compared with the last commit whose change of numerics was accepted, or else with the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.machine import facts
from bench.regression.cases import Case
from bench.regression.history.earlier import Earlier
from bench.regression.metrics import METRICS
from bench.regression.outcome import BASE, Learning, Outcome
from bench.regression.sides import repository as git
from bench.regression.sides.checkout import SideError, Sides, checked_out
from bench.results import changes, history
from bench.results.history import Entry
from bench.statistics import Estimate

N_LEARNING_PAIRS = 3  # for comparing models with the commit that was accepted last

# Runs a session of some cases and two sides, with a number of pairs.
Measure = Callable[[Sequence[Case], Sides, int], list[Outcome]]


def compare(
    cases: Sequence[Case],
    earlier: Earlier,
    sides: Sides,
    repository: git.Repository,
    measure: Measure,
) -> list[Outcome]:
    """Measure HEAD against the reference, and its learning against the last accepted commit.

    If that commit can't be trained any more, learning is compared with the reference, and the
    outcome says so.

    Args:
        cases: cases to train.
        earlier: entries before HEAD.
        sides: BASE, the reference, and HEAD.
        repository: repository with the recorded commits.
        measure: function that runs a session.
    """
    base = str(sides["base"].commit)
    chosen: dict[str, list[Case]] = {}
    for case in cases:
        chosen.setdefault(earlier.learning_reference(case.identity, base), []).append(case)
    learning: dict[str, Learning] = {}
    failures: dict[str, str] = {}
    for commit in sorted({*chosen} - {base}):
        try:
            with checked_out(commit, sides["base"].python, repository, "accepted commit") as side:
                own_sides: Sides = {"base": side, "head": sides["head"]}
                trained = measure(chosen[commit], own_sides, N_LEARNING_PAIRS)
        except SideError as error:
            failures |= dict.fromkeys((case.name for case in chosen[commit]), str(error))
            continue
        for outcome in trained:
            if outcome.pairs:
                learning[outcome.case.name] = outcome.learning
                outcome.learning.compared_with = commit[:10]
            else:
                reason = str(outcome.error).replace("BASE:", f"{commit[:10]}:", 1)
                failures[outcome.case.name] = reason
    outcomes = measure(cases, sides, history.N_PAIRS)
    for outcome in outcomes:
        name = outcome.case.name
        outcome.learning = learning.get(name, outcome.learning)
        if name in failures:
            outcome.learning.remark = (
                "models are compared with those of the reference, not of the commit that was "
                f"accepted last: {failures[name]}"
            )
    return outcomes


def compare_with_last(outcomes: Sequence[Outcome], earlier: Earlier, *, required: bool) -> None:
    """Compare every metric with the last recorded commit, and replace the answers.

    Args:
        outcomes: outcomes of the comparison with the reference.
        earlier: entries before HEAD.
        required: whether a case without an earlier entry counts as not measured; else its answers
            stay those of the comparison with the reference.
    """
    estimates: dict[tuple[str, str], Estimate] = {}
    smallest: dict[tuple[str, str], float] = {}
    for outcome in outcomes:
        case = outcome.case.name
        for metric, now in outcome.estimates().items() if outcome.is_measured else ():
            if (last := earlier.last(outcome.case.identity, metric)) is not None:
                outcome.last_recorded[metric] = last
                outcome.since[metric] = estimates[case, metric] = changes.since(last, now)
                smallest[case, metric] = outcome.limits(metric)[1]
    answers = changes.answers(estimates, smallest)
    for outcome in outcomes:
        for metric in outcome.since:
            outcome.answers[metric] = answers[outcome.case.name, metric]
        if outcome.is_measured and not outcome.since and required:
            outcome.answers.clear()
            outcome.error = "the history has no earlier commit of this case on this processor"
            if earlier.has_other_settings(outcome.case.name):
                outcome.error += f" with these settings: {outcome.case.settings}"
        elif outcome.is_measured:
            outcome.remark = _verdict(outcome)


def _verdict(outcome: Outcome) -> str:
    """Return the answers in a sentence, with the commit that they refer to."""
    by_commit: dict[str, list[str]] = {}
    for metric, answer in outcome.answers.items():
        entry = outcome.last_recorded.get(metric)
        other = "the reference (first entry)"
        if entry is not None:
            other = f"{entry.commit[:10]} ({entry.subject or entry.committed_at[:10]})"
        words = METRICS[metric].words.get(answer, answer)
        by_commit.setdefault(other, []).append(f"{metric} {words}")
    return "; ".join(f"{', '.join(words)}, against {other}" for other, words in by_commit.items())


def refuse_few_pairs(outcomes: Sequence[Outcome]) -> None:
    """Mark cases with too few pairs for an entry of the history as not measured."""
    for outcome in outcomes:
        n_pairs = len(outcome.pairs)
        if outcome.is_measured and n_pairs < history.N_PAIRS:
            outcome.answers.clear()
            outcome.error = (
                f"not recorded: budget used up after {n_pairs} of the {history.N_PAIRS} pairs "
                "that an entry has; increase --budget"
            )


def entries_of(
    outcomes: Sequence[Outcome],
    earlier: Earlier,
    sides: Sides,
    repository: git.Repository,
    accepted: str | None = None,
) -> list[Entry]:
    """Return an entry for every metric of every case that has enough pairs.

    Args:
        outcomes: outcomes of the comparison with the reference.
        earlier: entries before HEAD.
        sides: BASE, the reference, and HEAD.
        repository: the project's repository.
        accepted: why HEAD may learn something else; None if this was not accepted.
    """
    head, base = sides["head"].commit, sides["base"].commit
    assert head is not None and base is not None  # noqa: S101
    commit = git.describe_commit(head, repository)
    n_ancestors = git.count_ancestors(head, repository)
    return [
        Entry(
            cell=outcome.case.name,
            commit=head,
            committed_at=commit.committed_at,
            reference=base,
            cpu_model=facts.cpu_model(),
            ratio=estimate.ratio,
            low=estimate.low,
            high=estimate.high,
            n_pairs=estimate.n_pairs,
            metric=metric,
            margin=outcome.limits(metric)[0],
            n_ancestors=n_ancestors,
            subject=commit.subject,
            learning_reference=base
            if outcome.learning.compared_with == BASE
            else earlier.learning_reference(outcome.case.identity, base),
            learns_something_else=outcome.learning.differs,
            accepted=accepted,
            identity=outcome.case.identity,
            settings=outcome.case.settings,
        )
        for outcome in outcomes
        if outcome.failed is None and len(outcome.pairs) >= history.N_PAIRS
        for metric, estimate in outcome.estimates().items()
    ]
