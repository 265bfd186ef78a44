"""Attempts as jobs of SLURM: one exclusive node each, submitted with submitit as job arrays.

Accounting is not needed: states are read with `squeue --states=all`, which lists jobs that ended a
few minutes ago. A job that is not listed has ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.config.schema import LauncherConfig
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.launcher import LauncherError, Node, Placement

LOGS = "slurm"  # folder of submitit's files, below that of the attempts
MAX_WAITING = 1_000  # jobs submitted at a time, in one array
COMMAND_SECONDS = 60
WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"})
RUNNING = frozenset({
    "RUNNING", "COMPLETING", "STAGE_OUT", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING",
})  # fmt: skip
USABLE_NODES = ("idle", "mixed", "allocated", "completing", "planned")


def execute(folder: str) -> int:
    """Execute an attempt in a job; called on the node by submitit."""
    name = os.environ.get("SLURMD_NODENAME", "")
    command = [sys.executable, "-m", "bench.sweep.cluster.node", folder, name]
    return subprocess.run(command, check=False).returncode  # noqa: S603


class SlurmLauncher:
    """Submits attempts to SLURM and asks `squeue` for them."""

    def __init__(self, settings: LauncherConfig, folder: Path) -> None:
        """Check that SLURM's commands and submitit are there.

        Args:
            settings: the configuration's `launcher`.
            folder: of the attempts; all nodes must have it under the same path.

        Raises:
            LauncherError: a command or submitit is missing.
        """
        for command in ("sbatch", "squeue", "scancel"):
            if shutil.which(command) is None:
                raise LauncherError(
                    f"launcher=slurm: {command} is not on PATH; start bench on a login node"
                )
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise LauncherError(
                "launcher=slurm: submitit is not installed; pip install 'mlp-bench[slurm]'"
            ) from error
        self._settings = settings
        self._logs = folder / LOGS
        self._jobs: dict[Attempt, str] = {}

    def nodes(self) -> dict[str, Node]:
        """Return the nodes of the partition."""
        partition = self._settings.partition
        words = ["--noheader", "--Node", "--format=%N|%T"]
        listed = _output("sinfo", *words, *([f"--partition={partition}"] if partition else []))
        found = {}
        for line in listed.splitlines():
            name, _, state = line.strip().partition("|")
            # A star says that the node does not answer.
            usable = state.startswith(USABLE_NODES) and not state.endswith("*")
            found[name] = Node(state=state, usable=usable)
        return found

    def n_free(self, excluded: frozenset[str]) -> int:
        """Return how many more jobs may wait; SLURM chooses their nodes."""
        if excluded and self.nodes().keys() <= excluded:
            return 0
        return MAX_WAITING - len(self._jobs)

    def start(
        self, folders: Mapping[Attempt, Path], excluded: frozenset[str]
    ) -> dict[Attempt, str]:
        """Submit the attempts, several as one job array; see `Launcher.start`."""
        import submitit

        executor = submitit.SlurmExecutor(self._logs)
        executor.update_parameters(**self._parameters(excluded))
        try:
            jobs = executor.map_array(execute, [str(path.absolute()) for path in folders.values()])
        except submitit.core.utils.FailedJobError as error:
            raise LauncherError(f"launcher=slurm: sbatch failed: {error}") from error
        started = {attempt: job.job_id for attempt, job in zip(folders, jobs, strict=True)}
        self._jobs |= started
        return started

    def _parameters(self, excluded: frozenset[str]) -> dict[str, object]:
        settings = self._settings
        return {
            "job_name": "mlp-bench",
            "time": settings.minutes,
            "nodes": 1,
            "ntasks_per_node": 1,
            "exclusive": True,
            "use_srun": False,  # a step of srun would be bound to one core
            # All memory of the node, too: exclusive jobs get its cores and GPUs only.
            "additional_parameters": {"no-requeue": True, "mem": 0},
            **({"partition": settings.partition} if settings.partition else {}),
            **({"setup": list(settings.setup)} if settings.setup else {}),
            **({"array_parallelism": settings.nodes} if settings.nodes else {}),
            **({"exclude": ",".join(sorted(excluded))} if excluded else {}),
        }

    def resume(self, attempt: Attempt, engine_id: str) -> None:
        """Watch a job of an earlier command."""
        self._jobs[attempt] = engine_id

    def active(self) -> dict[Attempt, Placement]:
        """Return the attempts whose jobs wait or run."""
        if not self._jobs:
            return {}
        words = ("--noheader", "--array", "--states=all", f"--user={os.getuid()}")
        states: dict[str, tuple[str, str]] = {}
        for line in _output("squeue", *words, "--format=%F|%K|%T|%N").splitlines():
            array, task, state, node = line.strip().split("|")
            states[array if task == "N/A" else f"{array}_{task}"] = state, node
        active = {}
        for attempt, job_id in self._jobs.items():
            state, node = states.get(job_id, ("", ""))
            if state in WAITING | RUNNING:
                active[attempt] = Placement(running=state in RUNNING, node=node or None)
        self._jobs = {
            attempt: job_id for attempt, job_id in self._jobs.items() if attempt in active
        }
        return active

    def cancel(self, attempts: Iterable[Attempt]) -> None:
        """Cancel jobs."""
        jobs = [self._jobs.pop(attempt) for attempt in attempts if attempt in self._jobs]
        if jobs:
            _output("scancel", *jobs)

    def close(self) -> None:
        """Do nothing: jobs belong to SLURM."""


def _output(*command: str) -> str:
    """Run a command of SLURM and return what it prints.

    Raises:
        LauncherError: it fails, or does not answer.
    """
    try:
        ended = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=True, timeout=COMMAND_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise LauncherError(f"{command[0]} did not answer in {COMMAND_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise LauncherError(f"{command[0]}: {error.stderr.strip()}") from error
    return ended.stdout
