"""The command line of `bench-compare`."""

from __future__ import annotations

import argparse
import re

from bench.console import path_argument, text_argument
from bench.regression import exit_statuses, metrics
from bench.results import HISTORY_PATH

DESCRIPTION = """\
Has training become slower, and does it still learn the same? Trains both revisions now, in pairs
of fresh processes that take turns on the same cores, and answers for every case (implementation,
architecture and batch size): slower, not slower or can't tell, with the ratio of times and its
95 % interval. It answers the same for peak memory and warm-up.

Or which of several configurations trains fastest, and by how much?
  bench-compare implementation=numba implementation=jax --over batch_size=32,128
All configurations train in turns; the answers are faster, slower, equal or can't tell, in
comparison with the first one.

Or which commit made training slower?
  bench-compare --bisect GOOD [BAD]
BAD is HEAD unless it is given. The search measures commits between in pairs with GOOD, and the
commit that it names with its parent.
"""
METRICS = "metrics:\n" + "".join(
    f"  {metric.name:<12}{metric.meaning} ({metric.smallest:.0%})\n"
    for metric in metrics.METRICS.values()
)
CASES = "sweep=default learning_rate=0.01 threads=1"
OVER = "architecture=one_hidden batch_size=32 learning_rate=0.01 threads=1"
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; its result has only what was given."""
    result = argparse.ArgumentParser(
        prog="bench-compare",
        description=DESCRIPTION,
        epilog=f"{METRICS}\n{exit_statuses.table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = result.add_argument
    add(
        "base", nargs="?", type=text_argument,
        help="a git revision, or a folder with the project in it (the reference of the history); "
        "with --record also a range of commits, such as v1..main",
    )  # fmt: skip
    add("head", nargs="?", type=text_argument, help="a git revision or a folder (the working tree)")
    add(
        "others",
        nargs="*",
        type=text_argument,
        help="further configurations, such as implementation=jax",
    )
    add("--base-python", type=path_argument, help="interpreter for BASE (this one)")
    add("--head-python", type=path_argument, help="interpreter for HEAD (this one)")
    add(
        "--base-requirements", type=text_argument, metavar="REQUIREMENTS",
        help="libraries for BASE, in an environment that uv makes: 'tensorflow==2.20 numpy<2.4', "
        "or a file",
    )  # fmt: skip
    add(
        "--head-requirements", type=text_argument, metavar="REQUIREMENTS",
        help="libraries for HEAD; without BASE, both sides are the working tree",
    )  # fmt: skip
    add(
        "--cases", "--cells", type=text_argument, metavar="OVERRIDES",
        help=f"cases to train: overrides of bench, with this project's conf/ ('{CASES}')",
    )  # fmt: skip
    add(
        "--over", type=text_argument, metavar="OVERRIDES",
        help=f"overrides of bench for all configurations ('{OVER}')",
    )  # fmt: skip
    add(
        "--config-dir", type=text_argument, metavar="FOLDER",
        help="a folder with your implementations; both sides get a copy of its modules",
    )  # fmt: skip
    add(
        "--precision", type=precision,
        help="half-width of the intervals of configurations (3%%)",
    )  # fmt: skip
    add(
        "--budget", type=seconds, dest="budget_seconds", metavar="TIME",
        help="time for all cases: 90s, 5m, 1h (20m; with --calibrate 10m)",
    )  # fmt: skip
    add(
        "--metrics", type=metrics.parse_metrics,
        help=f"what to compare ({metrics.DEFAULT_METRICS}); see below",
    )  # fmt: skip
    add(
        "--smallest", type=metrics.parse_smallest,
        help="increase that matters, by metric, or a percentage for a step "
        f"({metrics.DEFAULT_SMALLEST})".replace("%", "%%"),
    )  # fmt: skip
    add(
        "--cant-tell", choices=["pass", "fail", "skip"],
        help="how to count undecided cases; skip: exit statuses for git bisect run",
    )  # fmt: skip
    add(
        "--output",
        type=path_argument,
        help="folder to write pairs.json, report.md and ratios.png to; with --bisect, bisect.json, "
        "from which the same command continues (a folder in .git)",
    )
    add(
        "--bisect", action="store_true",
        help="find the commit that made the first slower case slower: BASE is GOOD, HEAD is BAD",
    )  # fmt: skip
    add(
        "--record", action="store_true",
        help=f"append the ratios to {HISTORY_PATH}; BASE becomes the reference of a new history",
    )  # fmt: skip
    add(
        "--accept", type=text_argument, metavar="REASON",
        help="with --record: HEAD may learn something else; later commits are compared with it",
    )  # fmt: skip
    add(
        "--against-history", action="store_true",
        help=f"compare with the last commit in {HISTORY_PATH}, via its reference",
    )  # fmt: skip
    add(
        "--calibrate", action="store_true",
        help="measure which slowdown of --cases this machine finds; later reports quote it",
    )  # fmt: skip
    add("--share-machine", action="store_true", help="do not wait for other runs to finish")
    return result


def seconds(value: str) -> float:
    """Return the seconds in a time such as 90s, 5m or 1h.

    Raises:
        argparse.ArgumentTypeError: the text is not such a time.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", value, re.ASCII)
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{value!r}: must be a time such as 90s, 5m or 1h")
    return float(match[1]) * SECONDS[match[2]]


def precision(value: str) -> float:
    """Return a percentage such as 0.5% as a share.

    Raises:
        argparse.ArgumentTypeError: the text is not a percentage above 0.1% and up to 100%.
    """
    return metrics.percentage(value, lowest=0.1)
