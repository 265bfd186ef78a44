"""`bench.run`: the command `bench` as a function."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.api.plain_errors import RunsInterrupted, plain_errors
from bench.api.sources import Records
from bench.config.errors import ConfigError
from bench.console import printable
from bench.results import store
from bench.results.merging import merged
from bench.sweep import command, execution, summary


@plain_errors
def run(
    overrides: Sequence[str] = (),
    *,
    config_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Records:
    """Execute one run, or a sweep of runs, each in a process of its own.

    Finished runs of a sweep with a `sweep_name` are kept: the same call continues it. Results are
    in `results/<sweep_name>` of the current folder.

    Args:
        overrides: what is typed after `bench`, such as `["implementation=numpy,keras"]`. Several
            values of a key make a sweep, with or without `-m`.
        config_dir: a folder that adds choices, as `--config-dir`.
        progress: whether to print a line for each run and epoch, and where the results are.

    Returns:
        The records of these runs. A run that failed has a record, too: see its `status`.

    Raises:
        BenchError: nothing can be run: a setting is invalid, or the dataset or a folder can't be
            used. The message is that of the command.
        KeyboardInterrupt: interrupted; the runs have ended, and finished ones are kept. The
            message is the call that continues.
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
    with contextlib.nullcontext() if progress else _nothing_printed():
        ended = execution.execute(request)
        if not ended.interrupted:
            return _records(summary.sweeps_of(ended.jobs))
    call = [repr([*overrides, *ended.words_to_continue])]
    call += [f"config_dir={os.fspath(config_dir)!r}"] if config_dir is not None else []
    call += [] if progress else ["progress=False"]
    raise RunsInterrupted(f"To continue: bench.run({', '.join(call)})")


@contextlib.contextmanager
def _nothing_printed() -> Iterator[None]:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _records(sweeps: Sequence[store.Sweep]) -> Records:
    """Return the records of sweeps, and print where they are."""
    if not sweeps:
        raise store.StoreError("the folder of the results was deleted during the runs")
    for line in (line for sweep in sweeps for line in sweep.unreadable):
        print(f"Not read: {printable(line)}")
    for sweep in sweeps:
        print(f"Results: {sweep.folder}")
    folders = tuple(Path(sweep.folder).absolute() for sweep in sweeps)
    return Records(merged(sweeps), folders)
