"""The request for a block, and whether the records of a block satisfy it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench import provenance
from bench.records import BROKEN, RunRecord, Verdict
from bench.sweep.cluster.dispatcher import Attempt
from bench.sweep.cluster.messages import BlockRequest
from bench.sweep.jobs import Job

OF_MACHINE = {
    *provenance.MACHINE_KEYS,
    "gpu driver",
    *(f"variable {name}" for name in provenance.GPU_VARIABLES),
}


def request_for(jobs: Sequence[Job], attempt: Attempt, known: Sequence[Verdict]) -> BlockRequest:
    """Return the request for an attempt at a block.

    Args:
        jobs: the runs of the block.
        attempt: the attempt.
        known: verdicts of the sweep; the request contains those that the block needs.
    """
    keys = {job.pending_verdict.key for job in jobs}
    return BlockRequest(
        configs=tuple(job.config for job in jobs),
        code=tuple(without_machine(job.fingerprints) for job in jobs),
        verdicts=tuple(verdict for verdict in known if verdict.key in keys),
        requested_at=jobs[0].requested_at,
        attempt=attempt.number,
        allow_mixed=jobs[0].config.launcher.allow_mixed,
        user_folder=str(jobs[0].user_folder) if jobs[0].user_folder else None,
    )


def is_complete(jobs: Sequence[Job], records: Mapping[str, RunRecord]) -> bool:
    """Return whether all runs of a block have records of one node, made with the current code.

    With `launcher.allow_mixed`, nodes may have other code and versions.
    """
    found = [records.get(job.run_id) for job in jobs]
    if any(record is None or record.status in BROKEN for record in found):
        return False
    kept = [record for record in found if record is not None]
    current = jobs[0].config.launcher.allow_mixed or all(
        not provenance.what_changed(
            without_machine(record.made_with), without_machine(job.fingerprints)
        )
        for record, job in zip(kept, jobs, strict=True)
    )
    return current and len({record.node for record in kept}) == 1


def without_machine(fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Leave out what may differ between nodes: processor, cores, GPU, and how jobs select a GPU."""
    return {key: value for key, value in fingerprints.items() if key not in OF_MACHINE}
