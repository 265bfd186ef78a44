"""Run a bisection: compare GOOD with BAD, search, report; keep a log to continue from."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.git import run_git
from bench.machine import facts, lock
from bench.regression import output, progress, session
from bench.regression.bisection import chain as chains
from bench.regression.bisection import log as logs
from bench.regression.bisection import report
from bench.regression.bisection.chain import Chain
from bench.regression.bisection.search import Search
from bench.regression.cases import Case, parse_cases
from bench.regression.checkout import Side, checked_out, find_repository
from bench.regression.exit_statuses import CANT_TELL, FOUND
from bench.regression.outcome import exit_status
from bench.regression.repository import Repository, checked_out_commit
from bench.regression.side_process import Conditions, OutOfTimeError, SideName
from bench.results.history import STEP


def run(arguments: argparse.Namespace) -> int:
    """Find the commit that made training slower; return the exit status."""
    cases = parse_cases(arguments.cases)
    repository = find_repository(Path.cwd())
    good, bad = arguments.base, arguments.head or "HEAD"
    chain = chains.between(good, bad, repository)
    _print_start(arguments, chain, repository)
    folder = arguments.output or _default_folder(chain, repository)
    output.check_writable(folder)
    path = folder / logs.NAME
    log = logs.read(path, _conditions(arguments, chain))
    with lock.reserved(shared=arguments.share_machine):
        until = time.monotonic() + arguments.budget
        if log.case is None:
            status = _compare_ends(arguments, cases, chain, repository, log, until)
            if log.case is None:
                return status
            logs.write(path, log)
        with tempfile.TemporaryDirectory(prefix="bench-compare-problems-") as problems:
            case = next(case for case in cases if case.name == log.case)
            search = Search(
                repository=repository,
                case=case,
                log=log,
                path=path,
                conditions=Conditions(
                    folder=Path(problems),
                    randomness=random.Random(time.time_ns()),  # noqa: S311  # order of the sides
                    until=until,
                    instructions=case.config.instructions,
                ),
                smallest=arguments.smallest[STEP],
                budget_seconds=arguments.budget,
                good=chain.commits[0],
            )
            return _search(search, chain)


def _search(search: Search, chain: Chain) -> int:
    """Search, and report the conclusion or how to continue; return the exit status."""
    again = f"the same command continues from {search.path}"
    try:
        searched = search.run(chain)
    except OutOfTimeError:
        print(f"The budget is used up; {len(search.suspects)} suspects are left; {again}")
        return CANT_TELL
    except KeyboardInterrupt:
        print(f"Interrupted; {again}")
        raise
    for line in report.lines(search.case.name, searched, search.repository):
        print(line)
    search.log.result = report.result(searched, search.repository)
    logs.write(search.path, search.log)
    print(f"Written: {search.path}")
    return CANT_TELL if report.decisive(searched).found is None else FOUND


def _compare_ends(
    arguments: argparse.Namespace,
    cases: Sequence[Case],
    chain: Chain,
    repository: Repository,
    log: logs.Log,
    until: float,
) -> int:
    """Compare BAD with GOOD in all cases; put the first one that is slower in the log.

    Returns:
        The exit status of the comparison.
    """
    good, bad = chain.commits[0], chain.commits[-1]
    start = time.monotonic()
    with (
        checked_out(good, None, repository, "GOOD") as good_side,
        checked_out(bad, None, repository, "BAD") as bad_side,
        tempfile.TemporaryDirectory(prefix="bench-compare-problems-") as problems,
        progress.revisions(arguments.budget, until) as on_pair,
    ):
        sides: dict[SideName, Side] = {
            "base": replace(good_side, label=arguments.base),
            "head": replace(bad_side, label=arguments.head or "HEAD"),
        }
        outcomes = session.run(
            cases,
            sides,
            Path(problems),
            smallest=arguments.smallest,
            until=until,
            on_pair=on_pair,
        )
        output.print_table(outcomes, sides)
    for outcome in outcomes:
        if outcome.answer == "slower":
            log.case, log.environment = outcome.case.name, facts.describe([])
            ends = log.of(good, bad)
            ends.pairs, ends.seconds = outcome.pairs, time.monotonic() - start
            break
    else:
        print("No case is known to be slower in BAD than in GOOD: no commit is named")
    return exit_status(outcomes)


def _print_start(arguments: argparse.Namespace, chain: Chain, repository: Repository) -> None:
    n, others = len(chain.commits) - 1, chain.n_same_code
    print(
        f"{n} suspect{'s' * (n > 1)} from GOOD={arguments.base} to BAD={arguments.head or 'HEAD'}"
        + (f"; {others} more leave{'s' * (others == 1)} the code unchanged" if others else "")
    )
    commit = checked_out_commit(repository.project)
    if arguments.head is None and commit is not None and commit.endswith("-dirty"):
        print("uncommitted changes of the working tree are not part of BAD=HEAD")


def _default_folder(chain: Chain, repository: Repository) -> Path:
    """Return a folder in git's own: the working tree stays as it is."""
    name = f"bench-compare/{chain.commits[0][:10]}-{chain.commits[-1][:10]}"
    return repository.top / run_git(repository.top, "rev-parse", "--git-path", name)


def _conditions(arguments: argparse.Namespace, chain: Chain) -> dict[str, object]:
    return {
        "good": chain.commits[0],
        "bad": chain.commits[-1],
        "cases": arguments.cases,
        "smallest": arguments.smallest[STEP],
        "cpu_model": facts.cpu_model(),
    }
