"""Measure what the plan asks for, until it comes to a conclusion."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bench.console import first_line
from bench.regression import session
from bench.regression.bisection import chain as chains
from bench.regression.bisection import log as logs
from bench.regression.bisection.chain import Chain
from bench.regression.bisection.plan import next_step
from bench.regression.bisection.steps import Compare, Conclusion
from bench.regression.cases import Case
from bench.regression.outcome import Outcome
from bench.regression.output import progress
from bench.regression.pairs import measure, processes_of
from bench.regression.sides.checkout import Side, SideError, checked_out
from bench.regression.sides.process import CaseError, Conditions, SideName
from bench.regression.sides.repository import Repository, describe_commit
from bench.statistics import MIN_PAIRS, estimate


@dataclass
class Search:
    """A bisection of one case.

    Attributes:
        case: the case that became slower.
        log: what was measured so far; written after every pair.
        path: file of the log.
        conditions: folder for the files that the sides read, and the end of the budget.
        smallest: the relative slowdown that matters, such as 0.03.
        good: GOOD, to find how long a slice is.
        suspects: the commits that may be the cause, so far.
    """

    repository: Repository
    case: Case
    log: logs.Log
    path: Path
    conditions: Conditions
    smallest: float
    good: str
    suspects: tuple[str, ...] = field(default=(), init=False)
    _announced: tuple[str, str] | None = field(default=None, init=False)
    _is_prepared: bool = field(default=False, init=False)

    def run(self, chain: Chain) -> list[tuple[Chain, Conclusion]]:
        """Bisect a chain; if a merge is found, then the branches that it brings in.

        Returns:
            Each chain that was searched, with its conclusion. The conclusion of a branch replaces
            the one before if it has suspects.

        Raises:
            OutOfTimeError: the budget is used up.
            SideError: a commit fails that was measured before.
        """
        conclusion = self._conclude(chain)
        results = [(chain, conclusion)]
        if conclusion.commit is None:
            return results
        parent = chain.parents[conclusion.commit]
        for branch in chains.merged_branches(conclusion.commit, parent, self.repository):
            print(
                f"{describe_commit(conclusion.commit, self.repository)} is a merge: searching the "
                f"{len(branch.commits) - 1} commits of its branch"
            )
            of_branch = self.run(branch)
            results += of_branch
            if of_branch[0][1].suspects:
                break
        return results

    def _conclude(self, chain: Chain) -> Conclusion:
        while True:
            step = next_step(chain.commits, self.log.measured(), self.smallest)
            if isinstance(step, Conclusion):
                return step
            self.suspects = step.suspects
            self._measure(step)

    def _measure(self, step: Compare) -> None:
        """Measure the pairs of a step; a commit that fails gets an error."""
        self._prepare()
        comparison = self.log.of(step.base, step.head)
        if (step.base, step.head) != self._announced:
            self._announced = step.base, step.head
            head = describe_commit(step.head, self.repository)
            n, n_steps = len(step.suspects), step.n_steps_left
            steps = "last step" if n_steps == 1 else f"about {n_steps} more steps"
            print(f"{n} suspect{'s' * (n > 1)}, {steps}; measuring {head}")
        try:
            with (
                self._checked_out(step.base) as base,
                self._checked_out(step.head) as head_side,
                progress.revisions(self.conditions) as on_pair,
            ):
                outcome = Outcome(self.case, pairs=comparison.pairs)
                while len(comparison.pairs) < step.n_pairs:
                    self._measure_pair(base, head_side, comparison)
                    logs.write(self.path, self.log)
                    on_pair([outcome])
        except CaseError as error:
            has_worked = comparison.pairs if step.purpose == "ends" else error.side == "base"
            if has_worked:
                raise SideError(f"{step.base[:10]} against {step.head[:10]}: {error}") from error
            comparison.error = error.reason
        except SideError as error:
            comparison.error = str(error)
        self._print_result(comparison)
        logs.write(self.path, self.log)

    def _measure_pair(self, base: Side, head: Side, comparison: logs.Comparison) -> None:
        sides: dict[SideName, Side] = {"base": base, "head": head}
        cores, start = self.case.config.cores, time.monotonic()
        with processes_of(sides, cores, self.conditions) as processes:
            number = len(comparison.pairs)
            pair = measure(processes, self.case, number, self.conditions.randomness)
        comparison.pairs.append(pair)
        comparison.seconds += time.monotonic() - start

    def _prepare(self) -> None:
        """Write the files that the sides read, once."""
        if self._is_prepared:
            return
        outcome = Outcome(self.case)
        with self._checked_out(self.good) as good:
            session.find_steps([outcome], good, self.conditions)
        if outcome.error is not None:
            raise SideError(f"GOOD={self.good[:10]}: fails: {outcome.error}")
        self._is_prepared = True

    def _checked_out(self, commit: str) -> AbstractContextManager[Side]:
        return checked_out(commit, None, self.repository, "commit")

    def _print_result(self, comparison: logs.Comparison) -> None:
        if comparison.error is not None:
            reason = first_line(comparison.error)
            print(f"  can't be measured, so it stays a suspect: {reason}")
        elif len(comparison.pairs) >= MIN_PAIRS:
            estimated = estimate([pair.value for pair in comparison.pairs])
            print(
                f"  {estimated.ratio:.3f} times as long as {comparison.base[:10]} "
                f"({estimated.low:.3f} to {estimated.high:.3f}, {estimated.n_pairs} pairs)"
            )
