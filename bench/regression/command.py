"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.regression.pairs import Case
    from bench.regression.session import Outcome
    from bench.regression.side_process import SideName
    from bench.regression.sides import SideOfPair

DESCRIPTION = """\
Trains both revisions now, in pairs of fresh processes that take turns on the same cores, and says
slower, not slower or can't tell, with the ratio of times and its interval.
"""
EPILOG = """\
exit status: 0 not slower; 1 slower, learning something else, or failing in HEAD where BASE works;
2 a mistake in the command, or nothing could be compared; 3 can't tell (see --cant-tell);
130 interrupted
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
    from bench.config.schema import ConfigError
    from bench.data.datasets import DatasetError
    from bench.regression import interrupts
    from bench.regression.sides import SideError
    from bench.results.store import StoreError

    try:
        with interrupts.as_one():
            status = _compare(arguments)
    except (ConfigError, DatasetError, SideError, StoreError, OSError) as error:
        print(f"bench-compare: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("bench-compare: interrupted", file=sys.stderr)
        status = 130
    except Exception:  # noqa: BLE001  # Python would exit with 1, which means slower
        traceback.print_exc()
        status = 2
    sys.exit(status)


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
        help=f"what to train, as overrides of bench; of this project's conf/ ('{CELLS}')",
    )  # fmt: skip
    parser.add_argument("--budget", type=seconds, default="20m", help="such as 90s or 5m (20m)")
    parser.add_argument(
        "--smallest", type=_share, default="3%", help="the slowdown that matters, such as 3%% (3%%)"
    )
    parser.add_argument(
        "--cant-tell", choices=["pass", "fail"], help="exit with 0 or 1 then, not with 3"
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


def seconds(text: str) -> float:
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

    if arguments.output is not None:
        output.check(arguments.output)  # now, not when all is measured
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
    if arguments.output is not None:
        output.write(arguments.output, outcomes, sides)
    if arguments.record:
        record.add(outcomes, sides, repository_here())
    return _status(outcomes, arguments.cant_tell)


def _sides(
    arguments: argparse.Namespace, base: str, stack: ExitStack
) -> dict[SideName, SideOfPair]:
    from bench.regression.sides import checked_out, different_libraries, repository_here

    both_folders = arguments.head is not None and all(
        Path(side).is_dir() for side in (base, arguments.head)
    )
    repository = Path.cwd() if both_folders else repository_here()
    asked: dict[SideName, Any] = {
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
    cells: Sequence[Case],
    sides: Mapping[SideName, SideOfPair],
    stack: ExitStack,
) -> list[Outcome]:
    from bench.regression import output, session
    from bench.results.history import N_PAIRS

    told = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-told-"))
    with output.progress(arguments.budget) as on_pair:
        return session.run(
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


def cells_of(words: str) -> list[Case]:
    """Return what is asked for.

    Raises:
        ConfigError: it is not as `bench` takes it, or a cell is asked for in several ways.
    """
    from bench.config.compose import compose_runs
    from bench.config.schema import ConfigError
    from bench.regression.pairs import Case

    try:
        overrides = shlex.split(words)
    except ValueError as error:
        raise ConfigError(f"--cells={words}: {error}") from error
    cells: dict[str, Case] = {}
    for config in compose_runs(overrides, default_name="compare", multirun=True):
        name = f"{config.implementation.name}-{config.architecture.name}-{config.batch_size}"
        if cells.setdefault(name, Case(name=name, config=config)).config.hash != config.hash:
            raise ConfigError(
                f"--cells={words}: {name} in several ways; a cell is an implementation, an "
                "architecture and a batch size, so give one value to every other key"
            )
    return list(cells.values())


def _status(outcomes: Sequence[Outcome], cant_tell: str | None) -> int:
    if any(
        one.answer == "slower" or one.learns_something_else or one.failed == "head"
        for one in outcomes
    ):
        return 1
    if all(one.answer == "not slower" for one in outcomes):
        return 0
    return {None: 3, "pass": 0, "fail": 1}[cant_tell]


if __name__ == "__main__":
    main()
