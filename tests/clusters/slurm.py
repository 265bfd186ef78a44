"""A real SLURM of two nodes, without accounting."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.clusters.processes import MAX_WAIT_SECONDS, free_ports, parents_of, pids_of
from tests.processes import wait_for

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
STEP = "slurmstepd:"  # in the command of the process that supervises a job

CONFIGURATION = """
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdTimeout=10
KillWait=5
ReturnToService=2
MpiDefault=none
NodeName=n1 NodeAddr=127.0.0.1 NodeHostname={host} Port={ports[1]} CPUs={cores} State=UNKNOWN
NodeName=n2 NodeAddr=127.0.0.1 NodeHostname={host} Port={ports[2]} CPUs={cores} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """Return the programs that are not installed."""
    path = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


class SlurmCluster:
    """The daemons of a cluster; `environment` lets commands find it, `words` let `bench` use it."""

    nodes = ("n1", "n2")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scratch = tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True)
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        setup = f"export TMPDIR={self._scratch.name}/$SLURMD_NODENAME"
        self.words = ("launcher=slurm", "launcher.minutes=10", f"launcher.setup=['{setup}']")
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join((os.environ["PATH"], "/usr/sbin")),
        }

    def start(self) -> None:
        """Start the daemons and wait until both nodes are idle."""
        folder = self._folder
        for name in ("state", *(f"spool.{node}" for node in self.nodes)):
            (folder / name).mkdir(parents=True)
        for node in self.nodes:
            Path(self._scratch.name, node).mkdir()
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        host = socket.gethostname().partition(".")[0]
        settings = {"folder": folder, "host": host, "ports": free_ports(3), "cores": os.cpu_count()}
        (folder / "slurm.conf").write_text(CONFIGURATION.format(**settings))
        self._start(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
            f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed",
        )  # fmt: skip
        wait_for(lambda: (folder / "munge.socket").exists(), MAX_WAIT_SECONDS)
        self._start("slurmctld", "-D")
        self.repair()

    def _start(self, program: str, *words: str, name: str = "") -> None:
        with (self._folder / f"{name or program}.output").open("ab") as output:
            self._daemons[name or program] = subprocess.Popen(
                [program, *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def repair(self) -> None:
        """Start the daemons of nodes that do not run, and wait until all nodes are idle."""
        for node in self.nodes:
            if node not in self._daemons or self._daemons[node].poll() is not None:
                self._start("slurmd", "-D", "-N", node, name=node)
        wait_for(self._is_idle, MAX_WAIT_SECONDS)

    def _is_idle(self) -> bool:
        states = self.command("sinfo", "-h", "-N", "-o", "%t").split()
        is_idle = states == ["idle"] * len(self.nodes)
        for node in () if is_idle else self.nodes:
            self.command("scontrol", "update", f"nodename={node}", "state=resume")
        return is_idle

    def daemons_on(self, node: str) -> list[int]:
        """Return the processes of a node that stay when no job runs."""
        return [self._daemons[node].pid]

    def workers_on(self, node: str) -> list[int]:
        """Return the processes of a node's jobs."""
        pids = pids_of(f"{self._scratch.name}/{node}")
        return [*parents_of(pids, STEP), *pids]

    def cancel(self) -> None:
        """Cancel all running jobs."""
        self.command("scancel", "--user=root", "--state=RUNNING")

    def requeue(self) -> None:
        """Requeue all running jobs, although they were submitted with --no-requeue."""
        for job in self.command("squeue", "-h", "-o", "%A", "--states=RUNNING").split():
            self.command("scontrol", "update", f"jobid={job}", "requeue=1")
            self.command("scontrol", "requeue", job)

    def command(self, *words: str) -> str:
        """Run a command of SLURM and return what it prints; "" if it fails."""
        ended = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=False
        )
        return ended.stdout if ended.returncode == 0 else ""

    def stop(self) -> None:
        """End jobs and daemons."""
        self.command("scancel", "--user=root")
        for name in (*self.nodes, "slurmctld", "munged"):
            if name in self._daemons:
                self._daemons[name].terminate()
                try:
                    self._daemons[name].wait(timeout=30)
                except subprocess.TimeoutExpired:
                    self._daemons[name].kill()
                    self._daemons[name].wait()
        self._scratch.cleanup()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Start a real SLURM of two nodes."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}; `make slurm` installs them")
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed")
    if os.getuid() != 0:
        pytest.skip("the daemons of SLURM need root")
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
