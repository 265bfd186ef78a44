"""`bench-doctor`: is this machine, or a cluster, fit to measure on; what is installed and where?"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence

from bench.config.compose import choices, compose_runs
from bench.config.errors import ConfigError
from bench.config.schema import RunConfig
from bench.config.user_files import find_user_folder
from bench.console import adapt_commands, print_error
from bench.doctor.checks import examine
from bench.errors import BenchError

MAX_SECONDS = 86_400


def main() -> int:
    """Print the findings on this machine, or the nodes of a cluster.

    Returns:
        The exit status: 1 if the machine or a node is not fit to measure on, 2 if an argument is
        refused or the cluster can't be used.
    """
    arguments = _parser().parse_intermixed_args()
    words = [f"launcher={arguments.launcher}"] if arguments.launcher else []
    words += arguments.overrides
    try:
        if words:
            return _examine_cluster(words, arguments.config_dir, arguments.time_limit)
        return _examine_machine(arguments.config_dir)
    except BenchError as error:
        print_error("bench-doctor", error)
        return 2
    except KeyboardInterrupt:
        print_error("bench-doctor", "interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench-doctor",
        description="Checks whether this machine is fit to measure on, what is installed and where "
        "the data is; gives a remedy for each problem. With a launcher, it checks the nodes of a "
        "cluster instead.",
    )
    parser.add_argument("--config-dir", metavar="FOLDER", help="a folder with your implementations")
    parser.add_argument(
        "--launcher", choices=["slurm", "ray"], help="check the nodes of a cluster; launcher=NAME"
    )
    parser.add_argument(
        "--time-limit",
        type=seconds_argument,
        default=120.0,
        metavar="SECONDS",
        help="do not wait longer for the answers of nodes; 120 by default",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="keys of `bench` for the nodes, such as launcher.address=HOST:PORT or threads=8",
    )
    return parser


def seconds_argument(value: str) -> float:
    """Return a number of seconds above 0, at most a day.

    Raises:
        argparse.ArgumentTypeError: it is no such number.
    """
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(value)) <= MAX_SECONDS:
            return seconds
    raise argparse.ArgumentTypeError(f"{value!r}: must be a number above 0, up to {MAX_SECONDS}")


def _examine_cluster(
    words: Sequence[str], config_folder: str | None, time_limit_seconds: float
) -> int:
    """Print a table of the nodes; return the exit status.

    Raises:
        BenchError: a word is refused, or the cluster can't be used.
    """
    from bench.sweep.cluster import examination, node_table

    configs = _implementations(config_folder, words)
    if configs[0].launcher.name == "local":
        raise ConfigError(f"{' '.join(words)}: keys are for clusters; add --launcher slurm or ray")
    user_folder = find_user_folder(config_folder)
    nodes = examination.examine_nodes(configs, user_folder, time_limit_seconds)
    return int(not node_table.print_nodes(nodes))


def _examine_machine(config_folder: str | None) -> int:
    """Print the findings on this machine; return the exit status.

    Raises:
        ConfigError: a file of an implementation is refused.
    """
    findings = []
    marks = {"good": "ok ", "note": "   ", "bad": "!  "}
    for finding in examine(_implementations(config_folder)):
        findings.append(finding)
        print(f"{marks[finding.state]} {finding.subject:<15} {finding.text}")
        if finding.remedy:
            print(f"    {'':<15} -> {adapt_commands(finding.remedy)}")
    bad = [finding.subject for finding in findings if finding.state == "bad"]
    print(f"Not fit to measure on: {', '.join(bad)}." if bad else "Fit to measure on.")
    return int(bool(bad))


def _implementations(config_folder: str | None, words: Sequence[str] = ()) -> list[RunConfig]:
    names = ",".join(choices("implementation", find_user_folder(config_folder)))
    return compose_runs(
        [f"implementation={names}", *words],
        default_name="doctor",
        multirun=True,
        config_folder=config_folder,
    )
