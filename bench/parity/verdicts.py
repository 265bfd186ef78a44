"""Parity verdicts: does this code, with these versions, compute these equations?

The key of a verdict is a hash of code, versions and equations. If any of these changes, the checks
run again. Verdicts are cached next to the dataset in the user's cache folder, so that a sweep runs
only the checks that are new. Each sweep folder gets copies of the verdicts that its runs need.
"""

from __future__ import annotations

import contextlib
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
from bench.process.limits import Limits
from bench.process.supervisor import Supervisor
from bench.records import RunError, Verdict
from bench.results import checksummed, store

EQUATIONS = ("activation", "output", "loss", "optimizer", "initializer")
TIMEOUT_SECONDS = 600.0


def pending_verdict(config: RunConfig) -> Verdict:
    """Return a verdict without rungs, with the code and versions it applies to."""
    implementation, recipe = config.implementation, config.recipe
    hashes = provenance.code_hashes(implementation.module)
    applies_to: dict[str, Any] = {
        "source": hashes[provenance.IMPLEMENTATION],
        "ladder": hashes[provenance.LADDER],
        "options": implementation.options,
        "equations": {name: getattr(recipe, name) for name in EQUATIONS},
        "device": config.device,
        "threads": len(config.cores),
        "instructions": config.instructions,
        "libraries": provenance.library_versions(config),
        "processor": facts.cpu_model(),
    }
    return Verdict(
        schema_version=checksummed.SCHEMA_VERSION,
        key=hashlib.sha256(msgspec.json.encode(applies_to, order="sorted")).hexdigest(),
        implementation=implementation.name,
        checked_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        **applies_to,
    )


def ensure_verdict(
    config: RunConfig,
    pending: Verdict,
    sweep_folder: Path,
    on_verdict: Callable[[Verdict], None],
    supervisor: Supervisor,
) -> None:
    """Run the parity checks unless the sweep folder or the cache contains their result.

    A verdict with an error, for example because memory ran out, is never reused: the next run has
    its checks run again.

    Args:
        config: the run.
        pending: from `pending_verdict` when the run started; changed code makes the verdict an
            error.
        sweep_folder: the verdict is written to this folder.
        on_verdict: called with the verdict if checks were run.
        supervisor: starts the process of the checks.

    Raises:
        FileError: the verdict can't be written.
    """
    path = store.verdict_path(sweep_folder, pending)
    if _read_finished(path) is not None:
        return
    cache_path = _cache_path(pending)
    verdict = _read_finished(cache_path) if cache_path else None
    if verdict is not None:  # an implementation may have been renamed
        verdict = dataclasses.replace(verdict, implementation=pending.implementation)
    else:
        verdicts: list[Verdict] = []
        run_checks([config], [pending], verdicts.append, supervisor)
        (verdict,) = verdicts
        on_verdict(verdict)
    write_shared(path, checksummed.encode(verdict))


def run_checks(
    configs: Sequence[RunConfig],
    pending: Sequence[Verdict],
    on_verdict: Callable[[Verdict], None],
    supervisor: Supervisor,
    cores: Sequence[int] | None = None,
) -> None:
    """Run rungs 1 to 3 for configurations of one module and backend, in a new process.

    Args:
        configs: the runs to check.
        pending: a verdict without rungs for each run, from `pending_verdict`.
        on_verdict: called with each verdict, in the order of `configs`. A verdict has an `error`
            if its checks could not be finished.
        supervisor: starts the process.
        cores: the process is bound to these, as many as the runs have; None for the runs' cores.
    """
    n_received = 0

    def receive(line: bytes) -> None:
        nonlocal n_received
        n_received += 1
        verdict = msgspec.json.decode(line, type=Verdict)
        if verdict.error is None:
            _cache(verdict)
        on_verdict(verdict)

    process_end = supervisor.run_in_process(
        "bench.parity.ladder_worker",
        msgspec.json.encode(list(zip(configs, pending, strict=True))),
        None,
        receive,
        cores=cores or configs[0].cores,
        preload=configs[0].preload,
        backend=configs[0].backend,
        limits=Limits(memory_bytes=configs[0].memory_limit_bytes, total_seconds=TIMEOUT_SECONDS),
        instructions=configs[0].instructions,
    )
    reason = process_end.exceeded_limit or process_end.cause
    error = RunError(type="ProcessEnded", message=reason)
    for verdict in pending[n_received:]:
        on_verdict(dataclasses.replace(verdict, error=error))


def _read_finished(path: Path) -> Verdict | None:
    """Read a verdict; None if it does not exist, has an error, or can't be read."""
    if not path.exists():
        return None
    try:
        verdict = checksummed.read(path, Verdict)
    except store.StoreError:
        return None  # damaged, or written by another version: it is replaced
    return verdict if verdict.error is None else None


def _cache(verdict: Verdict) -> None:
    path = _cache_path(verdict)
    with contextlib.suppress(store.StoreError):  # without a cache, the next checks take seconds
        if path is not None:
            write_shared(path, checksummed.encode(verdict))


def _cache_path(verdict: Verdict) -> Path | None:
    try:
        return cache_folder() / "parity" / f"{verdict.key}.json"
    except RuntimeError:  # no home folder
        return None
