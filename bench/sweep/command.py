"""`bench`: the command that executes one run or a sweep of runs."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from bench.config.errors import ConfigError
from bench.console import print_error, printable
from bench.errors import BenchError
from bench.sweep.exit_status import ExitStatus


def main() -> int:
    """Execute the runs of the command line, or print what --help or --cfg request.

    Returns:
        The exit status; see `ExitStatus`.
    """
    try:
        arguments = parse(sys.argv[1:])
        if arguments.help:
            from bench.config import help

            print(help.text())
            return ExitStatus.OK
        if arguments.shell_completion:
            return _complete(arguments.overrides)
        return _execute_runs(arguments)
    except BenchError as error:
        print_error("bench", error)
        return ExitStatus.REFUSED


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see bench --help")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the flags and overrides of a command line.

    Raises:
        ConfigError: a flag is unknown or lacks its value.
    """
    parser = _Parser(prog="bench", add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--config-dir", "-cd", action="append", default=[])
    parser.add_argument("--cfg", "-c", choices=["job"])
    parser.add_argument("--shell-completion", "-sc", action="store_true")
    arguments = parser.parse_intermixed_args(words)
    if len(arguments.config_dir) > 1:
        parser.error("--config-dir: given more than once; give one folder")
    arguments.config_dir = next(iter(arguments.config_dir), None)
    return arguments


def _complete(words: Sequence[str]) -> int:
    """Print the completion for a shell, which gives the line to complete as COMP_LINE."""
    from bench.config import completion

    try:
        folder = parse(os.environ.get("COMP_LINE", "").split()[1:]).config_dir
    except ConfigError:  # a flag without its value: the shell offers file names
        return ExitStatus.OK
    completion.complete(words, folder)
    return ExitStatus.OK


def _execute_runs(arguments: argparse.Namespace) -> int:
    """Plan and execute all runs, print a table of them, and return the exit status."""
    from bench.config import compose
    from bench.sweep import execution, summary

    words, folder = arguments.overrides, arguments.config_dir
    request = execution.check(words, multirun=arguments.multirun, config_folder=folder)
    if arguments.cfg:
        print(compose.show(words, folder), end="")
        return ExitStatus.OK
    ended = execution.execute(request)
    status = summary.print_summary(ended.jobs) if ended.jobs else ExitStatus.OK
    for block, reason in ended.given_up.items():
        print(f"{block}: given up: {printable(reason)}")
        status = ExitStatus.RUN_FAILED
    if not ended.interrupted:
        return status
    print(f"To continue: {shlex.join(['bench', *sys.argv[1:], *ended.words_to_continue])}")
    return ExitStatus.INTERRUPTED
