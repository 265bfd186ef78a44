"""Launchers: in which processes the runs of a sweep are supervised.

By default in the command's own. With `hydra/launcher=joblib` or `submitit_local`, in processes of
those libraries; there each run is made as the command itself makes it: isolated, one at a time on a
machine, with the same record at the end.
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

FOLDER = ".launcher"  # in the sweep's: what submitit writes
# A job waits for the machine, and its time limit would run out; its run has a limit of its own.
LONG_MINUTES = 10 * 365 * 24 * 60


Execute = Callable[[Job], str | None]  # returns why the run could not be made


def run_all(
    jobs: Sequence[Job], time_left: TimeLeft, launcher: str, numbers: dict[str, int]
) -> None:
    """Make the runs of a sweep with a launcher.

    Args:
        jobs: the runs, in order.
        time_left: of the sweep; not shown by a launcher, whose processes don't know of each other.
        launcher: `basic` for none, `joblib` or `submitit_local`.
        numbers: the launcher's settings, such as `n_jobs`.

    Raises:
        ConfigError: the launcher isn't installed, or a run could not be made with it.
        LockError: the machine's lock can't be used.
        StoreError: a record can't be written.
    """
    if launcher == "basic":
        scheduler.execute_all(jobs, time_left)
        return
    module, launch = LAUNCHERS[launcher]
    if importlib.util.find_spec(module) is None:
        remedy = adapt_commands(f"make setup EXTRAS={module}")
        raise ConfigError(f"{LAUNCHER}={launcher}: not installed; {remedy}")
    try:
        failures = launch(jobs, functools.partial(_execute, os.getpid()), numbers)
    except Exception as error:  # noqa: BLE001  # each library has its own ways to report a lost process
        failures = [repr(error)]
    if failures:
        raise ConfigError(f"{LAUNCHER}={launcher}: a run could not be made: {failures[0]}")


def _with_joblib(jobs: Sequence[Job], execute: Execute, numbers: dict[str, int]) -> list[str]:
    from joblib import Parallel, delayed  # type: ignore[import-untyped, unused-ignore]

    # A process without a run would not notice the end of the command.
    n_jobs = numbers.get("n_jobs", min(len(usable_cores()), len(jobs)))
    return list(filter(None, Parallel(n_jobs=n_jobs)(delayed(execute)(job) for job in jobs)))


def _with_submitit(jobs: Sequence[Job], execute: Execute, numbers: dict[str, int]) -> list[str]:
    import submitit

    executor = submitit.AutoExecutor(cluster="local", folder=jobs[0].sweep_folder / FOLDER / "%j")
    executor.update_parameters(**{"name": "bench", "timeout_min": LONG_MINUTES} | numbers)
    failures: list[str] = []
    # It starts all jobs that it is given at once.
    n_at_once = len(usable_cores())
    for start in range(0, len(jobs), n_at_once):
        submitted = [executor.submit(execute, job) for job in jobs[start : start + n_at_once]]
        failures += filter(None, [job.result() for job in submitted])
    return failures


LAUNCHERS = {"joblib": ("joblib", _with_joblib), "submitit_local": ("submitit", _with_submitit)}


def _execute(command: int, job: Job) -> str | None:
    """Make one run in a launcher's process, which ends when the command's does.

    Args:
        command: the command's process.
        job: the run.

    Returns:
        Why the run could not be made; None if it has a record.
    """
    _end_with(command)
    try:
        with Supervisor() as supervisor:
            scheduler.execute(job, supervisor, TimeLeft([], []), wait=True)
    except Exception as error:  # noqa: BLE001  # not every exception survives the way to the command
        return str(error) or repr(error)
    return None


@functools.cache  # joblib executes several jobs in one process
def _end_with(process: int) -> None:
    """Watch another process, and kill this one as soon as that has ended, however it ended.

    Where the system has no pidfd (an old kernel, macOS, some sandboxes) nothing is watched.
    """

    def watch() -> None:
        try:
            select.select([os.pidfd_open(process)], [], [])
        except ProcessLookupError:  # it has ended already
            pass
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    if hasattr(os, "pidfd_open"):
        threading.Thread(target=watch, daemon=True).start()
