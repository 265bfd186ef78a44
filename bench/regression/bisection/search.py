"""Measure the steps of the plan until it reaches a conclusion."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.console import first_line
from bench.machine import facts
from bench.regression import session
from bench.regression.bisection import chain as chains
from bench.regression.bisection import log as logs
from bench.regression.bisection.chain import Chain
from bench.regression.bisection.decisions import Compare, Conclusion
from bench.regression.bisection.plan import Plan
from bench.regression.cases import Case
from bench.regression.outcome import Outcome
from bench.regression.output import progress, revisions
from bench.regression.pairs import measure, processes_of
from bench.regression.settings import Bisection
from bench.regression.sides.checkout import SideError, Sides, both_checked_out, checked_out
from bench.regression.sides.process import CaseError, Conditions
from bench.regression.sides.repository import Repository, describe_commit
from bench.results.history import STEP
from bench.statistics import MIN_PAIRS, estimate


@dataclass
class Search:
    """A bisection.

    Attributes:
        settings: GOOD, BAD and the smallest slowdown that matters.
        repository: repository with the commits.
        cases: what to train; the first one that is slower in BAD is searched.
        chain: the commits from GOOD to BAD.
        log: what was measured so far; written after every pair.
        path: file of the log.
        conditions: folder for the files that the sides read, and the end of the budget.
        suspects: the commits that may be the cause, so far.
    """

    settings: Bisection
    repository: Repository
    cases: Sequence[Case]
    chain: Chain
    log: logs.Log
    path: Path
    conditions: Conditions
    suspects: tuple[str, ...] = field(default=(), init=False)
    _announced: tuple[str, str] | None = field(default=None, init=False)
    _is_prepared: bool = field(default=False, init=False)

    @property
    def case(self) -> Case:
        """The case that is searched."""
        return next(case for case in self.cases if case.name == self.log.case)

    def compare_ends(self) -> list[Outcome]:
        """Compare BAD with GOOD in all cases; put the first one that is slower in the log."""
        good, bad = self.chain.commits[0], self.chain.commits[-1]
        start = time.monotonic()

        def keep_pairs(outcomes: Sequence[Outcome]) -> None:
            self.log.first_step = {outcome.case.name: outcome.pairs for outcome in outcomes}
            logs.write(self.path, self.log)

        with both_checked_out(good, bad, self.repository, names=("GOOD", "BAD")) as commits:
            sides: Sides = {
                "base": replace(commits["base"], label=self.settings.base),
                "head": replace(commits["head"], label=self.settings.head),
            }
            outcomes = session.run(
                self.cases,
                sides,
                self.conditions,
                smallest=self.settings.smallest_by_metric,
                earlier=self.log.first_step,
                on_pair=keep_pairs,
            )
            revisions.report(outcomes, sides).show()
        slower = next((outcome for outcome in outcomes if outcome.answer == "slower"), None)
        if slower is not None:
            self.log.case, self.log.environment = slower.case.name, facts.describe([])
            self.log.first_step = {}
            ends = self.log.of(good, bad)
            ends.pairs, ends.seconds = slower.pairs, time.monotonic() - start
            logs.write(self.path, self.log)
        return outcomes

    def run(self, chain: Chain) -> list[tuple[Chain, Conclusion]]:
        """Bisect a chain; if a merge is found, then the branches that it adds.

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
            smallest = self.settings.smallest_by_metric[STEP]
            step = Plan(chain.commits, self.log.measured(), smallest).next_step()
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
                both_checked_out(
                    step.base, step.head, self.repository, names=("commit", "commit")
                ) as sides,
                progress.revisions(self.conditions) as on_pair,
            ):
                outcome = Outcome(self.case, pairs=comparison.pairs)
                while len(comparison.pairs) < step.n_pairs:
                    self._measure_pair(sides, comparison)
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

    def _measure_pair(self, sides: Sides, comparison: logs.Comparison) -> None:
        start, number = time.monotonic(), len(comparison.pairs)
        with processes_of(sides, self.case.config, self.conditions) as processes:
            pair = measure(processes, self.case, number, self.conditions.randomness)
        comparison.pairs.append(pair)
        comparison.seconds += time.monotonic() - start

    def _prepare(self) -> None:
        """Write the files that the sides read, once."""
        if self._is_prepared:
            return
        outcome, commit = Outcome(self.case), self.chain.commits[0]
        with checked_out(commit, None, self.repository, "commit") as good:
            session.find_steps([outcome], good, self.conditions)
        if outcome.error is not None:
            raise SideError(f"GOOD={commit[:10]}: fails: {outcome.error}")
        self._is_prepared = True

    def _print_result(self, comparison: logs.Comparison) -> None:
        if comparison.error is not None:
            reason = first_line(comparison.error)
            print(f"  can't be measured, so it stays a suspect: {reason}")
        elif len(comparison.pairs) >= MIN_PAIRS:
            estimated = estimate([pair.value for pair in comparison.pairs])
            print(
                f"  {estimated.ratio:.3f} times as long as {comparison.base[:10]} "
                f"({estimated.interval}, {estimated.n_pairs} pairs)"
            )
