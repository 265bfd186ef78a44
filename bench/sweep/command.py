"""`bench`: the command that executes one run or a sweep of runs."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.console import print_error, printable
from bench.sweep.exit_status import ExitStatus

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from bench.config.schema import RunConfig


def main() -> int:
    """Execute the runs of the command line, or print what --help, --cfg and similar flags request.

    Returns:
        The exit status; see `ExitStatus`.
    """
    # Imported after the Ctrl-C handler is installed. Hydra's parser is not public.
    from hydra._internal.utils import get_args_parser

    from bench.config.errors import ConfigError

    arguments = get_args_parser().parse_intermixed_args()
    # Hydra requires flags before overrides, and reads `sys.argv`.
    flags = [word for word in sys.argv[1:] if word not in arguments.overrides]
    sys.argv[1:] = [*flags, *arguments.overrides]
    try:
        if _executes_runs(arguments):
            return _execute_runs(arguments)
        if (arguments.overrides or arguments.config_dir) and not arguments.shell_completion:
            _compose(arguments)  # so that a mistake is explained in one line
        return _print_information(arguments)
    except ConfigError as error:
        print_error("bench", error)
        return ExitStatus.REFUSED


def _print_information(arguments: argparse.Namespace) -> int:
    """Handle --help and --cfg; let Hydra handle --info, --hydra-help and shell completion."""
    import hydra

    from bench import CONF
    from bench.config import compose, help, user_files

    if arguments.help:
        print(help.text())
        return ExitStatus.OK
    if arguments.cfg:
        text = compose.show(
            arguments.overrides,
            part=arguments.cfg,
            package=arguments.package,
            resolve=arguments.resolve,
            config_folder=arguments.config_dir,
        )
        print(text, end="")
        return ExitStatus.OK

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=user_files.CONFIG_NAME)
    def never_called(_: DictConfig) -> None:
        """Hydra handles the flags and does not call this."""

    never_called()
    return ExitStatus.OK


def _executes_runs(arguments: argparse.Namespace) -> bool:
    """Say whether the command executes runs: not with --help, --cfg, --info, shell completion."""
    flags = ("help", "hydra_help", "cfg", "info", "shell_completion")
    return not any(getattr(arguments, flag) for flag in flags)


def _refuse_flags(arguments: argparse.Namespace) -> None:
    """Refuse flags of Hydra that have no effect, or read other files: a rerun unpickles one."""
    from bench.config.errors import ConfigError

    for flag in ("config_path", "config_name", "experimental_rerun"):
        value = getattr(arguments, flag)
        if value is not None:
            raise ConfigError(
                f"--{flag.replace('_', '-')}={value}: not supported; give overrides as "
                "key=value, and a folder with your own files with --config-dir"
            )
    for flag in ("run", "package", "resolve"):
        if getattr(arguments, flag) and _executes_runs(arguments):
            raise ConfigError(f"--{flag}: has no effect on runs; leave it out")


def _compose(arguments: argparse.Namespace, default_name: str = "unnamed") -> list[RunConfig]:
    """Return the configurations of the runs; raise ConfigError if there is a mistake."""
    from bench.config import compose  # here so that --help does not wait for NumPy

    _refuse_flags(arguments)
    return compose.compose_runs(
        arguments.overrides,
        default_name=default_name,
        multirun=arguments.multirun,
        config_folder=arguments.config_dir,
    )


def _execute_runs(arguments: argparse.Namespace) -> int:
    """Plan and execute all runs, print a table of them, and return the exit status."""
    requested_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    default_name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    configs = _compose(arguments, default_name)

    from bench import files
    from bench.config import compose
    from bench.config.user_files import find_user_folder
    from bench.data.errors import DatasetError
    from bench.sweep import jobs, launchers, planning, summary
    from bench.sweep.progress import TimeLeft

    planned: list[jobs.Job] = []
    interrupted = False
    try:
        launcher, launcher_settings = compose.launcher_of(arguments.overrides)
        user_folder = find_user_folder(arguments.config_dir)
        planned, records = planning.plan(configs, default_name, requested_at, user_folder)
        launchers.launch(planned, TimeLeft(planned, records), launcher, launcher_settings)
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
