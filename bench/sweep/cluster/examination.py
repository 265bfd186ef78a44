"""Examine the nodes of a cluster: one small attempt on each, as a sweep would start it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import provenance
from bench.config.schema import RunConfig
from bench.data import copies
from bench.data.datasets import SYNTHETIC
from bench.sweep.cluster.attempts import Attempts
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.launcher import Launcher, LauncherError, connect
from bench.sweep.cluster.messages import BlockRequest, NodeFacts

POLL_SECONDS = 0.5
GRACE_SECONDS = 5.0  # until files of an attempt that has ended are visible here


@dataclass(frozen=True)
class Examined:
    """A node, and what it has answered.

    Attributes:
        name: of the node in the cluster.
        state: in the engine's words.
        facts: the answer; None without one.
        silence: why there is no answer; "" if the node takes no part.
    """

    name: str
    state: str
    facts: NodeFacts | None = None
    silence: str = ""


def examine_nodes(
    configs: Sequence[RunConfig], user_folder: Path | None, time_limit_seconds: float
) -> list[Examined]:
    """Start a small attempt on each node, and collect the answers.

    Args:
        configs: the runs that the nodes should be able to execute; all with one launcher.
        user_folder: folder given with --config-dir.
        time_limit_seconds: nodes that have not answered after this time are not waited for.

    Returns:
        All nodes of the cluster, sorted by name.

    Raises:
        LauncherError: the engine can't be used.
        FileError: the folder for results can't be written to.
    """
    results = Path(configs[0].results_folder)  # sweeps need it on all nodes, too
    with contextlib.ExitStack() as stack:
        try:
            if not results.exists():
                results.mkdir(parents=True)
                stack.callback(results.rmdir)
            folder = tempfile.TemporaryDirectory(prefix=".doctor-", dir=results)
        except OSError as error:
            raise LauncherError(f"{results}: can't be written to: {error.strerror}") from error
        attempts = Attempts(Path(stack.enter_context(folder)))
        launcher = connect(configs[0].launcher, attempts.folder)
        stack.callback(launcher.close)
        needed = {each.dataset for each in configs if each.dataset.name != SYNTHETIC}
        attempts.write_datasets({settings: copies.find(settings) for settings in needed})
        return _examine(launcher, attempts, _request(configs, user_folder), time_limit_seconds)


def _request(configs: Sequence[RunConfig], user_folder: Path | None) -> BlockRequest:
    return BlockRequest(
        configs=tuple(configs),
        code=tuple(provenance.code_fingerprint(config) for config in configs),
        requested_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        allow_mixed=configs[0].launcher.allow_mixed,
        user_folder=str(user_folder) if user_folder else None,
        examine=True,
    )


def _examine(
    launcher: Launcher, attempts: Attempts, request: BlockRequest, time_limit_seconds: float
) -> list[Examined]:
    nodes = launcher.nodes()
    waiting: dict[str, Attempt] = {}
    silence: dict[str, str] = {}
    usable = sorted(name for name, node in nodes.items() if node.usable)
    for number, name in enumerate(usable, start=1):
        attempt = Attempt("examination", number)
        folder = attempts.write_request(attempt, request)
        others = frozenset(nodes.keys() - {name})
        if launcher.start({attempt: folder}, others):
            waiting[name] = attempt
        else:
            silence[name] = "could not be started on this node"
    facts: dict[str, NodeFacts] = {}
    ended: dict[str, float] = {}
    end = time.monotonic() + time_limit_seconds
    try:
        while waiting and time.monotonic() < end:
            active = launcher.active()
            for name, attempt in list(waiting.items()):
                if (outcome := attempts.outcome(attempt)) is not None:
                    del waiting[name]
                    if outcome.facts is not None:
                        facts[name] = outcome.facts
                    else:
                        silence[name] = outcome.reason
                elif attempt in active:
                    continue
                elif time.monotonic() - ended.setdefault(name, time.monotonic()) > GRACE_SECONDS:
                    del waiting[name]
                    silence[name] = (
                        "ended without an answer; can the node use "
                        f"{attempts.folder.parent.parent.absolute()} and this Python?"
                    )
            if waiting:
                time.sleep(POLL_SECONDS)
    finally:
        launcher.cancel(waiting.values())
    for name in waiting:
        silence[name] = f"no answer in {time_limit_seconds:g} s; is the node busy?"
    return [
        Examined(name, node.state, facts.get(name), silence.get(name, ""))
        for name, node in sorted(nodes.items())
    ]
