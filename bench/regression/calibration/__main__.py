"""`python -m bench.regression.calibration ACTION`: error rates of bench-compare."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.console import path_argument, text_argument
from bench.regression.arguments import seconds
from bench.regression.metrics import parse_metrics
from bench.results.history import STEP

PAIRS = Path("docs/regression/pairs.jsonl")
HISTORIES = Path("docs/regression/histories.jsonl")
CASES = "implementation=numpy architecture=one_hidden learning_rate=0.01 threads=1"


def main() -> int:
    """Collect pairs, or evaluate collected ones; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.regression.calibration", description=__doc__
    )
    actions = parser.add_subparsers(dest="action", required=True)
    collect = actions.add_parser("collect", help="measure pairs and append them to the file")
    collect.add_argument(
        "--cases", default=CASES, type=text_argument, metavar="OVERRIDES",
        help=f"as in bench-compare; several cases take turns ('{CASES}')",
    )  # fmt: skip
    collect.add_argument(
        "--metrics", default=STEP, type=parse_metrics,
        help="as in bench-compare; the time of a step is always measured (step)",
    )  # fmt: skip
    collect.add_argument("--rounds", type=int, default=200, help="rounds of all cases (200)")
    collect.add_argument("--budget", type=seconds, default="1h", help="such as 40m (1h)")
    evaluate = actions.add_parser("evaluate", help="write rates.md next to pairs.jsonl")
    for action in (collect, evaluate):
        action.add_argument(
            "--pairs", type=path_argument, default=PAIRS, help=f"file of pairs ({PAIRS})"
        )
    bisect = actions.add_parser("bisect", help="search histories with a planted slowdown")
    bisect.add_argument("--histories", type=int, default=25, help="number of histories (25)")
    bisect.add_argument("--budget", type=seconds, default="25m", help="such as 40m (25m)")
    bisect.add_argument(
        "--answers", type=path_argument, default=HISTORIES, help=f"file of answers ({HISTORIES})"
    )
    arguments = parser.parse_args()
    if arguments.action == "bisect":
        return _bisect(arguments.answers, arguments.histories, arguments.budget)
    if arguments.action == "collect":
        return _collect(arguments)
    from bench.regression.calibration import rates

    rates.write(arguments.pairs)
    return 0


def _collect(arguments: argparse.Namespace) -> int:
    from bench.regression.calibration.collect import collect
    from bench.regression.cases import parse_cases
    from bench.regression.sides.process import OutOfTimeError

    def action() -> bool:
        try:
            cases = parse_cases(arguments.cases)
            metrics = [*dict.fromkeys((STEP, *arguments.metrics))]
            collect(cases, metrics, arguments.pairs, arguments.rounds, arguments.budget)
        except OutOfTimeError:
            return False
        return True

    return _finish(action, arguments.pairs)


def _bisect(answers: Path, n_histories: int, budget_seconds: float) -> int:
    from bench.regression.calibration import searches

    return _finish(lambda: searches.run(answers, n_histories, budget_seconds, CASES), answers)


def _finish(action: Callable[[], bool], path: Path) -> int:
    """Run an action that continues a file; return the exit status.

    Args:
        action: returns whether it has finished within its budget.
        path: the file.
    """
    from bench.config.errors import ConfigError
    from bench.regression.sides.checkout import SideError
    from bench.regression.sides.process import CaseError
    from bench.regression.signals import interrupted_once
    from bench.results.store import StoreError

    again = f"run the command again to continue {path}"
    try:
        with interrupted_once():
            finished = action()
    except (ConfigError, SideError, CaseError, StoreError) as error:
        print(f"calibration: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"calibration: interrupted; {again}", file=sys.stderr)
        return 130
    if not finished:
        print(f"calibration: budget used up; {again}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
