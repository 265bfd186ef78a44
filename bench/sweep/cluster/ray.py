"""Attempts as tasks of Ray: one node each, chosen here. Ray's own retries are off.

Ray may not notice that a node is frozen, so that tasks send a sign of life every few seconds.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import files
from bench.config.schema import LauncherConfig
from bench.console import first_line
from bench.sweep.cluster.attempts import read_datasets, write_failure
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.launcher import EngineEndedError, LauncherError, Node, Placement
from bench.sweep.cluster.messages import REQUEST_NAME
from bench.sweep.cluster.ray_address import check_address

RESOURCE = "bench"  # each node has one
MAX_SILENT_SECONDS = 30.0
MAX_START_SECONDS = 300.0  # until the first sign of life: a worker has to start and import
MAX_HEAD_SILENT_SECONDS = 20.0  # Ray itself kills the command of a dead head after 60 s
# Ray's workers have low priority (15), with which runs would be timed. These names are Ray's.
FULL_PRIORITY = {"RAY_worker_niceness": "0"}


@dataclass
class _Task:
    """A running attempt."""

    generator: Any  # ray.ObjectRefGenerator of lists of files
    node: str
    folder: Path
    silent_until: float  # at the latest, on the monotonic clock; then the node is given up


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
        self._ray = ray
        self._max_nodes = settings.nodes
        self._tasks: dict[Attempt, _Task] = {}
        self._silent: set[str] = set()  # nodes that were given up; Ray may count them as alive
        self._ids: dict[str, str] = {}  # Ray's id of each node
        self._datasets: list[Any] = []  # one reference; outside of a list, Ray would resolve it
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        self._subject, self._to_continue = "launcher=ray", "start the same command to continue"
        if settings.address is None:
            options |= {"include_dashboard": False, "resources": {RESOURCE: 1}}
            # Otherwise, Ray writes ~/.ray/auth_token and tells the user about it; with that file,
            # nodes of `ray start` can't join the next cluster.
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex()
            logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
        else:
            self._subject = f"launcher.address={settings.address}"
            self._to_continue = "start Ray again, then the same command to continue"
            try:
                check_address(settings.address)
            except ConnectionError as error:
                advice = "give the address that `ray start --head` prints"
                raise LauncherError(f"{self._subject}: {error}; {advice}") from error
        with self._errors_named():
            ray.init(address=settings.address or "local", **options)
        self._head = settings.address or ray.get_runtime_context().gcs_address
        self._head_answered = time.monotonic()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (self._ray.exceptions.RayError, ConnectionError, ValueError, RuntimeError) as error:
            raise LauncherError(f"{self._subject}: {first_line(str(error))}") from error

    def nodes(self) -> dict[str, Node]:
        """Return the nodes by address and the first digits of Ray's id."""
        self._check_head()
        found = {}
        with self._errors_named():
            table = self._ray.nodes()
        for entry in table:
            name = f"{entry['NodeManagerAddress']}/{entry['NodeID'][:8]}"
            self._ids[name] = entry["NodeID"]
            has_resource = entry["Resources"].get(RESOURCE, 0) >= 1
            state = "alive" if entry["Alive"] else "dead"
            if entry["Alive"] and not has_resource:
                state = f"no {RESOURCE!r}"
            found[name] = Node(state=state, usable=entry["Alive"] and has_resource)
        return found

    def _check_head(self) -> None:
        """Check that Ray's head answers: without it, calls of Ray wait, then end the process."""
        try:
            check_address(self._head)
            self._head_answered = time.monotonic()
        except ConnectionError as error:
            problem = f"{self._subject}: Ray's head {self._head} does not answer ({error})"
            if time.monotonic() - self._head_answered < MAX_HEAD_SILENT_SECONDS:
                raise LauncherError(problem) from error
            lost = "the blocks that were running are lost"
            raise EngineEndedError(f"{problem}; {lost}; {self._to_continue}") from error

    def _free_nodes(self, excluded: frozenset[str]) -> list[str]:
        """Return the nodes that are alive and execute no attempt of this command.

        Silent nodes are left out unless all are silent.
        """
        busy = {task.node for task in self._tasks.values()}
        usable = [name for name, node in self.nodes().items() if node.usable]
        usable = [name for name in usable if name not in excluded]
        answering = [name for name in usable if name not in self._silent]
        return [name for name in answering or usable if name not in busy]

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
        started = {}
        with self._errors_named():
            for (attempt, folder), node in zip(folders.items(), free, strict=False):
                if not self._datasets:
                    self._datasets = [self._ray.put(read_datasets(folder.parent))]
                task = self._ray.remote(ray_node.execute).options(
                    num_cpus=0,
                    num_returns="streaming",
                    resources={RESOURCE: 1},
                    max_retries=0,
                    runtime_env={"env_vars": FULL_PRIORITY},
                    scheduling_strategy=NodeAffinitySchedulingStrategy(self._ids[node], soft=False),
                )
                # The address stays when Ray is started again, its id does not.
                arguments = (folder / REQUEST_NAME).read_bytes(), node.partition("/")[0]
                generator = task.remote(*arguments, self._datasets)
                self._tasks[attempt] = _Task(
                    generator, node, folder, time.monotonic() + MAX_START_SECONDS
                )
                started[attempt] = node
        return started

    def resume(self, attempt: Attempt, engine_id: str) -> None:
        """Do nothing: tasks end with the command that has started them."""

    def active(self) -> dict[Attempt, Placement]:
        """Receive files; return the attempts that are still running."""
        with self._errors_named():
            for attempt, task in list(self._tasks.items()):
                if not self._receive(task):
                    self.cancel([attempt])
        return {
            attempt: Placement(running=True, node=task.node)
            for attempt, task in self._tasks.items()
        }

    def _receive(self, task: _Task) -> bool:
        """Write what a task has sent; return whether it may send more."""
        while True:
            ready, _ = self._ray.wait([task.generator], timeout=0)
            if not ready:
                if time.monotonic() < task.silent_until:
                    return True
                self._silent.add(task.node)
                write_failure(task.folder, f"no sign of life for {MAX_SILENT_SECONDS:.0f} s")
                return False
            try:
                sent = self._ray.get(next(task.generator))
            except StopIteration:
                return False
            except self._ray.exceptions.RayError as error:
                reason = f"Ray: {type(error).__name__}: {first_line(str(error))}"
                write_failure(task.folder, reason)
                return False
            task.silent_until = time.monotonic() + MAX_SILENT_SECONDS
            for name, contents in sent:
                if ".." in Path(name).parts or Path(name).is_absolute():
                    raise LauncherError(f"node {task.node}: sent a file called {name!r}")
                files.write_atomically(task.folder / name, contents)

    def cancel(self, attempts: Iterable[Attempt]) -> None:
        """End tasks, and forget them."""
        for attempt in attempts:
            if (task := self._tasks.pop(attempt, None)) is not None:
                self._ray.cancel(task.generator, force=True)

    def close(self) -> None:
        """Disconnect; a cluster that was started here ends."""
        self._ray.shutdown()
