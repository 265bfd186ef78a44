"""`python -m bench.regression.prove collect|judge`: how often does the gate err?"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

PAIRS = Path("docs/regression/pairs.jsonl")
CELL = "implementation=numpy architecture=one_hidden learning_rate=0.01 threads=1"


def main() -> None:
    """Collect real pairs, or judge those that were collected."""
    parser = argparse.ArgumentParser(prog="python -m bench.regression.prove", description=__doc__)
    parser.add_argument("do", choices=["collect", "judge"])
    parser.add_argument("--pairs", type=Path, default=PAIRS, help=f"where they are ({PAIRS})")
    parser.add_argument("--rounds", type=int, default=200, help="of 4 pairs, to collect (200)")
    arguments = parser.parse_args()
    if arguments.do == "collect":
        sys.exit(_collect(arguments.pairs, arguments.rounds))
    from bench.regression.proof import judge

    judge.write(arguments.pairs)


def _collect(path: Path, n_rounds: int) -> int:
    from bench.regression.command import cells_of
    from bench.regression.pairs import CellError
    from bench.regression.proof.collect import collect
    from bench.regression.sides import SideError

    def on_round(done: int) -> None:
        print(f"{done} of {n_rounds} rounds", flush=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        (cell,) = cells_of(CELL)
        collect(
            cell, path, n_rounds, lambda done: print(f"{done} of {n_rounds} rounds", flush=True)
        )
    except (SideError, CellError) as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"prove: interrupted; {path} holds what was collected", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    main()
