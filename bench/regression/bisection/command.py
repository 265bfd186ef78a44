"""Run a bisection: compare GOOD with BAD, search, report; keep a log to continue from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.decisions import looks
from bench.git import run_git
from bench.machine import facts
from bench.regression import session
from bench.regression.bisection import chain as chains
from bench.regression.bisection import log as logs
from bench.regression.bisection import report
from bench.regression.bisection.chain import Chain
from bench.regression.bisection.search import Search
from bench.regression.cases import Case, parse_cases
from bench.regression.exit_statuses import CANT_TELL, FOUND, NOT_SLOWER
from bench.regression.outcome import Outcome, exit_status
from bench.regression.output.report import check_writable
from bench.regression.settings import Bisection
from bench.regression.sides.checkout import find_repository
from bench.regression.sides.process import OutOfTimeError
from bench.regression.sides.repository import Repository, checked_out_commit
from bench.results.history import STEP


def run(settings: Bisection) -> int:
    """Find the commit that made training slower; return the exit status."""
    cases = parse_cases(settings.cases)
    repository = find_repository(Path.cwd())
    chain = chains.between(settings.base, settings.head, repository)
    _print_start(settings, chain, repository)
    folder = settings.output or _default_folder(chain, repository)
    check_writable(folder)
    path = folder / logs.NAME
    log = logs.read(path, _conditions(settings, cases, chain))
    again = f"the same command continues from {path}"
    with session.reserved(settings) as conditions:
        search = Search(settings, repository, cases, chain, log, path, conditions)
        try:
            if log.case is None:
                outcomes = search.compare_ends()
                if log.case is None:
                    print("No case is known to be slower in BAD than in GOOD: no commit is named")
                    if any(_needs_pairs(outcome) for outcome in outcomes):
                        print(f"The budget is used up; {again}")
                    else:
                        path.unlink(missing_ok=True)
                    return exit_status(outcomes)
            return _search(search, again)
        except KeyboardInterrupt:
            if path.exists():
                print(f"Interrupted; {again}")
            raise


def _search(search: Search, again: str) -> int:
    """Search, and report the conclusion or how to continue; return the exit status."""
    try:
        searched = search.run(search.chain)
    except OutOfTimeError:
        print(f"The budget is used up; {len(search.suspects)} suspects are left; {again}")
        return CANT_TELL
    for line in report.lines(search.case.name, searched, search.repository):
        print(line)
    search.log.result = report.result(searched, search.repository)
    logs.write(search.path, search.log)
    print(f"Written: {search.path}")
    conclusion = report.decisive(searched)
    if conclusion.commit is not None:
        return FOUND
    return NOT_SLOWER if conclusion.answer == "not slower" else CANT_TELL


def _needs_pairs(outcome: Outcome) -> bool:
    """Return whether a case is undecided because the budget was used up."""
    undecided = outcome.failed is None and outcome.answer != "not slower"
    return undecided and len(outcome.pairs) < max(looks())


def _print_start(settings: Bisection, chain: Chain, repository: Repository) -> None:
    n, others = len(chain.commits) - 1, chain.n_same_code
    print(
        f"{n} suspect{'s' * (n > 1)} from GOOD={settings.base} to BAD={settings.head}"
        + (f"; {others} more leave{'s' * (others == 1)} the code unchanged" if others else "")
    )
    commit = checked_out_commit(repository.project)
    if settings.head == "HEAD" and commit is not None and commit.endswith("-dirty"):
        print("uncommitted changes of the working tree are not part of BAD=HEAD")


def _default_folder(chain: Chain, repository: Repository) -> Path:
    """Return a folder in git's own: the working tree stays as it is."""
    name = f"bench-compare/{chain.commits[0][:10]}-{chain.commits[-1][:10]}"
    return repository.top / run_git(repository.top, "rev-parse", "--git-path", name)


def _conditions(settings: Bisection, cases: Sequence[Case], chain: Chain) -> dict[str, object]:
    return {
        "good": chain.commits[0],
        "bad": chain.commits[-1],
        "cases": {case.name: case.full_settings for case in cases},
        "smallest": settings.smallest_by_metric[STEP],
        "cpu_model": facts.cpu_model(),
    }
