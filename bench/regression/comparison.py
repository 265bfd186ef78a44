"""One comparison: check both sides out, measure, show and keep the results."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.config.errors import ConfigError
from bench.data.errors import DatasetError
from bench.files import FileError
from bench.machine import lock
from bench.regression import output, progress, requirements, session
from bench.regression.cases import Case, parse_cases
from bench.regression.checkout import (
    Side,
    SideError,
    checked_out,
    different_libraries,
    find_repository,
)
from bench.regression.outcome import Outcome, exit_status
from bench.regression.repository import Repository, is_project, missing_parts
from bench.regression.side_process import SideName
from bench.results.store import StoreError

EXPECTED_ERRORS = (ConfigError, DatasetError, SideError, StoreError, FileError, OSError)


def run(arguments: argparse.Namespace) -> int:
    """Compare the given revisions, show and keep the results; return the exit status."""
    if arguments.output is not None:
        output.check_writable(arguments.output)  # before measuring, which takes minutes
    cases = parse_cases(arguments.cases)
    repository = _repository(arguments)
    with ExitStack() as stack:
        sides = _check_out(arguments, cases, repository, stack)
        stack.enter_context(lock.reserved(shared=arguments.share_machine))
        until = time.monotonic() + arguments.budget
        outcomes = measure(arguments, cases, sides, until=until)
    output.print_table(outcomes, sides)
    if arguments.output is not None:
        output.write(arguments.output, outcomes, sides)
    return exit_status(outcomes, arguments.cant_tell)


def _repository(arguments: argparse.Namespace) -> Repository | None:
    """Find the repository, unless both sides are folders and it is not needed."""
    sides = [None if side is None else Path(side) for side in (arguments.base, arguments.head)]
    if all(side is not None and is_project(side) for side in sides):
        return None
    try:
        return find_repository(Path.cwd())
    except SideError:
        for side in sides:
            if side is not None and side.is_dir() and (missing := missing_parts(side)):
                raise SideError(
                    f"{side}: is not a copy of the project: it lacks {' and '.join(missing)}"
                ) from None
        raise


def _check_out(
    arguments: argparse.Namespace,
    cases: Sequence[Case],
    repository: Repository | None,
    stack: ExitStack,
) -> dict[SideName, Side]:
    base_python, head_python = (
        requirements.interpreter(arguments, name, cases) for name in ("base", "head")
    )
    sides: dict[SideName, Side] = {
        "base": stack.enter_context(checked_out(arguments.base, base_python, repository, "BASE")),
        "head": stack.enter_context(checked_out(arguments.head, head_python, repository, "HEAD")),
    }
    different_libraries(sides["base"], sides["head"])  # fails early if an interpreter is broken
    return sides


def measure(
    arguments: argparse.Namespace,
    cases: Sequence[Case],
    sides: Mapping[SideName, Side],
    n_pairs: int | None = None,
    *,
    until: float,
) -> list[Outcome]:
    """Run a session with a bar of its progress; return the outcome of each case.

    Args:
        arguments: of the command line.
        cases: what to train, at least one.
        sides: BASE and HEAD.
        n_pairs: number of pairs of every case; None for as many as the answers need.
        until: end of the session on the clock of `time.monotonic`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-compare-problems-") as folder,
        progress.revisions(arguments.budget, until) as on_pair,
    ):
        return session.run(
            cases,
            sides,
            Path(folder),
            smallest=arguments.smallest,
            until=until,
            on_pair=on_pair,
            n_pairs=n_pairs,
        )
