"""`python -m bench.regression.calibration ACTION`: error rates of bench-compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.console import path_argument, print_error, text_argument
from bench.regression.arguments import seconds
from bench.regression.cases import parse_cases
from bench.regression.command import interrupted_once
from bench.regression.comparison import EXPECTED_ERRORS
from bench.regression.exit_statuses import CANT_TELL, INTERRUPTED, NOT_MEASURED, NOT_SLOWER
from bench.regression.metrics import parse_metrics
from bench.regression.sides.process import CaseError, OutOfTimeError
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
    if arguments.action == "evaluate":
        from bench.regression.calibration import rates

        rates.write(arguments.pairs)
        return 0
    try:
        with interrupted_once():
            finished = _measure(arguments)
    except (*EXPECTED_ERRORS, CaseError) as error:
        print_error("calibration", error)
        return NOT_MEASURED
    except KeyboardInterrupt:
        print("calibration: interrupted; run the command again to continue", file=sys.stderr)
        return INTERRUPTED
    if not finished:
        print("calibration: budget used up; run the command again to continue", file=sys.stderr)
    return NOT_SLOWER if finished else CANT_TELL


def _measure(arguments: argparse.Namespace) -> bool:
    """Continue a file; return whether it is complete."""
    if arguments.action == "bisect":
        from bench.regression.calibration import searches

        return searches.run(arguments.answers, arguments.histories, arguments.budget, CASES)
    from bench.regression.calibration.collect import collect

    metrics = [*dict.fromkeys((STEP, *arguments.metrics))]
    try:
        cases = parse_cases(arguments.cases)
        collect(cases, metrics, arguments.pairs, arguments.rounds, arguments.budget)
    except OutOfTimeError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
