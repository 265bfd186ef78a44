"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.regression.arguments import parser

if TYPE_CHECKING:
    from bench.regression.cases import Case
    from bench.regression.git import Repository
    from bench.regression.outcome import Outcome
    from bench.regression.side_process import SideName
    from bench.regression.sides import Side


def main() -> int:
    """Compare what the command line names; return the exit status."""
    command_line = parser()
    arguments = command_line.parse_args()
    if arguments.base is None and not (arguments.record or arguments.against_history):
        command_line.error("BASE: what to compare with, such as HEAD~1, is missing")
    from bench.config.schema import ConfigError
    from bench.console import print_error
    from bench.data.datasets import DatasetError
    from bench.regression.outcome import NOT_MEASURED
    from bench.regression.sides import SideError
    from bench.regression.signals import interrupted_once
    from bench.results.store import StoreError

    try:
        with interrupted_once():
            return _compare(arguments)
    except (ConfigError, DatasetError, SideError, StoreError, OSError) as error:
        print_error("bench-compare", error)
    except KeyboardInterrupt:
        print("bench-compare: interrupted", file=sys.stderr)
        return 130
    except Exception:  # noqa: BLE001  # Python would exit with 1, which means slower
        traceback.print_exc()
    return NOT_MEASURED


def _compare(arguments: argparse.Namespace) -> int:
    from bench.machine import lock
    from bench.regression import output, tracking
    from bench.regression.cases import parse_cases
    from bench.regression.outcome import exit_status

    if arguments.output is not None:
        output.check_writable(arguments.output)  # now, not when everything is measured
    cases = parse_cases(arguments.cases)
    repository = _repository(arguments)
    with ExitStack() as stack:
        sides = _check_out(arguments, repository, stack)
        if arguments.record:
            tracking.check_recordable(sides["head"])
        stack.enter_context(lock.reserved(_say_waiting, shared=arguments.share_machine))
        until = time.monotonic() + arguments.budget
        if repository is not None and (arguments.record or arguments.against_history):
            earlier = tracking.earlier_entries(cases, sides["head"], repository)
            measure = partial(_measure, arguments, until=until)
            outcomes = tracking.compare(cases, earlier, sides, repository, measure)
            if arguments.against_history:
                tracking.compare_speed(outcomes, earlier, arguments.smallest)
        else:
            outcomes = _measure(arguments, cases, sides, until=until)
    output.print_table(outcomes, sides)
    if arguments.output is not None:
        output.write(arguments.output, outcomes, sides)
    if arguments.record:
        assert repository is not None  # noqa: S101
        tracking.record(outcomes, sides, repository)
    return exit_status(outcomes, arguments.cant_tell)


def _repository(arguments: argparse.Namespace) -> Repository | None:
    """Find the repository, unless both sides are folders and it is not needed."""
    from bench.regression.git import is_project
    from bench.regression.sides import find_repository

    sides = (arguments.base, arguments.head)
    if all(side is not None and is_project(Path(side)) for side in sides):
        return None
    return find_repository(Path.cwd())


def _check_out(
    arguments: argparse.Namespace, repository: Repository | None, stack: ExitStack
) -> dict[SideName, Side]:
    from bench.regression import tracking
    from bench.regression.sides import checked_out, different_libraries

    base = arguments.base
    if arguments.record or arguments.against_history:
        base = tracking.choose_base(base, repository)
    sides: dict[SideName, Side] = {
        "base": stack.enter_context(checked_out(base, arguments.base_python, repository, "BASE")),
        "head": stack.enter_context(
            checked_out(arguments.head, arguments.head_python, repository, "HEAD")
        ),
    }
    different_libraries(sides["base"], sides["head"])  # fails now if an interpreter does not run
    return sides


def _say_waiting() -> None:
    print("waiting for another run on this machine to end", flush=True)


def _measure(
    arguments: argparse.Namespace,
    cases: Sequence[Case],
    sides: Mapping[SideName, Side],
    *,
    until: float,
    n_pairs: int | None = None,
) -> list[Outcome]:
    from bench.regression import output, session

    with (
        tempfile.TemporaryDirectory(prefix="bench-compare-problems-") as folder,
        output.progress(arguments.budget, until) as on_pair,
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


if __name__ == "__main__":
    sys.exit(main())
