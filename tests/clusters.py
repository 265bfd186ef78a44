"""Real clusters of two nodes on this machine's loopback interface: SLURM and Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest
from psutil import Process

from bench.results import store
from tests.conftest import SCRIPTS

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
SLURM_NODES = ("n1", "n2")
RAY_ATTEMPT = "mlp-bench-attempt-"  # in the command of a process that executes a block
START_SECONDS = 180
# Two runs of some seconds in a block, so that it does not end before it is disturbed.
SLOW = ("implementation=notebook", "learning_rate=0.01,0.1", "epochs=10", "seed=0,1")

RAY_HEAD, *RAY_NODES = "127.0.0.2", "127.0.0.11", "127.0.0.12"  # Ray replaces 127.0.0.1
RAY_OPTIONS = (
    "--block", "--include-log-monitor=false", "--disable-usage-stats",
    "--object-store-memory=80000000",
)  # fmt: skip

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
        wait_until(lambda: (folder / "munge.socket").exists())
        self._start("slurmctld", "-D")
        for node in SLURM_NODES:
            self.start_node(node)
        wait_until(self._is_idle)

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
        wait_until(self._is_idle)

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


def free_ports(n: int) -> list[int]:
    """Return ports of the loopback interface that nobody uses now."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(condition) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the cluster did not start"
        time.sleep(0.1)


class RayCluster:
    """A head without work and two nodes, each a process group."""

    def __init__(self, folder):
        self._folder = folder
        self._sockets = tempfile.TemporaryDirectory(
            prefix="ray-", ignore_cleanup_errors=True
        )  # paths of sockets are limited
        self.address = f"{RAY_HEAD}:{free_ports(1)[0]}"
        self._processes = {}

    def start(self):
        port = self.address.partition(":")[2]
        self._start(
            RAY_HEAD, "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false",
            f"--temp-dir={self._sockets.name}",
        )  # fmt: skip
        for node in RAY_NODES:
            self.start_node(node)

    def start_node(self, node):
        words = ("--num-cpus=1", '--resources={"bench":1}')
        self._start(node, f"--address={self.address}", *words)

    def _start(self, node, *words):
        """Start the processes of a node; on a busy machine, Ray may give up: then once more."""
        for is_last in (False, False, True):
            self._processes[node] = self._popen(node, words)
            wait_until(lambda: self._is_started(node) or self._processes[node].poll() is not None)
            if self._processes[node].poll() is None:
                return
            assert not is_last, (self._folder / node).read_text()
            self.kill_node(node)

    def _popen(self, node, words):
        command = [str(SCRIPTS / "ray"), "start", f"--node-ip-address={node}", *RAY_OPTIONS, *words]
        with (self._folder / node).open("wb") as output:
            return subprocess.Popen(
                command,
                env=os.environ | {"RAY_raylet_start_wait_time_s": "120"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _is_started(self, node):
        return "Ray runtime started" in (self._folder / node).read_text()

    def busy_node(self):
        """Wait until a node executes a block, and return the node."""
        wait_until(lambda: pids_with(RAY_ATTEMPT))
        pid = min(pids_with(RAY_ATTEMPT), key=lambda pid: Process(pid).create_time())
        ancestors = [" ".join(process.cmdline()) for process in Process(pid).parents()]
        return next(node for node in RAY_NODES if any(f"={node} " in words for words in ancestors))

    def kill_node(self, node):
        """Kill all processes of a node, as a power failure would."""
        process = self._processes.pop(node)
        process.kill()
        for pid in [
            *pids_with(f"--node-ip-address={node}"),
            *pids_with(f"--node_ip_address={node}"),
        ]:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()

    def repair(self):
        """Start nodes that were killed."""
        for node in RAY_NODES:
            if node not in self._processes:
                self.start_node(node)

    def stop(self):
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._sockets.cleanup()


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


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    """Start a real Ray cluster of two nodes."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed")
    cluster = RayCluster(tmp_path_factory.mktemp("ray"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def read(tmp_path):
    return store.read_sweep(tmp_path / "results" / "night")


def check_whole_blocks(records, n_blocks):
    """Check that every run is there once, and every block is of one node and one attempt."""
    blocks = defaultdict(list)
    for record in records:
        assert record.status == "done", record.error
        blocks[record.block].append(record)
    assert len(blocks) == n_blocks
    for members in blocks.values():
        assert len({record.run_id for record in members}) == 2
        assert len({(record.node, record.attempt) for record in members}) == 1
        assert sorted(record.position for record in members) == [1, 2]
    return {block: members[0].attempt for block, members in blocks.items()}


def running_block(tmp_path):
    """Wait until a node has finished a run of a block; return the attempt's folder."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for record in (tmp_path / "results" / "night" / "attempts").glob("block-*/*/record.json"):
            if not (record.parents[1] / "outcome.json").exists():
                return record.parents[1]
        time.sleep(0.05)
    pytest.fail("no block was started")


def pids_with(text):
    """Return the other processes whose command line contains a text, with null characters."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (path / "cmdline").read_bytes() and int(path.name) != os.getpid():
                found.append(int(path.name))
    return found
