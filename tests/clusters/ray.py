"""A real Ray cluster: a head without work, and two nodes."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from bench.machine import usage
from tests.clusters.processes import (
    MAX_WAIT_SECONDS,
    command_of,
    free_ports,
    parents_of,
    pids_of,
    send,
)
from tests.conftest import SCRIPTS
from tests.processes import wait_for

RAY_WORKER = "ray::execute"
WORKERS = re.compile(r"bench\.sweep\.cluster\.node|bench\.process\.fork_server")
RAY_OPTIONS = (
    "--block", "--include-log-monitor=false", "--disable-usage-stats",
    "--object-store-memory=80000000",
)  # fmt: skip


class RayCluster:
    """A head without work and two nodes, each a process group.

    The addresses are the cluster's own, so that several clusters on this machine do not meet.
    """

    environment = None

    def __init__(self, folder):
        self._folder = folder
        self._scratch = tempfile.TemporaryDirectory(
            prefix="ray-", ignore_cleanup_errors=True
        )  # paths of sockets are limited
        network = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"  # noqa: S311
        self._head, *self.nodes = (f"{network}.{host}" for host in (2, 11, 12))
        self.address = f"{self._head}:{free_ports(1)[0]}"
        self.words = ("launcher=ray", f"launcher.address={self.address}")
        self._processes = {}

    def start(self):
        port = self.address.partition(":")[2]
        self._start(
            self._head, "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false",
            f"--temp-dir={self._scratch.name}",
        )  # fmt: skip
        self.repair()

    def repair(self):
        """Start the nodes that do not run."""
        for node in self.nodes:
            if node not in self._processes or self._processes[node].poll() is not None:
                send(signal.SIGKILL, pids_of(self._temporary(node)))
                words = ("--num-cpus=1", '--resources={"bench":1}')
                self._start(node, f"--address={self.address}", *words)

    def _temporary(self, node):
        return f"{self._scratch.name}/{node}"

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
            send(signal.SIGKILL, pids_of(self._temporary(node)))

    def _popen(self, node, words):
        command = [str(SCRIPTS / "ray"), "start", f"--node-ip-address={node}", *RAY_OPTIONS, *words]
        Path(self._temporary(node)).mkdir(exist_ok=True)
        variables = {
            "RAY_AUTH_MODE": "disabled",  # also if this user has a token
            "RAY_raylet_start_wait_time_s": "120",
            "TMPDIR": self._temporary(node),
        }
        with (self._folder / node).open("wb") as output:
            return subprocess.Popen(
                command,
                env=os.environ | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _is_started(self, node):
        return "Ray runtime started" in (self._folder / node).read_text()

    def workers_on(self, node):
        """Return the processes of a node that execute blocks."""
        pids = [pid for pid in pids_of(self._temporary(node)) if WORKERS.search(command_of(pid))]
        return [*parents_of(pids, RAY_WORKER), *pids]

    def daemons_on(self, node):
        """Return the processes of a node that stay when no block is executed."""
        process = self._processes[node].pid
        family = [process, *usage.descendants(process), *pids_of(self._temporary(node))]
        return sorted({*family} - {*self.workers_on(node)})

    def stop(self):
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._scratch.cleanup()


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
