"""`bench`: the command that runs one configuration or a sweep of them. Hydra does the composing."""

from __future__ import annotations

import argparse
import sys

import hydra
from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="pkg://conf", config_name="config")
def make_run(composed: DictConfig) -> None:
    """Make one run; Hydra's launcher calls this once for each."""
    from bench import overrides, sweep

    sweep.execute(overrides.to_run_config(composed, overrides.name_for_now()))


def main() -> None:
    """Run what the command line asks for, print a table of it, and exit."""
    arguments = get_args_parser().parse_args()
    if _only_asks(arguments):
        make_run()
        return
    sys.exit(_run_all(arguments))


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
    from bench.config import ConfigError

    for flag in ("config_path", "config_name", "experimental_rerun"):
        value = getattr(arguments, flag)
        if value is not None:
            raise ConfigError(
                f"--{flag.replace('_', '-')}={value}: not offered; overrides are given as "
                "key=value, and files of your own with --config-dir"
            )


def _run_all(arguments: argparse.Namespace) -> int:
    # Imported here because --help and shell completion must not wait for NumPy.
    from bench import overrides, store, sweep
    from bench.config import ConfigError
    from bench.datasets import DatasetError
    from bench.report.terminal import print_runs

    interrupted = False
    try:
        _refuse_other_sources(arguments)
        default_name = overrides.name_for_now()
        configs = overrides.compose_runs(
            arguments.overrides,
            default_name=default_name,
            multirun=arguments.multirun,
            config_folder=arguments.config_dir,
        )
        sweep.begin(configs)
        if any(config.sweep_name == default_name for config in configs):
            sys.argv.append(f"sweep_name={default_name}")  # the same for every run
        try:
            make_run()
        except KeyboardInterrupt:
            interrupted = True
        folders = dict.fromkeys(sweep.folder_of(config) for config in configs)
        run_ids = {config.run_id for config in configs}
        records = []
        for folder in folders:
            made = store.read_sweep(folder)
            records += [record for record in made.records if record.run_id in run_ids]
        print_runs(records)
        for folder in folders:
            print(f"Results: {folder}   Report: bench-report {folder}")
    except (ConfigError, DatasetError, store.StoreError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 130 if interrupted else sweep.exit_status(records)
