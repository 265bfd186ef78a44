"""Launchers: the processes that execute the jobs of a sweep.

By default the command itself. With `hydra/launcher=joblib` or `submitit_local`, processes of these
libraries, which execute jobs as the command does: each run in a child process, one at a time on a
machine, with the same record.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import select
import signal
import threading
from collections.abc import Callable, Sequence

from bench.config.errors import ConfigError
from bench.config.hydra_settings import LAUNCHER
from bench.console import adapt_commands
from bench.machine.facts import usable_cores
from bench.process.supervisor import Supervisor
from bench.sweep import scheduler
from bench.sweep.jobs import Job
from bench.sweep.progress import TimeLeft

FOLDER = ".launcher"  # submitit writes to this folder in the folder of the sweep
# submitit counts the time that a job waits for the machine, so its limit must be long.
# `timeout_seconds` limits the run itself.
LONG_MINUTES = 10 * 365 * 24 * 60


Settings = dict[str, int]  # of a launcher, such as `n_jobs`
Execute = Callable[[Job], str | None]  # returns why the run could not be executed


def launch(jobs: Sequence[Job], time_left: TimeLeft, launcher: str, settings: Settings) -> None:
    """Execute the jobs of a sweep with a launcher.

    Args:
        jobs: the runs, in order.
        time_left: the estimate for the sweep; not shown with joblib or submitit: their processes
            share no state.
        launcher: `basic` for no launcher, `joblib` or `submitit_local`.
        settings: settings of the launcher.

    Raises:
        ConfigError: the launcher is not installed, or could not execute a run.
        LockError: the machine's lock can't be used.
        StoreError: a record can't be written.
    """
    if launcher == "basic":
        scheduler.execute_sweep(jobs, time_left)
        return
    module, launch_all = LAUNCHERS[launcher]
    if importlib.util.find_spec(module) is None:
        remedy = adapt_commands(f"make setup EXTRAS={module}")
        raise ConfigError(f"{LAUNCHER}={launcher}: not installed; {remedy}")
    try:
        failures = launch_all(jobs, functools.partial(_execute, os.getpid()), settings)
    except Exception as error:  # noqa: BLE001  # joblib and submitit report a lost process in many ways
        failures = [repr(error)]
    if failures:
        raise ConfigError(f"{LAUNCHER}={launcher}: a run could not be executed: {failures[0]}")


def _with_joblib(jobs: Sequence[Job], execute: Execute, settings: Settings) -> list[str]:
    from joblib import Parallel, delayed

    # A process without a job would not start to watch the command.
    n_jobs = settings.get("n_jobs", min(len(usable_cores()), len(jobs)))
    return list(filter(None, Parallel(n_jobs=n_jobs)(delayed(execute)(job) for job in jobs)))


def _with_submitit(jobs: Sequence[Job], execute: Execute, settings: Settings) -> list[str]:
    import submitit

    executor = submitit.AutoExecutor(cluster="local", folder=jobs[0].sweep_folder / FOLDER / "%j")
    executor.update_parameters(**{"name": "bench", "timeout_min": LONG_MINUTES} | settings)
    failures: list[str] = []
    n_at_once = len(usable_cores())  # submitit starts all submitted jobs at once
    for start in range(0, len(jobs), n_at_once):
        submitted = [executor.submit(execute, job) for job in jobs[start : start + n_at_once]]
        failures += filter(None, [job.result() for job in submitted])
    return failures


LAUNCHERS = {"joblib": ("joblib", _with_joblib), "submitit_local": ("submitit", _with_submitit)}


def _execute(command: int, job: Job) -> str | None:
    """Execute a job in a process of a launcher.

    Args:
        command: process id of the command; this process is killed when the command ends.
        job: the run.

    Returns:
        Why the run could not be executed; None if it has a record.
    """
    _die_with(command)
    try:
        with Supervisor() as supervisor:
            scheduler.execute_job(job, supervisor, TimeLeft([], []), wait=True)
    except Exception as error:  # noqa: BLE001  # some exceptions can't be pickled
        return str(error) or repr(error)
    return None


@functools.cache  # joblib executes several jobs in one process
def _die_with(process: int) -> None:
    """Kill this process when another process ends.

    It has no effect on systems without pidfd (an old kernel, macOS, some sandboxes).
    """

    def watch() -> None:
        try:
            select.select([os.pidfd_open(process)], [], [])
        except ProcessLookupError:  # the other process has ended already
            pass
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    if hasattr(os, "pidfd_open"):
        threading.Thread(target=watch, daemon=True).start()
