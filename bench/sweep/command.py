"""`bench`: the command that runs one configuration or a sweep of them."""

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
    """Do what the command line asks for: make runs and print a table of them, or answer.

    Returns:
        The exit status; see `ExitStatus`.
    """
    # Imported here so that Ctrl-C during the imports finds its handler in place. Hydra offers no
    # public way to its parser, and its flags must be separated from overrides before it gets them.
    from hydra._internal.utils import get_args_parser

    arguments = get_args_parser().parse_intermixed_args()
    # Hydra itself wants all flags on one side of the overrides.
    flags = [word for word in sys.argv[1:] if word not in arguments.overrides]
    sys.argv[1:] = [*flags, *arguments.overrides]
    if not _trains_nothing(arguments):
        return _run_all(arguments)
    if (arguments.overrides or arguments.config_dir) and not arguments.shell_completion:
        _compose_or_exit(arguments)  # so that a mistake is explained in one line
    return _answer(arguments)


def _answer(arguments: argparse.Namespace) -> int:
    """Answer --help and --cfg; let Hydra answer --info, --hydra-help and shell completion."""
    import hydra

    from bench import CONF
    from bench.config import compose, help, user_files
    from bench.config.errors import ConfigError

    if arguments.help:
        print(help.text())
        return ExitStatus.OK
    if arguments.cfg:
        try:
            shown = compose.show(
                arguments.overrides,
                part=arguments.cfg,
                package=arguments.package,
                resolve=arguments.resolve,
                config_folder=arguments.config_dir,
            )
        except ConfigError as error:
            print(f"bench: {error}", file=sys.stderr)
            return ExitStatus.REFUSED
        print(shown, end="")
        return ExitStatus.OK

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=user_files.CONFIG_NAME)
    def never_called(_: DictConfig) -> None:
        """Hydra answers before it would call this."""

    never_called()
    return ExitStatus.OK


def _trains_nothing(arguments: argparse.Namespace) -> bool:
    """Say whether the command only asks: --help, --cfg, --info, shell completion."""
    return bool(
        arguments.help
        or arguments.hydra_help
        or arguments.cfg
        or arguments.info
        or arguments.shell_completion
    )


def _refuse_other_sources(arguments: argparse.Namespace) -> None:
    """Refuse Hydra's other sources of configuration; one of them unpickles a file."""
    from bench.config.errors import ConfigError

    for flag in ("config_path", "config_name", "experimental_rerun"):
        value = getattr(arguments, flag)
        if value is not None:
            raise ConfigError(
                f"--{flag.replace('_', '-')}={value}: not offered; overrides are given as "
                "key=value, and files of your own with --config-dir"
            )


def _compose_or_exit(
    arguments: argparse.Namespace, default_name: str = "unnamed"
) -> list[RunConfig]:
    """Return the runs asked for, or print what is wrong with them and exit."""
    # Imported here because --help and shell completion must not wait for NumPy.
    from bench.config import compose
    from bench.config.errors import ConfigError

    try:
        _refuse_other_sources(arguments)
        return compose.compose_runs(
            arguments.overrides,
            default_name=default_name,
            multirun=arguments.multirun,
            config_folder=arguments.config_dir,
        )
    except ConfigError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(ExitStatus.REFUSED)


def _run_all(arguments: argparse.Namespace) -> int:
    """Make every run and return the exit status."""
    requested_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    default_name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    configs = _compose_or_exit(arguments, default_name)

    from bench import files
    from bench.config import compose
    from bench.config.errors import ConfigError
    from bench.config.user_files import find_user_folder
    from bench.data.errors import DatasetError
    from bench.sweep import jobs, launchers, planning, summary
    from bench.sweep.progress import TimeLeft

    planned: list[jobs.Job] = []
    interrupted = False
    try:
        launcher, numbers = compose.launcher_of(arguments.overrides)
        user_folder = find_user_folder(arguments.config_dir)
        planned, records = planning.plan(configs, default_name, requested_at, user_folder)
        launchers.run_all(planned, TimeLeft(planned, records), launcher, numbers)
    except (ConfigError, DatasetError, files.FileError) as error:  # the other runs would fail too
        print_error("bench", error)
        return ExitStatus.REFUSED
    except OSError as error:
        if error.errno not in files.UNWRITABLE:
            raise
        place = error.filename or jobs.folder_of(configs[0])
        print(f"bench: {printable(place)}: can't be written to: {error.strerror}", file=sys.stderr)
        return ExitStatus.REFUSED
    except KeyboardInterrupt:
        interrupted = True
    status = summary.conclude(planned) if planned else ExitStatus.OK
    if not interrupted:
        return status
    words = ["bench", *sys.argv[1:]]
    if planned and configs[0].sweep_name == default_name:
        words.append(f"sweep_name={planned[0].config.sweep_name}")
    print(f"To go on from here: {shlex.join(words)}")
    return ExitStatus.INTERRUPTED
