"""One comparison: check both sides out, measure, show and keep the results."""

from __future__ import annotations

from pathlib import Path

from bench.config.errors import ConfigError
from bench.data.errors import DatasetError
from bench.files import FileError
from bench.regression import session
from bench.regression.cases import parse_cases
from bench.regression.outcome import exit_status
from bench.regression.output import revisions
from bench.regression.output.report import check_writable
from bench.regression.settings import Revisions
from bench.regression.sides.checkout import (
    SideError,
    both_checked_out,
    different_libraries,
    find_repository,
)
from bench.regression.sides.repository import Repository
from bench.regression.sides.requirements import interpreter
from bench.results.store import StoreError

EXPECTED_ERRORS = (ConfigError, DatasetError, SideError, StoreError, FileError, OSError)


def run(settings: Revisions) -> int:
    """Compare the given revisions, show and keep the results; return the exit status."""
    check_writable(settings.output)  # before measuring, which takes minutes
    cases = parse_cases(settings.cases, settings.config_dir)
    repository = _repository(settings.base, settings.head)
    pythons = (
        interpreter("--base-requirements", settings.base_requirements, settings.base_python, cases),
        interpreter("--head-requirements", settings.head_requirements, settings.head_python, cases),
    )
    with both_checked_out(settings.base, settings.head, repository, pythons=pythons) as sides:
        different_libraries(sides)  # fails early if an interpreter is broken
        with session.reserved(settings) as conditions:
            outcomes = session.run(cases, sides, conditions, smallest=settings.smallest_by_metric)
    revisions.report(outcomes, sides).show()
    if settings.output is not None:
        revisions.write(settings.output, outcomes, sides)
    return exit_status(outcomes, settings.cant_tell)


def _repository(base: str | None, head: str | None) -> Repository | None:
    """Find the repository; two folders do not need one."""
    try:
        return find_repository(Path.cwd())
    except SideError:
        if all(side is not None and Path(side).is_dir() for side in (base, head)):
            return None
        raise
