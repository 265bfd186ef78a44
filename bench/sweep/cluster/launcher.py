"""What a launcher does: start attempts on nodes, and say which of them are still active."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.config.schema import LauncherConfig
from bench.errors import BenchError
from bench.sweep.cluster.dispatcher import Attempt


class LauncherError(BenchError):
    """The engine can't be used; the message says why and what to do."""


class EngineEndedError(LauncherError):
    """The engine has ended, and all attempts with it; waiting for an answer is useless."""


@dataclass(frozen=True)
class Placement:
    """Where an active attempt is."""

    running: bool  # False: it waits for a node
    node: str | None


@dataclass(frozen=True)
class Node:
    """A node of the cluster."""

    state: str  # in the engine's words
    usable: bool  # it executes attempts, now or when it is free


class Launcher(Protocol):
    """An engine that executes attempts on nodes, each on a whole node.

    All methods raise LauncherError if the engine does not answer or refuses.
    """

    def nodes(self) -> Mapping[str, Node]:
        """Return the nodes of the cluster by name."""
        ...

    def n_free(self, excluded: frozenset[str]) -> int:
        """Return how many more attempts may be started now."""
        ...

    def start(
        self, folders: Mapping[Attempt, Path], excluded: frozenset[str]
    ) -> dict[Attempt, str]:
        """Start attempts, each with a folder that contains its request.

        Args:
            folders: the attempts, and their folders.
            excluded: nodes that must not be used.

        Returns:
            The engine's id of each attempt that was started.
        """
        ...

    def resume(self, attempt: Attempt, engine_id: str) -> None:
        """Watch an attempt that an earlier command has started."""
        ...

    def active(self) -> Mapping[Attempt, Placement]:
        """Return the attempts that have not ended."""
        ...

    def cancel(self, attempts: Iterable[Attempt]) -> None:
        """End attempts; those that have ended are ignored."""
        ...

    def close(self) -> None:
        """Disconnect from the engine; attempts that it keeps go on."""
        ...


def connect(settings: LauncherConfig, folder: Path) -> Launcher:
    """Return the launcher that the configuration names.

    Args:
        settings: the configuration's `launcher`; not `local`.
        folder: of the attempts.

    Raises:
        LauncherError: the engine is not installed, or can't be reached.
    """
    if settings.name == "ray":
        from bench.sweep.cluster.ray import RayLauncher

        return RayLauncher(settings)
    from bench.sweep.cluster.slurm import SlurmLauncher

    return SlurmLauncher(settings, folder)
