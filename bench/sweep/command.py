"""`bench`: the command that runs one configuration or a sweep of them. Hydra does the composing."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import hydra
from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig

from bench.console import printable

if TYPE_CHECKING:
    from bench.config.schema import RunConfig


@hydra.main(version_base="1.3", config_path="pkg://conf", config_name="config")
def _answer(_: DictConfig) -> None:
    """Let Hydra answer what trains nothing, such as --help; it never gets as far as this."""


def main() -> None:
    """Run what the command line asks for, print a table of it, and exit."""
    try:
        _main()
    except KeyboardInterrupt:  # before there was anything to tell of
        sys.exit(130)


def _main() -> None:
    arguments = get_args_parser().parse_intermixed_args()
    # Hydra itself wants all flags on one side of the overrides.
    flags = [word for word in sys.argv[1:] if word not in arguments.overrides]
    sys.argv[1:] = [*flags, *arguments.overrides]
    if not _only_asks(arguments):
        sys.exit(_run_all(arguments))
    if (arguments.overrides or arguments.config_dir) and not arguments.shell_completion:
        _compose_or_exit(arguments)  # a mistake is explained in one line here as well
    _answer()


def _only_asks(arguments: argparse.Namespace) -> bool:
    """Say whether nothing is to be run: --help, --cfg, --info, shell completion."""
    return bool(
        arguments.help
        or arguments.hydra_help
        or arguments.cfg
        or arguments.info
        or arguments.shell_completion
    )


def _refuse_other_sources(arguments: argparse.Namespace) -> None:
    """Refuse Hydra's ways around the project's configuration; one of them unpickles a file."""
    from bench.config.schema import ConfigError

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
    """Return the runs asked for."""
    # Imported here because --help and shell completion must not wait for NumPy.
    from bench.config import compose
    from bench.config.schema import ConfigError

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
        sys.exit(2)


def _run_all(arguments: argparse.Namespace) -> int:
    """Make every run and return the exit status."""
    began = datetime.now(UTC)
    default_name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    configs = _compose_or_exit(arguments, default_name)

    from bench import files
    from bench.config.schema import ConfigError
    from bench.data.datasets import DatasetError
    from bench.results import store
    from bench.sweep import launchers, scheduler

    interrupted = False
    try:
        configs = scheduler.begin(configs)
        launchers.make_all(configs, began.isoformat(timespec="milliseconds"), arguments.overrides)
    except (ConfigError, DatasetError, store.StoreError) as error:
        # The runs still to come would meet the same.
        print(f"bench: {printable(error)}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in files.UNWRITABLE:
            raise
        place = error.filename or scheduler.folder_of(configs[0])
        print(
            f"bench: {printable(place)}: can't be written to: {error.strerror}",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        interrupted = True
    status = scheduler.conclude(configs)
    if not interrupted:
        return status
    words = ["bench", *sys.argv[1:]]
    if configs[0].sweep_name == default_name:
        words.append(f"sweep_name={default_name}")
    print(f"To go on from here: {shlex.join(words)}")
    return 130
