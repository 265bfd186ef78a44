"""`bench`: the command that executes one run or a sweep of runs."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime

from bench.console import print_error, printable
from bench.sweep.exit_status import ExitStatus


def main() -> int:
    """Execute the runs of the command line, or print what --help or --cfg request.

    Returns:
        The exit status; see `ExitStatus`.
    """
    parser = _parser()
    arguments = parser.parse_intermixed_args()
    if len(arguments.config_dir) > 1:
        parser.error("--config-dir: given more than once; give one folder")
    arguments.config_dir = next(iter(arguments.config_dir), None)
    if arguments.help:
        from bench.config import help

        print(help.text())
        return ExitStatus.OK
    if arguments.shell_completion:
        return _complete(arguments)
    from bench.config.errors import ConfigError

    try:
        return _execute_runs(arguments)
    except ConfigError as error:
        print_error("bench", error)
        return ExitStatus.REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench", usage="bench [flags] [key=value ...]; see bench --help",
        add_help=False, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--config-dir", "-cd", action="append", default=[])
    parser.add_argument("--cfg", "-c", choices=["job"])
    parser.add_argument("--shell-completion", "-sc", action="store_true")
    return parser


def _complete(arguments: argparse.Namespace) -> int:
    """Let Hydra print the completion for a shell. It reads `sys.argv`."""
    import hydra

    from bench import CONF
    from bench.config.user_files import CONFIG_NAME

    sys.argv[1:] = ["-sc", *arguments.overrides]
    hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)(lambda _: None)()
    return ExitStatus.OK


def _execute_runs(arguments: argparse.Namespace) -> int:
    """Plan and execute all runs, print a table of them, and return the exit status."""
    from bench import files
    from bench.config import compose
    from bench.config.user_files import find_user_folder
    from bench.data.errors import DatasetError
    from bench.sweep import jobs, planning, scheduler, summary
    from bench.sweep.progress import TimeLeft

    requested_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    default_name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    configs = compose.compose_runs(
        arguments.overrides,
        default_name=default_name,
        multirun=arguments.multirun,
        config_folder=arguments.config_dir,
    )
    if arguments.cfg:
        print(compose.show(arguments.overrides, arguments.config_dir), end="")
        return ExitStatus.OK
    planned: list[jobs.Job] = []
    interrupted = False
    try:
        user_folder = find_user_folder(arguments.config_dir)
        planned, records = planning.plan(configs, default_name, requested_at, user_folder)
        scheduler.execute_sweep(planned, TimeLeft(planned, records))
    except (DatasetError, files.FileError) as error:  # all other runs would fail too
        print_error("bench", error)
        return ExitStatus.REFUSED
    except OSError as error:
        if error.errno not in files.UNWRITABLE:
            raise
        path = error.filename or jobs.folder_of(configs[0])
        print_error("bench", f"{printable(path)}: can't be written to: {error.strerror}")
        return ExitStatus.REFUSED
    except KeyboardInterrupt:
        interrupted = True
    status = summary.print_summary(planned) if planned else ExitStatus.OK
    if not interrupted:
        return status
    words = ["bench", *sys.argv[1:]]
    if planned and configs[0].sweep_name == default_name:
        words.append(f"sweep_name={planned[0].config.sweep_name}")
    print(f"To continue: {shlex.join(words)}")
    return ExitStatus.INTERRUPTED
