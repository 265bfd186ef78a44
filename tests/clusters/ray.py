"""A real Ray cluster: a head without work, and two nodes."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import tempfile

import pytest
from psutil import Process

from tests.clusters.processes import MAX_WAIT_SECONDS, free_ports, pids_with
from tests.conftest import SCRIPTS
from tests.processes import wait_for

RAY_ATTEMPT = "mlp-bench-attempt-"  # in the command of a process that executes a block
RAY_HEAD, *RAY_NODES = "127.0.0.2", "127.0.0.11", "127.0.0.12"  # Ray replaces 127.0.0.1
RAY_OPTIONS = (
    "--block", "--include-log-monitor=false", "--disable-usage-stats",
    "--object-store-memory=80000000",
)  # fmt: skip


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
            wait_for(
                lambda: self._is_started(node) or self._processes[node].poll() is not None,
                MAX_WAIT_SECONDS,
            )
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
        wait_for(lambda: pids_with(RAY_ATTEMPT), MAX_WAIT_SECONDS)
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
