"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?"""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
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
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def main() -> None:
    """Compare what the command line names, and exit with what was found."""
    arguments = _parser().parse_args()
    from bench.config import ConfigError
    from bench.datasets import DatasetError
    from bench.regression.sides import SideError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # worktrees are removed then too
    try:
        sys.exit(_compare(arguments))
    except (ConfigError, DatasetError, SideError) as error:
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
    parser.add_argument("base", help="a git revision, or a folder with the project in it")
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
    from bench.regression import campaign, output
    from bench.regression.sides import checked_out, repository_here

    cells = cells_of(arguments.cells)
    with ExitStack() as stack:
        needs_repository = arguments.head is None or not Path(arguments.base).is_dir()
        repository = repository_here() if needs_repository else Path.cwd()
        sides: dict[Which, SideOfPair] = {
            "base": stack.enter_context(
                checked_out(arguments.base, arguments.base_python, repository, "BASE")
            ),
            "head": stack.enter_context(
                checked_out(arguments.head, arguments.head_python, repository, "HEAD")
            ),
        }
        told = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-compare-told-"))
        with output.progress(arguments.budget) as on_pair:
            outcomes = campaign.run(
                cells,
                sides,
                Path(told),
                smallest=arguments.smallest,
                budget_seconds=arguments.budget,
                on_pair=on_pair,
                on_wait=lambda: print("waiting for another run on this machine to end", flush=True),
                share_machine=arguments.share_machine,
            )
    output.print_table(outcomes, sides)
    if arguments.output is not None:
        output.write(arguments.output, outcomes, sides)
    return _status(outcomes, arguments.cant_tell)


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
