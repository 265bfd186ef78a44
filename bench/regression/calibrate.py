"""`python -m bench.regression.calibrate collect|judge`: how often does the gate err?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.regression.command import cells_of, seconds

PAIRS = Path("docs/regression/pairs.jsonl")
PAGE = Path("docs/regression.md")
CELL = "implementation=numpy architecture=one_hidden learning_rate=0.01 threads=1"


def main() -> None:
    """Collect real pairs, or judge those that were collected."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.regression.calibrate", description=__doc__
    )
    parser.add_argument("do", choices=["collect", "judge"])
    parser.add_argument("--pairs", type=Path, default=PAIRS, help=f"where they are ({PAIRS})")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"to write rates into ({PAGE})")
    parser.add_argument(
        "--rounds", type=int, default=200, help="of 4 pairs, to have in the end (200)"
    )
    parser.add_argument(
        "--budget", type=seconds, default="1h", help="to collect for, such as 40m (1h)"
    )
    arguments = parser.parse_args()
    if arguments.do == "collect":
        sys.exit(_collect(arguments.pairs, arguments.rounds, arguments.budget))
    from bench.regression.calibration import judge

    judge.write(arguments.pairs, arguments.page)


def _collect(path: Path, n_rounds: int, budget_seconds: float) -> int:
    from bench.regression import interrupts
    from bench.regression.calibration.collect import collect
    from bench.regression.side_process import CaseError, OutOfTimeError
    from bench.regression.sides import SideError

    def on_round(done: int) -> None:
        print(f"{done} of {n_rounds} rounds", flush=True)

    try:
        with interrupts.as_one():
            (cell,) = cells_of(CELL)
            collect(cell, path, n_rounds, budget_seconds, on_round)
    except (SideError, CaseError) as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    except OutOfTimeError:
        print(f"prove: time is up; run it again to go on with {path}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print(f"prove: interrupted; run it again to go on with {path}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    main()
