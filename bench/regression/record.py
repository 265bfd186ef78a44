"""What a comparison has to do with the history: what it refers to, is judged by and adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.machine import facts
from bench.regression.session import Outcome
from bench.regression.side_process import SideName
from bench.regression.sides import (
    HISTORY,
    SideOfPair,
    commit_named,
    committed_at,
    may_be_before,
)
from bench.results.history import (
    Entry,
    append,
    compare,
    last_before,
    read,
    reference,
)
from bench.results.store import StoreError


def base_of(asked: str | None, repository: Path) -> str:
    """Return the commit that is to be BASE: the history's reference, or what begins a history.

    Raises:
        StoreError: there is no history and nothing asked, or the history refers to another.
    """
    path = repository / HISTORY
    entries = read(path)
    if asked is None:
        return reference(entries, path)
    commit = commit_named(asked, repository)
    if commit is None:
        raise StoreError(f"BASE={asked}: a history refers to a commit, and this is none")
    if entries and reference(entries, path) != commit:
        raise StoreError(
            f"BASE={asked}: {path} refers to {reference(entries, path)}; leave BASE away"
        )
    return commit


def check(sides: Mapping[SideName, SideOfPair]) -> None:
    """See that HEAD can be recorded.

    Raises:
        StoreError: it is no commit.
    """
    head = sides["head"]
    if head.commit is None or head.commit.endswith("-dirty"):
        raise StoreError(
            f"HEAD={head.label}: not just a commit; commit the changes before they are recorded"
        )


def judge(
    outcomes: Sequence[Outcome],
    sides: Mapping[SideName, SideOfPair],
    repository: Path,
    smallest: float,
) -> None:
    """Answer anew: not compared with the reference, but with the last commit before HEAD's."""
    made = {one.cell.name: one.estimate for one in outcomes if one.error is None}
    known = {name: estimate for name, estimate in made.items() if estimate is not None}
    commit = sides["head"].commit
    entries = read(repository / HISTORY)
    if commit is not None:
        before = {
            one: may_be_before(one, commit.removesuffix("-dirty"), repository)
            for one in {entry.commit for entry in entries}
        }
        entries = [entry for entry in entries if before[entry.commit]]
    earlier = {
        case: last_before(entries, case, cpu_model=facts.cpu_model(), commit=commit)
        for case in known
    }
    comparable = {case: entry for case, entry in earlier.items() if entry is not None}
    answers = compare({case: known[case] for case in comparable}, comparable, smallest)
    for one in outcomes:
        name = one.cell.name
        if name not in known:
            continue
        if name not in comparable:
            one.answer = "can't tell"
            one.remark = "the history has no commit before this in this cell on such a processor"
            continue
        then = comparable[name]
        one.answer = answers[name]
        one.remark = (
            f"compared with {then.commit[:10]} of {then.committed_at[:10]}: "
            f"{known[name].ratio / then.ratio:.3f} of its time"
        )


def add(
    outcomes: Sequence[Outcome], sides: Mapping[SideName, SideOfPair], repository: Path
) -> None:
    """Append what was found to the history, save of cells that learn something else."""
    head, base = sides["head"].commit, sides["base"].commit
    assert head is not None and base is not None  # noqa: S101
    entries = [
        Entry(
            cell=one.cell.name,
            commit=head,
            committed_at=committed_at(head, repository),
            reference=base,
            cpu_model=facts.cpu_model(),
            ratio=made.ratio,
            low=made.low,
            high=made.high,
            n_pairs=made.n_pairs,
        )
        for one in outcomes
        if one.error is None
        and not one.learns_something_else
        and (made := one.estimate) is not None
    ]
    append(repository / HISTORY, entries)
    print(f"Recorded: {len(entries)} of {len(outcomes)} cells of {head[:10]} in {HISTORY}")
