"""Attempts as tasks of Ray: one per node, which has the custom resource `bench`.

Ray runs a task again on its own if its worker dies; that is turned off, because the dispatcher
decides. Ray notices a frozen node late or never, so that a silent attempt is given up.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import files
from bench.config.schema import LauncherConfig
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.launcher import LauncherError, Placement
from bench.sweep.cluster.messages import REQUEST_NAME

RESOURCE = "bench"  # each node has one
MAX_SILENT_SECONDS = 60.0
CONNECT_SECONDS = 10.0


@dataclass
class _Task:
    """A running attempt."""

    generator: Any  # ray.ObjectRefGenerator of lists of files
    node_id: str
    folder: Path
    last_sign: float  # of life, on the monotonic clock


class RayLauncher:
    """Places attempts on free nodes of a Ray cluster, and writes the files that they send."""

    def __init__(self, settings: LauncherConfig) -> None:
        """Connect to the cluster of `launcher.address`, or start one on this machine.

        Raises:
            LauncherError: Ray is not installed, or the cluster can't be reached.
        """
        try:
            import ray
        except ImportError as error:
            raise LauncherError(
                "launcher=ray: ray is not installed; pip install 'mlp-bench[ray]'"
            ) from error
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if settings.address is None:
            options |= {"include_dashboard": False, "resources": {RESOURCE: 1}}
        else:
            _check_address(settings.address)
            options |= {"address": settings.address}
        try:
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise LauncherError(f"launcher.address={settings.address}: {error}") from error
        self._ray = ray
        self._max_nodes = settings.nodes
        self._tasks: dict[Attempt, _Task] = {}

    def _free_nodes(self, excluded: frozenset[str]) -> list[str]:
        """Return the ids of nodes that are alive and execute no attempt."""
        busy = {task.node_id for task in self._tasks.values()} | excluded
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        return [
            node["NodeID"]
            for node in alive
            if node["Resources"].get(RESOURCE, 0) >= 1 and node["NodeID"] not in busy
        ]

    def n_free(self, excluded: frozenset[str]) -> int:
        """Return the number of nodes that may get an attempt now."""
        free = len(self._free_nodes(excluded))
        return free if self._max_nodes is None else min(free, self._max_nodes - len(self._tasks))

    def start(
        self, folders: Mapping[Attempt, Path], excluded: frozenset[str]
    ) -> dict[Attempt, str]:
        """Start each attempt on a free node; see `Launcher.start`."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from bench.sweep.cluster import ray_node

        free = self._free_nodes(excluded)
        for (attempt, folder), node_id in zip(folders.items(), free, strict=False):
            task = self._ray.remote(ray_node.execute).options(
                num_cpus=0,
                num_returns="streaming",
                resources={RESOURCE: 1},
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
            )
            request = (folder / REQUEST_NAME).read_bytes()
            self._tasks[attempt] = _Task(
                task.remote(request, node_id), node_id, folder, time.monotonic()
            )
        return dict.fromkeys(self._tasks.keys() & folders.keys(), "")

    def resume(self, attempt: Attempt, engine_id: str) -> None:
        """Do nothing: tasks end with the command that has started them."""

    def active(self) -> dict[Attempt, Placement]:
        """Receive files; return the attempts that are still running."""
        for attempt, task in list(self._tasks.items()):
            if not self._receive(task):
                self.cancel([attempt])
        return {
            attempt: Placement(running=True, node=task.node_id)
            for attempt, task in self._tasks.items()
        }

    def _receive(self, task: _Task) -> bool:
        """Write what a task has sent; return whether it may send more."""
        while True:
            ready, _ = self._ray.wait([task.generator], timeout=0)
            if not ready:
                return time.monotonic() - task.last_sign < MAX_SILENT_SECONDS
            try:
                sent = self._ray.get(next(task.generator))
            except StopIteration:
                return False
            except self._ray.exceptions.RayError as error:
                print(f"    Ray: {type(error).__name__}: {str(error).splitlines()[0]}")
                return False
            task.last_sign = time.monotonic()
            for name, contents in sent:
                if ".." in Path(name).parts or Path(name).is_absolute():
                    raise LauncherError(f"node {task.node_id}: sent a file called {name!r}")
                files.write_atomically(task.folder / name, contents)

    def cancel(self, attempts: Iterable[Attempt]) -> None:
        """End tasks, and forget them."""
        for attempt in attempts:
            if (task := self._tasks.pop(attempt, None)) is not None:
                self._ray.cancel(task.generator, force=True)

    def close(self) -> None:
        """Disconnect; a cluster that was started here ends."""
        self._ray.shutdown()


def _check_address(address: str) -> None:
    """Refuse an address at which nobody listens; Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise LauncherError(
            f"launcher.address={address}: can't connect: {error}; give the address that "
            "`ray start --head` prints"
        ) from error
