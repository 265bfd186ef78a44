"""A real SLURM of two nodes, without accounting."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.clusters.processes import MAX_WAIT_SECONDS, free_ports
from tests.processes import wait_for

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
SLURM_NODES = ("n1", "n2")

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
    """The daemons of a cluster; `environment` lets commands find it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join((os.environ["PATH"], "/usr/sbin")),
        }

    def start(self) -> None:
        """Start the daemons and wait until both nodes are idle."""
        folder = self._folder
        for name in ("state", *(f"spool.{node}" for node in SLURM_NODES)):
            (folder / name).mkdir(parents=True)
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
        for node in SLURM_NODES:
            self.start_node(node)
        wait_for(self._is_idle, MAX_WAIT_SECONDS)

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._start("slurmd", "-D", "-N", node, name=node)

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

    def kill_daemon(self, node: str) -> None:
        """Kill the daemon of a node; its jobs go on."""
        daemon = self._daemons.pop(node)
        daemon.kill()
        daemon.wait()

    def repair(self) -> None:
        """Start daemons that were killed, and wait until both nodes are idle."""
        for node in SLURM_NODES:
            if node not in self._daemons:
                self.start_node(node)
        wait_for(self._is_idle, MAX_WAIT_SECONDS)

    def _is_idle(self) -> bool:
        states = self.command("sinfo", "-h", "-N", "-o", "%t").split()
        for node in SLURM_NODES:
            if states != ["idle"] * len(SLURM_NODES):
                self.command("scontrol", "update", f"nodename={node}", "state=resume")
        return states == ["idle"] * len(SLURM_NODES)

    def kill_node(self, node: str) -> None:
        """Kill the daemon of a node and all processes of its jobs, as a power failure would."""
        self.kill_daemon(node)
        for pid in self.processes_of(node):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def processes_of(self, node: str) -> list[int]:
        """Return the processes that belong to the jobs of a node."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                environment = (path / "environ").read_bytes()
                command = (path / "cmdline").read_bytes()
            except OSError:
                continue
            is_job = f"SLURMD_NODENAME={node}\0".encode() in environment
            is_ours = str(self._folder).encode() in environment
            is_step = command.startswith(b"slurmstepd") and f".{node}".encode() in command
            if (is_job and is_ours) or is_step:
                found.append(int(path.name))
        return found

    def command(self, *words: str) -> str:
        """Run a command of SLURM and return what it prints; "" if it fails."""
        ended = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=False
        )
        return ended.stdout if ended.returncode == 0 else ""

    def stop(self) -> None:
        """End jobs and daemons."""
        self.command("scancel", "--user=root")
        for name in (*SLURM_NODES, "slurmctld", "munged"):
            if name in self._daemons:
                self._daemons[name].terminate()
                try:
                    self._daemons[name].wait(timeout=30)
                except subprocess.TimeoutExpired:
                    self._daemons[name].kill()
                    self._daemons[name].wait()


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
