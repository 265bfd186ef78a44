"""The gate before a ranking: for a run's code, versions and equations, has the ladder been climbed?

A verdict holds for exactly what its key was made from; anything else, such as another version of a
library, is judged anew. Verdicts are kept beside the dataset in the user's cache, so a sweep climbs
only what has changed, and each sweep gets copies of those that its runs need.
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import bench
from bench import files, provenance, registry
from bench.config.schema import RunConfig
from bench.machine import facts
from bench.process.supervisor import Supervisor
from bench.records import RunError, Verdict
from bench.results import store

JUDGES = (
    "contract.py", "training/sampling.py",
    "parity/distances.py", "parity/ladder.py", "parity/reference.py",
)  # fmt: skip
EQUATIONS = ("activation", "output", "loss", "optimizer", "initializer")
TIMEOUT_SECONDS = 600.0


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """To the process: configurations of one module, and what their verdicts will hold for."""

    configs: tuple[RunConfig, ...]
    unjudged: tuple[Verdict, ...]


def unjudged(config: RunConfig) -> Verdict:
    """Return a verdict without rungs: all that one about this configuration will hold for."""
    implementation, recipe = config.implementation, config.recipe
    holds_for: dict[str, Any] = {
        "source": provenance.hash_of([registry.source(implementation.module)]),
        "ladder": provenance.hash_of(Path(bench.__file__).parent / name for name in JUDGES),
        "options": implementation.options,
        "equations": {name: getattr(recipe, name) for name in EQUATIONS},
        "device": config.device,
        "threads": len(config.cores),
        "libraries": {
            "python": platform.python_version(),
            **facts.versions(implementation.libraries),
        },
        "processor": facts.cpu_model(),
    }
    key = hashlib.sha256(msgspec.json.encode(holds_for, order="sorted")).hexdigest()
    return Verdict(
        schema_version=store.SCHEMA_VERSION,
        key=key,
        implementation=implementation.name,
        checked_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        **holds_for,
    )


def known(wanted: Verdict) -> Verdict | None:
    """Return the verdict from the cache; None where there is none that can be read."""
    path = _cached(wanted)
    verdict = None if path is None else _reached(path)
    if verdict is None:
        return None
    return dataclasses.replace(verdict, implementation=wanted.implementation)


def examine(
    configs: Sequence[RunConfig],
    on_verdict: Callable[[Verdict], None],
    launcher: Supervisor,
    cores: Sequence[int] | None = None,
) -> None:
    """Climb the ladder for configurations of one module, in a process of its own.

    Args:
        on_verdict: called with the verdict on each, in their order, as it comes. One that could not
            be reached has an `error`.
        cores: to bind the process to, as many as the runs have; None for those of the runs.
    """
    waiting = [unjudged(config) for config in configs]
    request = Examination(configs=tuple(configs), unjudged=tuple(waiting))

    def hear(line: bytes) -> None:
        verdict = msgspec.json.decode(line, type=Verdict)
        waiting.remove(next(one for one in waiting if one.key == verdict.key))
        if verdict.error is None:
            _keep(verdict)
        on_verdict(verdict)

    ended = launcher.run_request(
        "bench.parity.worker",
        msgspec.json.encode(request),
        None,
        hear,
        cores=cores or configs[0].cores,
        preload=configs[0].preload,
        timeout_seconds=TIMEOUT_SECONDS,
        memory_limit_bytes=configs[0].memory_limit_bytes,
    )
    message = f"not finished after {TIMEOUT_SECONDS:g} s" if ended.timed_out else ended.cause
    for verdict in waiting:
        error = RunError(type="ProcessEnded", message=message)
        on_verdict(dataclasses.replace(verdict, error=error))


def judge(
    config: RunConfig,
    sweep_folder: Path,
    announce: Callable[[Verdict], None],
    launcher: Supervisor,
) -> str:
    """See that a sweep holds the verdict on a run, and return the verdict's key.

    A verdict that was not reached, for want of memory say, or that can't be read, holds for no
    longer than the run: for the next one the ladder is climbed again.

    Args:
        announce: called with the verdict where the ladder had to be climbed for it.

    Raises:
        StoreError: the verdict can't be written.
    """
    wanted = unjudged(config)
    path = store.verdict_path(sweep_folder, wanted)
    if _reached(path) is not None:
        return wanted.key
    verdict = known(wanted)
    if verdict is None:
        verdicts: list[Verdict] = []
        examine([config], verdicts.append, launcher)
        (verdict,) = verdicts
        announce(verdict)
    files.write_shared(path, store.encode(verdict))
    return wanted.key


def _reached(path: Path) -> Verdict | None:
    """Read a verdict; None where there is none, none was reached, or it can't be read."""
    if not path.exists():
        return None
    try:
        verdict = store.read_verdict(path)
    except store.StoreError:
        return None  # written by another edition, or damaged: judged anew and written over
    return verdict if verdict.error is None else None


def _keep(verdict: Verdict) -> None:
    path = _cached(verdict)
    try:
        if path is not None:
            files.write_shared(path, store.encode(verdict))
    except store.StoreError:
        return  # a cache that can't be written to costs a few seconds, the next time


def _cached(verdict: Verdict) -> Path | None:
    try:
        return facts.cache_folder() / "parity" / f"{verdict.key}.json"
    except RuntimeError:  # no home folder
        return None
