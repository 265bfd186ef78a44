"""`bench.run`: the command `bench` as a function."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bench.api.plain_errors import plain_errors
from bench.api.sources import Records
from bench.config.errors import ConfigError
from bench.console import printable
from bench.results import store
from bench.sweep import command, execution, summary


@plain_errors
def run(
    overrides: Sequence[str] = (), *, config_dir: str | os.PathLike[str] | None = None
) -> Records:
    """Execute one run, or a sweep of runs, each in a process of its own; print the progress.

    Finished runs of a sweep with a `sweep_name` are kept: the same call continues it. Results are
    in `results/<sweep_name>` of the current folder.

    Args:
        overrides: what is typed after `bench`, such as `["implementation=numpy,keras"]`. Several
            values of a key make a sweep, with or without `-m`.
        config_dir: a folder that adds choices, as `--config-dir`.

    Returns:
        The records of these runs. A run that failed has a record, too: see its `status`.

    Raises:
        BenchError: nothing can be run: a setting is invalid, or the dataset or a folder can't be
            used. The message is that of the command.
        KeyboardInterrupt: interrupted; finished runs are kept.
    """
    if isinstance(overrides, str):
        raise ConfigError(f"{overrides!r}: give a list of words, such as {overrides.split()!r}")
    arguments = command.parse(overrides)
    if arguments.help or arguments.cfg or arguments.shell_completion:
        raise ConfigError("--help, --cfg and --shell-completion train nothing: use a terminal")
    if config_dir is not None and arguments.config_dir is not None:
        raise ConfigError("config_dir: given more than once; give one folder")
    folder = arguments.config_dir if config_dir is None else os.fspath(config_dir)
    request = execution.check(arguments.overrides, multirun=True, config_folder=folder)
    ended = execution.execute(request)
    if ended.interrupted:
        option = f", config_dir={os.fspath(config_dir)!r}" if config_dir is not None else ""
        print(f"To continue: bench.run({[*overrides, *ended.words_to_continue]}{option})")
        raise KeyboardInterrupt
    return _records(summary.sweeps_of(ended.jobs))


def _records(sweeps: Sequence[store.Sweep]) -> Records:
    """Return the records of sweeps, and print where they are."""
    if not sweeps:
        raise store.StoreError("the folder of the results was deleted during the runs")
    for line in (line for sweep in sweeps for line in sweep.unreadable):
        print(f"Not read: {printable(line)}")
    for sweep in sweeps:
        print(f"Results: {sweep.folder}")
    folders = tuple(Path(sweep.folder).absolute() for sweep in sweeps)
    return Records(store.merged(sweeps), folders)
