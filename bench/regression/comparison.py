"""One comparison: check both sides out, measure, show and keep the results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.config.errors import ConfigError
from bench.data.errors import DatasetError
from bench.files import FileError
from bench.regression import session
from bench.regression.cases import Case, parse_cases
from bench.regression.outcome import exit_status
from bench.regression.output import revisions
from bench.regression.output.report import check_writable
from bench.regression.settings import Revisions
from bench.regression.sides import requirements
from bench.regression.sides.checkout import (
    Side,
    SideError,
    checked_out,
    different_libraries,
    find_repository,
)
from bench.regression.sides.process import SideName
from bench.regression.sides.repository import Repository, is_project, missing_parts
from bench.results.store import StoreError

EXPECTED_ERRORS = (ConfigError, DatasetError, SideError, StoreError, FileError, OSError)


def run(settings: Revisions) -> int:
    """Compare the given revisions, show and keep the results; return the exit status."""
    check_writable(settings.output)  # before measuring, which takes minutes
    cases = parse_cases(settings.cases, settings.config_dir)
    repository = _repository(settings.base, settings.head)
    with ExitStack() as stack:
        sides = _check_out(settings, cases, repository, stack)
        conditions = stack.enter_context(session.reserved(settings))
        outcomes = session.run(cases, sides, conditions, smallest=settings.smallest_by_metric)
    revisions.report(outcomes, sides).show()
    if settings.output is not None:
        revisions.write(settings.output, outcomes, sides)
    return exit_status(outcomes, settings.cant_tell)


def _repository(base: str | None, head: str | None) -> Repository | None:
    """Find the repository, unless both sides are folders and it is not needed."""
    sides = [None if side is None else Path(side) for side in (base, head)]
    if all(side is not None and is_project(side) for side in sides):
        return None
    try:
        return find_repository(Path.cwd())
    except SideError as error:
        kinds: tuple[type[SideError], type[SideError]] = SideError, type(error)
        for side, kind in zip(sides, kinds, strict=True):
            if side is not None and side.is_dir() and (missing := missing_parts(side)):
                raise kind(
                    f"{side}: is not a copy of the project: it lacks {' and '.join(missing)}"
                ) from None
        raise


def _check_out(
    settings: Revisions,
    cases: Sequence[Case],
    repository: Repository | None,
    stack: ExitStack,
) -> dict[SideName, Side]:
    base_python = requirements.interpreter(
        "--base-requirements", settings.base_requirements, settings.base_python, cases
    )
    head_python = requirements.interpreter(
        "--head-requirements", settings.head_requirements, settings.head_python, cases
    )
    sides: dict[SideName, Side] = {
        "base": stack.enter_context(checked_out(settings.base, base_python, repository, "BASE")),
        "head": stack.enter_context(checked_out(settings.head, head_python, repository, "HEAD")),
    }
    different_libraries(sides["base"], sides["head"])  # fails early if an interpreter is broken
    return sides
