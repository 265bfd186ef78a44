"""Hydra's launchers: `hydra/launcher=joblib` and `submitit_local`.

A launcher decides in which processes runs are made; there each is made as `bench` makes it:
isolated, one at a time on a machine, with the same record at the end.
"""

from __future__ import annotations

import functools
import os
import select
import signal
import threading
from collections.abc import Sequence

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from bench.config import compose
from bench.config.hydra_settings import LAUNCHER
from bench.config.schema import ConfigError, RunConfig
from bench.machine.facts import usable_cores
from bench.process.supervisor import Supervisor
from bench.sweep import scheduler

FOLDER = ".launcher"  # in the sweep's, for what launchers write
# A job's time would be up while it waits for the machine; its run has a limit of its own.
LONG_MINUTES = 10 * 365 * 24 * 60


def make_all(configs: Sequence[RunConfig], began: str, words: Sequence[str]) -> None:
    """Make runs, through a launcher where the words of the command line ask for one.

    Args:
        began: as for `sweep.execute`.

    Raises:
        ConfigError: there is no such launcher, or a run could not be made.
        StoreError: a record can't be written.
    """
    name, numbers = compose.launcher_of(words)
    if name == "basic":
        scheduler.execute_all(configs, began)
        return
    group_size, n_cores = len(configs), len(usable_cores())
    if name == "submitit_local":  # it starts all of its jobs at once
        group_size = n_cores
        numbers = {"timeout_min": LONG_MINUTES} | numbers
    elif name == "joblib":  # a process that gets no run knows of no end
        numbers = {"n_jobs": min(n_cores, group_size)} | numbers
    failures = []
    for start in range(0, len(configs), group_size):
        failures += _launch(configs[start : start + group_size], began, name, numbers)
    if failures:
        raise ConfigError(f"{LAUNCHER}={name}: a run could not be made: {failures[0]}")


def _launch(
    configs: Sequence[RunConfig], began: str, name: str, numbers: dict[str, int]
) -> list[BaseException]:
    """Have a launcher make runs, and return what went wrong.

    It composes no configuration but Hydra's own: of what the user has written it sees a name and
    numbers.
    """
    folder = str(scheduler.folder_of(configs[0]).absolute() / FOLDER)
    quoted = folder.replace("\\", "\\\\").replace("'", "\\'")
    with compose.set_up(None) as loader:
        if name not in loader.get_group_options(LAUNCHER):
            extra = name.partition("_")[0]
            raise ConfigError(f"{LAUNCHER}={name}: not installed; make setup EXTRAS={extra}")
        base = compose.compose_all(
            [
                f"{LAUNCHER}={name}",
                *(f"hydra.launcher.{key}={value}" for key, value in numbers.items()),
                f"hydra.sweep.dir='{quoted}'",
                *("hydra.sweep.subdir=.", "hydra.output_subdir=null"),
            ]
        )
        with open_dict(base):
            base.hydra.job.name = "bench"
        version.setbase("1.3")
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks()),
            task_function=functools.partial(make_run, tuple(configs), began, os.getpid()),
            config=base,
        )
        try:
            ended = launcher.launch([[] for _ in configs], initial_job_idx=0)
        except Exception as error:  # noqa: BLE001  # a job that has died is told in many ways
            return [error]
    return [job._return_value for job in ended if job.status != JobStatus.COMPLETED]


def make_run(configs: Sequence[RunConfig], began: str, command: int, _: DictConfig) -> None:
    """Make one run; called by a launcher, in a process that ends when that of the command does."""
    _end_with(command)
    config = configs[HydraConfig.get().job.num]
    with Supervisor() as launcher:
        scheduler.execute(config, launcher, began, wait=True)


@functools.cache  # joblib makes several runs in a process
def _end_with(process: int) -> None:
    """Be killed when a process ends, even by a kill, where the system tells of others' ends."""

    def watch() -> None:
        try:
            select.select([os.pidfd_open(process)], [], [])
        except ProcessLookupError:  # it has ended already
            pass
        except OSError:  # an old kernel, or a sandbox that forbids to ask
            return
        os.kill(os.getpid(), signal.SIGKILL)

    if hasattr(os, "pidfd_open"):
        threading.Thread(target=watch, daemon=True).start()
