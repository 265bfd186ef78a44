"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?"""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.regression.campaign import Outcome
    from bench.regression.pairs import Cell, Which
    from bench.regression.sides import SideOfPair

DESCRIPTION = """\
Trains both revisions now, in pairs of fresh processes that take turns on the same cores, and says
slower, not slower or can't tell, with the ratio of times and its interval.
"""
EPILOG = """\
exit status: 0 not slower, 1 slower or learning something else, 2 a mistake in the command,
3 can't tell (see --cant-tell), 130 interrupted
"""
CELLS = "sweep=default learning_rate=0.01 threads=1"
HISTORY = "results/history.jsonl"
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def main() -> None:
    """Compare what the command line names, and exit with what was found."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.base is None and not (arguments.record or arguments.against_history):
        parser.error("BASE: what to compare with, such as HEAD~1, is missing")
    from bench.config import ConfigError
    from bench.datasets import DatasetError
    from bench.regression.sides import SideError
    from bench.store import StoreError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # worktrees are removed then too
    try:
        sys.exit(_compare(arguments))
    except (ConfigError, DatasetError, SideError, StoreError) as error:
        print(f"bench-compare: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("bench-compare: interrupted", file=sys.stderr)
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench-compare",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "base",
        nargs="?",
        help="a git revision, or a folder with the project in it (what the history refers to)",
    )
    parser.add_argument("head", nargs="?", help="the same (the working tree as it stands)")
    parser.add_argument("--base-python", type=Path, help="the interpreter for BASE (this one)")
    parser.add_argument("--head-python", type=Path, help="the interpreter for HEAD (this one)")
    parser.add_argument(
        "--cells", default=CELLS, metavar="OVERRIDES",
        help=f"what to train, as overrides of bench ('{CELLS}')",
    )  # fmt: skip
    parser.add_argument("--budget", type=_seconds, default="20m", help="such as 90s or 5m (20m)")
    parser.add_argument(
        "--smallest", type=_share, default="3%", help="the slowdown that matters, such as 3%% (3%%)"
    )
    parser.add_argument(
        "--cant-tell", choices=["pass", "fail"], help="exit with 0 or 1 then, not 3"
    )
    parser.add_argument(
        "--output", type=Path, help="a folder for pairs.json, report.md and ratios.png"
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help=f"add the ratios to {HISTORY}, to which BASE is the reference from then on",
    )
    parser.add_argument(
        "--against-history",
        action="store_true",
        help=f"compare with the last commit in {HISTORY}, by way of its reference",
    )
    parser.add_argument(
        "--share-machine", action="store_true", help="do not wait for other runs on this machine"
    )
    return parser


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a time such as 90s, 5m or 1h")
    return float(match[1]) * SECONDS[match[2]]


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if match is None or not 1 < float(match[1]) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}: must be more than 1% and up to 100%")
    return float(match[1]) / 100


def _compare(arguments: argparse.Namespace) -> int:
    from bench.regression import output, record
    from bench.regression.sides import repository_here

    cells = cells_of(arguments.cells)
    base = arguments.base
    if arguments.record or arguments.against_history:
        base = record.base_of(base, repository_here())
    with ExitStack() as stack:
        sides = _sides(arguments, base, stack)
        if arguments.record:
            record.check(sides)
        outcomes = _campaign(arguments, cells, sides, stack)
    if arguments.against_history:
        record.judge(outcomes, sides, repository_here(), arguments.smallest)
    output.print_table(outcomes, sides)
    if arguments.record:
        record.add(outcomes, sides, repository_here())
    if arguments.output is not None:
        output.write(arguments.output, outcomes, sides)
    return _status(outcomes, arguments.cant_tell)


def _sides(arguments: argparse.Namespace, base: str, stack: ExitStack) -> dict[Which, SideOfPair]:
    from bench.regression.sides import checked_out, different_libraries, repository_here

    needs_repository = arguments.head is None or not Path(base).is_dir()
    repository = repository_here() if needs_repository else Path.cwd()
    asked: dict[Which, Any] = {
        "base": (base, arguments.base_python),
        "head": (arguments.head, arguments.head_python),
    }
    sides = {
        which: stack.enter_context(checked_out(revision, python, repository, which.upper()))
        for which, (revision, python) in asked.items()
    }
    different_libraries(
        sides["base"], sides["head"]
    )  # an interpreter that does not run is said now
    return sides


def _campaign(
    arguments: argparse.Namespace,
    cells: Sequence[Cell],
    sides: Mapping[Which, SideOfPair],
    stack: ExitStack,
) -> list[Outcome]:
    from bench.regression import campaign, output
    from bench.regression.history import N_PAIRS

    told = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-told-"))
    with output.progress(arguments.budget) as on_pair:
        return campaign.run(
            cells,
            sides,
            Path(told),
            smallest=arguments.smallest,
            budget_seconds=arguments.budget,
            on_pair=on_pair,
            on_wait=lambda: print("waiting for another run on this machine to end", flush=True),
            share_machine=arguments.share_machine,
            n_pairs=N_PAIRS if arguments.record or arguments.against_history else None,
        )


def cells_of(words: str) -> list[Cell]:
    """Return what is asked for, each implementation, architecture and batch size once."""
    from bench import registry
    from bench.config import ConfigError
    from bench.overrides import compose_runs
    from bench.regression.pairs import Cell

    cells: dict[str, Any] = {}
    for config in compose_runs(shlex.split(words), default_name="compare", multirun=True):
        name = f"{config.implementation.name}-{config.architecture.name}-{config.batch_size}"
        missing = registry.missing(config.implementation.requires)
        if missing:
            raise ConfigError(
                f"implementation={config.implementation.name}: {', '.join(missing)} not "
                f"installed; {config.implementation.install}"
            )
        cells.setdefault(name, Cell(name=name, config=config))
    return list(cells.values())


def _status(outcomes: Sequence[Outcome], cant_tell: str | None) -> int:
    if any(one.answer == "slower" or one.learns_something_else for one in outcomes if one.pairs):
        return 1
    if all(one.answer == "not slower" for one in outcomes):
        return 0
    return {None: 3, "pass": 0, "fail": 1}[cant_tell]


if __name__ == "__main__":
    main()
