"""Which run is best, which verdict counts, and whether a model has learned anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.records import MIN_LEARNED_ACCURACY, RunRecord, Verdict


def last_validation_accuracy(record: RunRecord) -> float | None:
    """Return the validation accuracy after the last epoch; None if the run is not done."""
    if record.status != "done" or not record.epochs:
        return None
    return record.epochs[-1].validation_accuracy


def score(record: RunRecord) -> float | None:
    """Return the number that decides which run is best; higher is better.

    It is the validation accuracy after the last epoch; without a validation set, the negative
    training loss of the last epoch, so that a run with a validation set comes first.

    Returns:
        The score, or None if the run is not done.
    """
    accuracy = last_validation_accuracy(record)
    if accuracy is not None or record.status != "done" or not record.epochs:
        return accuracy
    loss = record.epochs[-1].train_loss
    return None if loss is None else -loss


def best_runs(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the runs that share the highest score, in the order given; none if no run is done."""
    scored = [(value, record) for record in records if (value := score(record)) is not None]
    highest = max((value for value, _ in scored), default=None)
    return [record for value, record in scored if value == highest]


def has_learned(accuracies: Sequence[float | None]) -> bool:
    """Return whether any of these accuracies (0 to 1) is clearly higher than that of guessing."""
    return any(value is not None and value >= MIN_LEARNED_ACCURACY for value in accuracies)


def decisive_verdicts(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return one verdict per key: a failed one, or else a passed one, whatever their order."""

    def weight(verdict: Verdict) -> tuple[bool, bool, str]:
        return verdict.error is None, not verdict.passed, verdict.checked_at

    decisive: dict[str, Verdict] = {}
    for verdict in verdicts:
        decisive[verdict.key] = max(decisive.get(verdict.key, verdict), verdict, key=weight)
    return tuple(decisive.values())


def best_ranked_runs(records: Iterable[RunRecord], verdicts: Iterable[Verdict]) -> set[str]:
    """Return the ids of the best runs that passed the parity checks; only runs that have learned.

    Args:
        records: the runs.
        verdicts: results of the parity ladder.
    """
    passed = {verdict.key for verdict in decisive_verdicts(verdicts) if verdict.passed}
    best = best_runs(record for record in records if record.parity_key in passed)
    return {record.run_id for record in best if has_learned([last_validation_accuracy(record)])}
