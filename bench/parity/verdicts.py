"""Parity verdicts: does this code, with these versions, compute these equations?

A verdict holds for exactly what its key was made from; anything else, such as another version of a
library, is checked anew. Verdicts are kept beside the dataset in the user's cache, so that a sweep
checks only what has changed; each sweep folder gets copies of those that its runs need.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench import provenance
from bench.config.schema import RunConfig
from bench.files import cache_folder, write_shared
from bench.machine import facts
from bench.parity.protocol import ParityRequest
from bench.process.supervisor import Limits, Supervisor
from bench.records import RunError, Verdict
from bench.results import store

EQUATIONS = ("activation", "output", "loss", "optimizer", "initializer")
TIMEOUT_SECONDS = 600.0


def pending_verdict(config: RunConfig) -> Verdict:
    """Return a verdict without rungs: all that the verdict on a run made now will hold for."""
    implementation, recipe = config.implementation, config.recipe
    hashes = provenance.code_hashes(implementation.module)
    holds_for: dict[str, Any] = {
        "source": hashes[provenance.IMPLEMENTATION],
        "ladder": hashes[provenance.LADDER],
        "options": implementation.options,
        "equations": {name: getattr(recipe, name) for name in EQUATIONS},
        "device": config.device,
        "threads": len(config.cores),
        "libraries": provenance.library_versions(config),
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


def ensure_verdict(
    config: RunConfig,
    pending: Verdict,
    sweep_folder: Path,
    on_verdict: Callable[[Verdict], None],
    supervisor: Supervisor,
) -> None:
    """Run the parity checks unless the sweep folder or the cache already holds their result.

    A verdict with an error, for lack of memory say, or one that can't be read, holds only for this
    run: the next one has its checks run again.

    Args:
        config: the run.
        pending: from `pending_verdict`, of the moment at which the run was started. Where the code
            has changed since, the new code is not taken for the old: the verdict is an error.
        sweep_folder: gets the verdict.
        on_verdict: called with the verdict if checks had to be run.
        supervisor: starts the process of the checks.

    Raises:
        FileError: the verdict can't be written.
    """
    path = store.verdict_path(sweep_folder, pending)
    if _read_finished(path) is not None:
        return
    verdict = known_verdict(pending)
    if verdict is None:
        verdicts: list[Verdict] = []
        run_checks([config], [pending], verdicts.append, supervisor)
        (verdict,) = verdicts
        on_verdict(verdict)
    write_shared(path, store.encode(verdict))


def known_verdict(pending: Verdict) -> Verdict | None:
    """Return the verdict from the cache; None if there is none that can be read."""
    path = _cache_path(pending)
    verdict = None if path is None else _read_finished(path)
    if verdict is None:
        return None
    return dataclasses.replace(verdict, implementation=pending.implementation)


def run_checks(
    configs: Sequence[RunConfig],
    pending: Sequence[Verdict],
    on_verdict: Callable[[Verdict], None],
    supervisor: Supervisor,
    cores: Sequence[int] | None = None,
) -> None:
    """Run rungs 1 to 3 for configurations of one module, in a process of its own.

    Args:
        configs: what to check.
        pending: the verdict on each without rungs, from `pending_verdict`.
        on_verdict: called with the verdict on each, in their order, as it comes. It has an `error`
            if the checks could not be finished.
        supervisor: starts the process.
        cores: to bind the process to, as many as the runs have; None for those of the runs.
    """
    waiting = list(pending)
    request = ParityRequest(configs=tuple(configs), pending=tuple(pending))

    def receive(line: bytes) -> None:
        verdict = msgspec.json.decode(line, type=Verdict)
        waiting.remove(next(entry for entry in waiting if entry.key == verdict.key))
        if verdict.error is None:
            _cache(verdict)
        on_verdict(verdict)

    ended = supervisor.run_request(
        "bench.parity.worker",
        msgspec.json.encode(request),
        None,
        receive,
        cores=cores or configs[0].cores,
        preload=configs[0].preload,
        limits=Limits(memory_bytes=configs[0].memory_limit_bytes, total_seconds=TIMEOUT_SECONDS),
    )
    error = RunError(type="ProcessEnded", message=ended.late or ended.cause)
    for verdict in waiting:
        on_verdict(dataclasses.replace(verdict, error=error))


def _read_finished(path: Path) -> Verdict | None:
    """Read a verdict; None if there is none, it has an error, or it can't be read."""
    if not path.exists():
        return None
    try:
        verdict = store.read_verdict(path)
    except store.StoreError:
        return None  # written by another version, or damaged: checked anew and written over
    return verdict if verdict.error is None else None


def _cache(verdict: Verdict) -> None:
    path = _cache_path(verdict)
    try:
        if path is not None:
            write_shared(path, store.encode(verdict))
    except store.StoreError:
        return  # a cache that can't be written to costs a few seconds, the next time


def _cache_path(verdict: Verdict) -> Path | None:
    try:
        return cache_folder() / "parity" / f"{verdict.key}.json"
    except RuntimeError:  # no home folder
        return None
